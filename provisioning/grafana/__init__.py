"""Grafana: folders, data sources, dashboards, teams, receivers and alert rules of districts, as steps of a plan.

`client` speaks HTTP and says what went wrong, `api` has the calls, `found` asks for all that is there at once. Each
part (`folders`, `people`, `sources`, `pages`, `alerting`) says what it wants and what is to be done; `target` puts
them in order. How ours is told from other people's, and a change by hand from one of the code, is in `marks`.
"""
