"""What people decide about registers, checked before it is written: a decision must fit what was read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from barrio.errors import AskError
from barrio.moments import parse_moment, rfc3339
from twin.clock import NS
from twin.intervals.edits import Edit, EditKind
from twin.intervals.grid import QUARTER
from twin.store import windows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from barrio.platform import Platform
    from twin.frame import Batch
    from twin.model.bound import BoundPoint

MOST_DAYS = 400
_DAY = 86_400 * NS


def moment_of(text: str, parameter: str, platform: Platform, item: BoundPoint) -> int:
    """Return a time that has come already, ns UTC; AskError else."""
    now = platform.clock.now_ns()
    found = parse_moment(text, parameter, now, platform.catalogue.zone(item))
    if found > now:
        raise AskError(parameter, f"{text!r} has not come yet")
    return found


def stretch_of(start: str, stop: str, platform: Platform, item: BoundPoint) -> tuple[int, int]:
    """Return a stretch of time that has come already; AskError else."""
    found = moment_of(start, "from", platform, item), moment_of(stop, "to", platform, item)
    if not 0 < found[1] - found[0] <= MOST_DAYS * _DAY:
        raise AskError("to", f"is 1 s to {MOST_DAYS} days after from")
    return found


def check(platform: Platform, item: BoundPoint, edit: Edit) -> None:
    """Refuse what does not fit the registers that were read; blocks. AskError names the part that does not."""
    if edit.kind is EditKind.SPREAD:
        _check_spread(platform, item, edit)
    elif edit.kind is EditKind.READ:
        _check_between(platform, item, edit.start, edit.steps[0], edit.steps[0], ("register", "register"))
    elif edit.kind is EditKind.METER_CHANGE:
        _check_between(platform, item, edit.start, edit.steps[0], edit.steps[1], ("old_last", "new_first"))


def _check_spread(platform: Platform, item: BoundPoint, edit: Edit) -> None:
    zone = platform.catalogue.zone(item)
    register, maker = platform.intervals.register(item.id), platform.intervals.maker(item.id)
    edges = windows.edges(edit.start, edit.stop, QUARTER, zone)
    if int(edges[0]) != edit.start or len(edges) - 1 != len(edit.steps):
        words = (
            "is no boundary of a quarter hour"
            if int(edges[0]) != edit.start
            else "do not fit the clock there"
        )
        raise AskError("from" if int(edges[0]) != edit.start else "deltas", words)
    line = maker.answers.lines([item.id], edit.start, edit.stop)[item.id].between(edit.start, edit.stop)
    if not line.counted.all():
        words = "the registers at both ends are not known: give them first, with kind=read"
        raise AskError("from", words)
    grown, given = int(line.delta.sum()), sum(edit.steps)
    if grown != given:
        told = f"{register.text(given)} {item.point.quantity.unit}"
        words = (
            f"add up to {told}, the register grew by {register.text(grown)}: a distribution changes no total"
        )
        raise AskError("deltas", words)


def _check_between(
    platform: Platform, item: BoundPoint, at: int, low: int, high: int, names: tuple[str, str]
) -> None:
    """Refuse registers below the reading before or above the one after; a register that wraps may be."""
    register = platform.intervals.register(item.id)
    if register.wraps is not None:
        return
    ids = np.array([item.id], np.int32)
    before = platform.store.before(ids, at)
    if len(before) and low < (step := int(register.steps(before.value)[0])):
        _refuse(names[0], item, "below", register.text(step), before)
    _, times = platform.store.first(ids, at + 1)
    if len(times):
        after = platform.store.raw(ids, int(times[0]), int(times[0]) + 1)
        if high > (step := int(register.steps(after.value)[0])):
            _refuse(names[1], item, "above", register.text(step), after)


def _refuse(name: str, item: BoundPoint, side: str, register: str, found: Batch) -> None:
    words = f"is {side} what was read at {rfc3339(int(found.time[0]))}: {register} {item.point.quantity.unit}"
    raise AskError(name, f"{words}; if that reading is wrong, leave it out first, with kind=ignore")


def described(platform: Platform, edit: Edit, withdrawn: int | None, *, names: bool) -> Mapping[str, Any]:
    """Return a decision as plain data; who and why only with `names`."""
    register = platform.intervals.register(edit.series)
    values: Sequence[float] = [step / 10**register.decimals for step in edit.steps]
    found: dict[str, Any] = {
        "edit": edit.number,
        "point": register.path,
        "kind": edit.kind.value,
        "from": rfc3339(edit.start),
        "to": rfc3339(edit.stop),
        "values": values,
        "at": rfc3339(edit.at),
        "version": edit.version,
        "withdrawn": withdrawn,
    }
    return found | {"who": edit.who, "why": edit.why} if names else found
