"""What happened to an alarm, and how one stands: plain data between the engine, the journal and whoever asks."""

from __future__ import annotations

from dataclasses import dataclass

from twin.alarms.alarm import Key
from twin.alarms.states import Happening, State


@dataclass(frozen=True, slots=True)
class Change:
    """One step of one alarm, at a time in ns UTC.

    `active` says whether the condition holds, since `raised` (ns UTC). `value` is that of the point or expression at
    that time, None where there is none. `until` is the end of shelving, 0 otherwise; `cause` the number of the alarm
    that explains this one, 0 otherwise; `count` how many devices it stands for itself. `who` is empty for what
    happened by itself.
    """

    number: int
    key: Key
    at: int
    happening: Happening
    before: State
    after: State
    active: bool
    raised: int
    priority: str
    what: str
    words: str = ""
    value: float | None = None
    who: str = ""
    comment: str = ""
    until: int = 0
    cause: int = 0
    count: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """How an alarm stands that is not normal; the fields are those of its newest change.

    `since` is when its condition began, ns UTC; `at` when its state began. What only a running platform knows, it adds:
    `stale` says that the value is not usable now, `name`, `site`, `where`, `advice` and `dashboard` come from the rule.
    """

    number: int
    key: Key
    state: State
    active: bool
    since: int
    at: int
    priority: str
    what: str
    words: str
    value: float | None = None
    who: str = ""
    comment: str = ""
    until: int = 0
    cause: int = 0
    count: int = 0
    stale: bool = False
    name: str = ""
    site: str = ""
    where: str = ""
    advice: str = ""
    dashboard: str = ""


def standing_of(change: Change) -> Standing:
    """Return how an alarm stands after a change."""
    return Standing(
        number=change.number,
        key=change.key,
        state=change.after,
        active=change.active,
        since=change.raised,
        at=change.at,
        priority=change.priority,
        what=change.what,
        words=change.words,
        value=change.value,
        who=change.who,
        comment=change.comment,
        until=change.until,
        cause=change.cause,
        count=change.count,
    )
