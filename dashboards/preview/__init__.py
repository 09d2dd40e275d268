"""Dashboards without a Grafana: their queries asked as Grafana asks them, their panels drawn as pictures."""
