"""Derived points: what no sensor measures, computed from what some do (`derived.yaml`), and stored like any point."""
