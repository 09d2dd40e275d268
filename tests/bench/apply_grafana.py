"""Grafana's half of a `barrio apply` that finds everything as it should be: the demo district, 20 ms a call.

Against the stand-in, which does little itself: what is measured is how many questions are asked one after another,
generating the dashboards, and comparing them.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from dashboards.generate import Options, generate
from provisioning.grafana.client import Login
from provisioning.grafana.target import Access, Grafana
from provisioning.plan import apply
from provisioning.tokens import Tokens, read_name
from tests.bench.result import RUNS, median_of, print_results
from tests.dashboards.districts import demo
from tests.provisioning.grafana_stand_in import ADMIN, GrafanaStandIn
from twin.resolution import Resolution

LATENCY_S = 0.02


def main() -> None:
    """Apply once, then measure applies that have nothing to do."""
    district = demo()
    with tempfile.TemporaryDirectory() as folder, GrafanaStandIn() as server:
        tokens = Tokens(Path(folder))
        for resolution in Resolution:
            tokens.write(read_name(district.id, resolution), f"token-{resolution.value}")
        access = Access(server.url, Login(token=ADMIN), "http://influxdb:8086")

        def once() -> float:
            target = Grafana(access, [district], tokens, Options(), generate, lambda name: f"secret-{name}")
            begun = time.perf_counter()
            outcome = apply(target.plan())
            took = time.perf_counter() - begun
            target.close()
            if outcome.error is not None:
                raise outcome.error
            return took

        once()
        server.latency_s = LATENCY_S
        server.forget()
        runs = [once() for _ in range(RUNS)]
        if server.writes:
            raise RuntimeError(f"an apply that has nothing to do wrote: {server.writes}")
        calls = len(server.calls) // RUNS
    print_results([median_of("apply_unchanged_grafana", "s", "<= 2.0", runs, calls=calls)])


if __name__ == "__main__":
    main()
