"""The store: one port, two adapters (DuckDB embedded, InfluxDB), one contract."""
