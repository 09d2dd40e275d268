"""Grafana dashboards, generated from a district's files alone."""
