"""`barrio apply` that finds everything as it should be, InfluxDB and Grafana: the demo district, 20 ms a call.

Against the stand-ins, and all of what the command does after it is loaded: reading the district's files, generating
dashboards, asking both servers, comparing.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from barrio.commands import provision
from barrio.settings import Settings
from tests.bench.result import RUNS, median_of, print_results
from tests.provisioning.grafana_stand_in import ADMIN, GrafanaStandIn
from tests.provisioning.influx_stand_in import ORG, InfluxStandIn

LATENCY_S = 0.02
DISTRICT = "ciudad-maderas"


def main() -> None:
    """Apply once, then measure applies that have nothing to do."""
    with tempfile.TemporaryDirectory() as folder, InfluxStandIn() as influx, GrafanaStandIn() as grafana:
        settings = Settings(
            store=influx.url,
            store_org=ORG,
            admin_token=influx.operator,
            tokens=Path(folder),
            grafana=grafana.url,
            grafana_token=ADMIN,
            grafana_store="http://influxdb:8086",
        )

        def once() -> tuple[float, int]:
            begun = time.perf_counter()
            outcome = provision.apply(settings, provision.Asked([DISTRICT]), lambda _: None)
            took = time.perf_counter() - begun
            if outcome.error is not None:
                raise outcome.error
            return took, len(outcome.done)

        once()
        influx.latency_s = grafana.latency_s = LATENCY_S
        influx.calls.clear()
        grafana.forget()
        runs = [once() for _ in range(RUNS)]
        if any(done for _, done in runs):
            raise RuntimeError("an apply that has nothing to do did something")
        calls = (len(influx.calls) + len(grafana.calls)) // RUNS
    times = [took for took, _ in runs]
    print_results([median_of("apply_unchanged", "s", "<= 3.0", times, calls=calls)])


if __name__ == "__main__":
    main()
