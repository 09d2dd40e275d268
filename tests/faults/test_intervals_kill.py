"""Settling that is killed, at any of its writes."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.settler import AT_ONCE, DAYS, MOMENTS, opened
from tests.twin.intervals.bench import OTHER, START
from tests.twin.intervals.meter import DAY, HOUR, SERIES
from twin.intervals import maker
from twin.intervals.flags import Flag

ROUNDS = 24
LATE = (START + 5 * HOUR, START + 12 * HOUR)


def prepare(folder: Path) -> None:
    """Read two meters for long, settle the first days, then hear late of some hours of the first one."""
    folder.mkdir()
    bench = opened(folder)
    points = [(at, 1_000 + 7 * number + number % 5) for number, at in enumerate(MOMENTS)]
    late = [one for one in points if LATE[0] <= one[0] < LATE[1]]
    bench.write([one for one in points if one not in late])
    bench.write(points, OTHER)
    bench.settle(START + 3 * DAY)
    bench.write(late)
    assert bench.book.marks()
    bench.close()


def finished(folder: Path) -> tuple[list[list[list[int]]], Counter[tuple[str, int]]]:
    """Settle the rest; return what the days are, and how often versions with a cause have so many days."""
    bench = opened(folder)
    bench.look()
    bench.settle()
    found: list[list[list[int]]] = []
    versions: dict[int, list[str]] = {}
    for one in (SERIES, OTHER):
        line = bench.days(number=DAYS, series=one)
        found.append([column.tolist() for column in (line.edges, line.register, line.delta, line.flag)])
        assert int(line.version.min()) > 0
        for version, _, _ in bench.book.history(one, 0, 2**62):
            versions.setdefault(version.number, []).append(version.cause)
    assert sorted(versions) == list(range(1, bench.book.newest() + 1))
    assert not bench.book.marks()
    bench.close()
    return found, Counter((causes[0], len(causes)) for causes in versions.values())


@pytest.mark.timeout(300)
def test_settling_is_killed_at_each_of_its_writes(tmp_path, monkeypatch):
    """Days are settled once, whole, and as if nobody had been killed; what came late is one version."""
    monkeypatch.setattr(maker, "DAYS_AT_ONCE", AT_ONCE)
    prepare(tmp_path / "killed")
    prepare(tmp_path / "whole")
    command = [sys.executable, "-m", "tests.faults.settler", str(tmp_path / "killed"), str(ROUNDS)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    days, versions = finished(tmp_path / "killed")

    assert (said.returncode, said.stdout.strip()) == (0, str(ROUNDS)), said.stderr
    assert (days, versions) == finished(tmp_path / "whole")
    assert versions["late", 1] == 1
    assert Flag.LATE in days[0][3]
