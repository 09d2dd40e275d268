"""Tests of what dashboards are made of."""
