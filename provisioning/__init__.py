"""Keeps an InfluxDB and a Grafana in the state that the districts' files say."""
