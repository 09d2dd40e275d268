"""Versions of intervals: what each changed, before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from barrio.moments import rfc3339
from twin.intervals.flags import Flag, Why

if TYPE_CHECKING:
    from collections.abc import Iterator

    from barrio.platform import Platform
    from twin.intervals.line import Line
    from twin.intervals.register import Register

MOST_CHANGES = 10_000


def versions(platform: Platform, series: int, start: int, stop: int, *, names: bool) -> dict[str, Any]:
    """Return the versions of the days of a register, oldest first, with every interval that one changed; blocks.

    The first version of a day changes nothing. Who and why are told only with `names`.
    """
    register, maker = platform.intervals.register(series), platform.intervals.maker(series)
    from twin.intervals.grid import day_starts

    days = day_starts(start, stop, maker.meters.zone)
    found: dict[int, dict[str, Any]] = {}
    newest: dict[int, Line] = {}
    changes = 0
    for version, day, line in platform.intervals.book.history(series, int(days[0]), int(days[-1])):
        entry = found.setdefault(version.number, _entry(version, names=names))
        entry["days"].append(rfc3339(day))
        old = newest.get(day)
        newest[day] = line
        if old is not None and changes < MOST_CHANGES:
            changed = list(_changes(register, old, line))
            changes += len(changed)
            entry["changes"] += changed
    listed = [found[number] for number in sorted(found)]
    return {"point": register.path, "versions": listed, "truncated": changes >= MOST_CHANGES}


def _entry(version: Any, *, names: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "version": version.number,
        "at": rfc3339(version.at),
        "cause": version.cause,
    }
    if names:
        entry |= {"who": version.who, "why": version.why}
    return entry | {"days": [], "changes": []}


def _changes(register: Register, old: Line, line: Line) -> Iterator[dict[str, Any]]:
    if len(old) != len(line):
        return
    other = (old.delta != line.delta) | (old.flag != line.flag) | (old.why != line.why)
    other |= old.register[1:] != line.register[1:]
    for at in np.flatnonzero(other).tolist():
        yield {
            "start": rfc3339(int(line.edges[at])),
            "before": _side(register, old, at),
            "after": _side(register, line, at),
        }


def _side(register: Register, line: Line, at: int) -> dict[str, Any]:
    scale = 10**register.decimals
    counted, known = bool(line.counted[at]), bool(line.known[at + 1])
    return {
        "delta": int(line.delta[at]) / scale if counted else None,
        "register": int(line.register[at + 1]) / scale if known else None,
        "quality": Flag(int(line.flag[at])).slug,
        "reason": Why(int(line.why[at])).words or None,
    }
