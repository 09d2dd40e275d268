"""Rollups in an InfluxDB: one line a series and window, in a database for each resolution.

Fields of a gauge: `mean`, `min`, `max`, `last`; of a counter: `delta`, `last`; of a state: `state_s:NAME` for each
state that occurred, in seconds, and `last_state`; of all: `count`, `good_s`. All are floats but the name of a state. A
window without readings has `count` and `good_s`, and the seconds of a state that lasted.

InfluxDB merges two writes of one row field by field. So what stands there of states and increases is looked at first,
and 0 is said for what is not so any more; a mean that stands beside a `count` of 0 is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from twin.clock import NS
from twin.facts import COVERAGE, Fact
from twin.store.history import is_state
from twin.store.lineprotocol import clean, escape_tag, line_of, quote
from twin.store.rollup import COLUMNS, Held, Rollups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from twin.frame import Ids, Times, Values
    from twin.resolution import Resolution
    from twin.store.port import Series

STATE_SECONDS = "state_s:"

_LINES_A_REQUEST = 5_000
_OF_READINGS = ("mean", "min", "max", "last")


def state_field(name: str) -> str:
    """Return the name of the field that holds the seconds of a state, as it is asked for."""
    return STATE_SECONDS + clean(name).replace("\\", "\ufffd")


def lines(
    rows: Rollups,
    series: Mapping[int, Series],
    states: Mapping[int, str],
    beginning: Callable[[int], str],
    before: Rollups,
) -> Iterator[bytes]:
    """Yield the lines of rollups in portions; `before` are those of counters and states that stand there."""
    found: list[str] = []
    fields = _fields_of_states(rows, states, before)
    times = rows.edges[:-1].tolist()
    columns = [(name, rows.columns[name]) for name in COLUMNS if name != "delta"]
    columns.append(("delta", _deltas(rows, before)))
    there = (~np.isnan(rows.columns["count"])).tolist()
    for at, one in enumerate(rows.ids.tolist()):
        if one not in series:
            continue
        head, of_states = beginning(one), is_state(series[one])
        numbers = [(name, column[at].tolist()) for name, column in columns]
        for window, time in enumerate(times):
            if not there[at][window]:
                continue
            texts = _numbers(numbers, window, states if of_states else None)
            texts += fields.get((at, window), ())
            found.append(f"{head}{','.join(texts)} {time}")
    found += map(line_of, _coverage(rows, series))
    for first in range(0, len(found), _LINES_A_REQUEST):
        yield "\n".join(found[first : first + _LINES_A_REQUEST]).encode()


def _numbers(
    numbers: Sequence[tuple[str, list[float]]], window: int, states: Mapping[int, str] | None
) -> list[str]:
    """Return the fields of one row; `states` are given where its values are states."""
    texts = []
    for name, column in numbers:
        value = column[window]
        if value != value:  # noqa: PLR0124 -- NaN, several times as fast as to ask a function
            continue
        if name == "last" and states is not None:
            texts.append(f"last_state={quote(states[int(value)])}")
        else:
            texts.append(f"{name}={value!r}")
    return texts


def _deltas(rows: Rollups, before: Rollups) -> Values:
    """Return the increases, 0 in place of one that stands there and is not known any more."""
    found = rows.columns["delta"].copy()
    mine = np.searchsorted(rows.ids, before.ids)
    known = found[mine]
    found[mine] = np.where(np.isnan(known) & ~np.isnan(before.columns["delta"]), 0.0, known)
    return found


def _fields_of_states(
    rows: Rollups, states: Mapping[int, str], before: Rollups
) -> dict[tuple[int, int], list[str]]:
    """Return the seconds of states of the rows that have any."""
    seconds = dict.fromkeys(_keys(before.held, np.searchsorted(rows.ids, before.ids)), 0.0)
    held = rows.held
    seconds |= dict(zip(_keys(held, np.arange(len(rows.ids))), held.seconds.tolist(), strict=True))
    found: dict[tuple[int, int], list[str]] = {}
    for (at, window, state), value in seconds.items():
        key = escape_tag(state_field(states[state]))
        found.setdefault((at, window), []).append(f"{key}={value!r}")
    return found


def _keys(held: Held, place: npt.NDArray[np.intp]) -> list[tuple[int, int, int]]:
    return list(zip(place[held.series].tolist(), held.window.tolist(), held.state.tolist(), strict=True))


def _coverage(rows: Rollups, series: Mapping[int, Series]) -> Iterator[Fact]:
    """Yield for how long the points of each device were expected and good."""
    devices: dict[tuple[str, str], list[int]] = {}
    for at, one in enumerate(rows.ids.tolist()):
        if one in series:
            devices.setdefault((series[one].site, series[one].device), []).append(at)
    length = (np.diff(rows.edges) / NS).tolist()
    district = next((series[one].district for one in rows.ids.tolist() if one in series), "")
    for (site, device), mine in devices.items():
        good = np.nansum(rows.columns["good_s"][mine], axis=0).tolist()
        number = np.count_nonzero(~np.isnan(rows.columns["count"][mine]), axis=0).tolist()
        tags = {"district": district, "site": site, "device": device}
        for window, time in enumerate(rows.edges[:-1].tolist()):
            if not number[window]:
                continue
            expected = number[window] * length[window]
            fields = {"expected_s": expected, "good_s": good[window], "points": number[window]}
            yield Fact(COVERAGE.name, tags, fields, time)


class RollupReader:
    """Puts what an InfluxDB answers into the windows that were asked for; `codes` are the states by clean name."""

    def __init__(self, resolution: Resolution, ids: Ids, edges: Times, codes: Mapping[str, int]) -> None:
        self._resolution = resolution
        self._ids = ids
        self._edges = edges
        self._codes = codes
        self._state_of = {state_field(name): code for name, code in codes.items()}
        self._columns = {name: np.full((len(ids), len(edges) - 1), np.nan) for name in COLUMNS}
        self._held: list[tuple[int, int, int, float]] = []

    def take(self, one: int, columns: Mapping[str, Sequence[Any]]) -> None:
        """Take rows of a series; KeyError, TypeError or ValueError when they are no rollups."""
        at = int(np.searchsorted(self._ids, one))
        if at == len(self._ids) or self._ids[at] != one:
            return
        time = np.array(columns["time"], np.int64)
        window = np.searchsorted(self._edges[:-1], time)
        fits = (window < len(self._edges) - 1) & (
            self._edges[np.minimum(window, len(self._edges) - 1)] == time
        )
        for name in COLUMNS:
            if name in columns:
                self._columns[name][at, window[fits]] = np.array(columns[name], np.float64)[fits]
        names = columns.get("last_state", ())
        for row, name in enumerate(names):
            if name is not None and fits[row]:
                self._columns["last"][at, window[row]] = self._codes.get(name, np.nan)
        for field, code in self._state_of.items():
            for row, seconds in enumerate(columns.get(field, ())):
                if seconds and fits[row]:
                    self._held.append((at, int(window[row]), code, float(seconds)))

    def rollups(self) -> Rollups:
        """Return what was taken."""
        nothing = self._columns["count"] == 0
        for name in _OF_READINGS:
            self._columns[name][nothing] = np.nan
        self._columns["delta"][nothing] = np.nan
        series, window, state, seconds = zip(*self._held, strict=True) if self._held else ((), (), (), ())
        held = Held(
            np.array(series, np.int32),
            np.array(window, np.int32),
            np.array(state, np.int32),
            np.array(seconds, np.float64),
        )
        return Rollups(self._resolution, self._ids, self._edges, self._columns, held)
