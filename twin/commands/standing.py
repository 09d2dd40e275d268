"""What is desired of a point beside what it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from twin.commands.command import RESTORE, SELF

if TYPE_CHECKING:
    from twin.commands.differences import Differences
    from twin.commands.held import Held
    from twin.commands.priorities import Slot
    from twin.commands.reported import Reported
    from twin.commands.values import Value


@dataclass(frozen=True, slots=True)
class Standing:
    """One point; times are ns UTC, 0 for none.

    `differs` is None where the point shows nothing that stands; `differs_since` is when a difference was first seen.
    `reported` is the newest value that is known, received at `reported_at`. `owed` says why what is desired was not
    sent yet. `waiting` are the weaker levels, strongest first. `before` is what it goes back to when nobody holds it.
    """

    path: str
    unit: str
    value: Value
    priority: int
    command: int
    who: str
    since: int
    until: int
    reported: Value | None
    reported_at: int
    differs: bool | None
    differs_since: int
    owed: str
    before: Value | None
    waiting: tuple[tuple[int, Slot], ...]


def standing_of(held: Held, differences: Differences, reported: Reported) -> Standing | None:
    """Return how a point stands, None when nothing is desired of it."""
    levels = list(held.array)
    restoring = held.restoring
    if levels:
        level, slot = levels[0]
        what = (slot.value, level, slot.command, slot.who, slot.since, slot.until)
    elif restoring is not None:
        what = (restoring.value, RESTORE, restoring.id, SELF, restoring.asked, 0)
    else:
        return None
    path = held.policy.path
    return Standing(
        path,
        held.policy.point.quantity.unit,
        *what,
        *reported.last(path),
        differences.differs(held.policy, what[0]),
        differences.since.get(path, 0),
        held.owed.words if held.owed else "",
        held.before,
        tuple(levels[1:]),
    )
