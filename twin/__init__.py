"""The twin: model, live state, ingest, spool, store and ledger; no protocol, no HTTP server, no Grafana."""
