"""`make bench`: every number that was asked for, measured here and now, as JSON.

Each benchmark is a module with a `main()` that prints one JSON line a figure; it runs in a process of its own, so that
memory and threads of one do not weigh on the next. Words go to stderr, the last line of stdout is the whole result.
Name modules to run only those: `python -m tests.bench frames_to_store`.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests import ROOT

BENCHMARKS = (
    "frames_to_store",
    "modbus_to_store",
    "modbus_devices",
    "opcua_to_store",
    "opcua_link",
    "coap_observed",
    "mqtt_rate",
    "comeback",
    "line_protocol",
    "memory",
    "spool_start",
    "derived",
    "asof",
    "backtest",
    "living",
    "silence",
    "commands",
    "completeness",
    "history",
    "catalogue",
    "sensorthings",
    "rollups",
    "intervals",
    "facts",
    "tables",
    "exports",
    "dashboards",
    "grafana_queries",
    "apply_grafana",
    "provisioning",
    "stream",
    "latest",
)
TIMEOUT_S = 600


def main() -> int:
    """Run the benchmarks; 0 when every figure is as asked."""
    names = sys.argv[1:] or list(BENCHMARKS)
    results: list[dict[str, Any]] = []
    before = _ticks()
    for name in names:
        results += _run(name)
    print(json.dumps({"machine": _machine() | _stolen(before, _ticks()), "benchmarks": results}))
    return 0 if all(result["ok"] for result in results) else 1


def _run(name: str) -> list[dict[str, Any]]:
    _say(f"{name} …")
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", f"tests.bench.{name}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        return [{"name": name, "value": None, "unit": "", "asked": "", "ok": False, "note": "it did not run"}]
    results = [json.loads(line) for line in done.stdout.splitlines()]
    for result in results:
        asked = f"   asked {result['asked']}" if result["asked"] else ""
        verdict = "" if result["ok"] else "   NOT REACHED"
        _say(f"  {result['name']}: {result['value']:,} {result['unit']}{asked}{verdict}")
    _say(f"  ({time.monotonic() - begun:.0f} s)")
    return results


def _machine() -> dict[str, Any]:
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def _ticks() -> list[int]:
    """Busy and idle time of all processors so far, by kind, as the kernel counts it; empty where it does not say."""
    stat = Path("/proc/stat")
    return (
        [int(word) for word in stat.read_text("utf-8").split("\n", 1)[0].split()[1:9]]
        if stat.is_file()
        else []
    )


def _stolen(before: list[int], after: list[int]) -> dict[str, Any]:
    """How much of the busy time other guests of the host took: where it is more than nothing, CPU figures are high."""
    passed = [late - early for early, late in zip(before, after, strict=True)]
    if not passed:
        return {}
    busy = sum(passed) - passed[3] - passed[4]
    return {"stolen_percent_of_busy": round(100 * passed[7] / max(busy, 1), 1)}


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _say(words: str) -> None:
    sys.stderr.write(words + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
