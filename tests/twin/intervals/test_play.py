"""Whatever happens to a meter, in whatever order: registers add up, and what a version said is said again."""

import uuid
from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.twin.intervals.bench import START, Bench
from tests.twin.intervals.meter import DAY, HOUR, NS
from twin.intervals.edits import EditKind
from twin.store.duckdb import DuckDBStore

actions = st.lists(
    st.tuples(
        st.sampled_from(["on", "on", "gap", "late", "settle", "look", "change", "ignore", "hand", "restart"]),
        st.integers(0, 10_000),
    ),
    min_size=4,
    max_size=18,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions)
def test_whatever_happens_registers_add_up_and_versions_stay(tmp_path, actions):
    """Readings, gaps, late arrivals, changes of the meter, decisions, restarts: the books balance after each."""
    folder = tmp_path / uuid.uuid4().hex
    folder.mkdir()
    bench = Bench(DuckDBStore(folder / "twin.duckdb"), folder)
    try:
        _play(bench, actions)
    finally:
        bench.close()


def _play(bench: Bench, actions) -> None:
    play = _Play(bench)
    billed: dict[int, list[object]] = {}
    for what, number in actions:
        getattr(play, what)(number)
        bench.look()
        _balance(bench, play.changed, play.at)
        billed[bench.book.newest()] = _picture(bench, bench.book.newest(), play.at)
        for version, picture in billed.items():
            assert _picture(bench, version, play.at) == picture


class _Play:
    """What may happen to a meter, each by its name and with a number to go by."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.at, self.shows = bench, START - HOUR, 1_000
        self.held: list[list[tuple[int, int]]] = []
        self.changed: list[tuple[int, int, int]] = []

    def _read(self, number: int) -> list[tuple[int, int]]:
        points = []
        for _ in range(40):
            self.at += (number % 3_000 + 61) * NS
            self.shows += number % 90
            points.append((self.at, self.shows))
        return points

    def on(self, number: int) -> None:
        self.bench.write(self._read(number))

    def gap(self, number: int) -> None:
        self.held.append(self._read(number))

    def late(self, number: int) -> None:
        if self.held:
            self.bench.write(self.held.pop(number % len(self.held)))

    def change(self, number: int) -> None:
        self.at += 100 * NS
        self.bench.decide(EditKind.METER_CHANGE, self.at, self.at, self.shows, number)
        self.changed.append((self.at, self.shows, number))
        self.shows = number

    def ignore(self, number: int) -> None:
        begin = START + number * 40 * NS
        self.bench.decide(EditKind.IGNORE, begin, begin + HOUR)

    def hand(self, _number: int) -> None:
        self.at += 50 * NS
        self.bench.decide(EditKind.READ, self.at, self.at, self.shows)

    def settle(self, _number: int) -> None:
        self.bench.settle()

    def look(self, _number: int) -> None:
        self.bench.look()

    def restart(self, _number: int) -> None:
        self.bench.book.close()
        self.bench.opened()


def _balance(bench: Bench, changed, at: int) -> None:
    """Any stretch between two known boundaries adds up to the registers and the meters that were changed in it."""
    line = bench.days(START, max(1, (at - START) // DAY + 2))
    assert (line.delta >= 0).all()
    known = np.flatnonzero(line.known)
    for first, last in ((known[0], known[-1]), (known[len(known) // 2], known[-1])) if len(known) > 1 else ():
        between = [one for one in changed if line.edges[first] < one[0] <= line.edges[last]]
        expected = line.register[last] - line.register[first] + sum(old - new for _, old, new in between)
        assert line.delta[first:last].sum() == expected


def _picture(bench: Bench, version: int, at: int):
    line = bench.days(START, max(1, (at - START) // DAY + 2), version)
    settled = replace(line).version > 0
    return list(zip(line.edges[:-1][settled], line.delta[settled], line.flag[settled], strict=True))
