"""The register: every alarm with its number, its row in the columns and its newest change.

The one place where an alarm goes from a state to the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.alarms.change import Change
from twin.alarms.columns import NEVER, Columns
from twin.alarms.states import CODES, Happening, State, after
from twin.clock import NS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twin.alarms.alarm import Alarm, Everything, Key
    from twin.alarms.change import Standing


class Said:
    """What an alarm says when it is raised: words, the value that it has, for how many devices it stands."""

    __slots__ = ("count", "value", "words")

    def __init__(self, words: str, value: float | None = None, count: int = 0) -> None:
        self.words = words
        self.value = value
        self.count = count


_NOTHING = Said("")


class Register:
    """All alarms; `last` has the newest change of each that is not normal, `changes` what was not taken yet."""

    def __init__(self, found: Everything, numbers: dict[Key, int], free: int) -> None:
        self.all = found
        self.columns = Columns()
        self.columns.extend(found.alarms)
        self.last: dict[int, Change] = {}
        self.changes: list[tuple[Change, Alarm]] = []
        self.monotonic = 0
        self._numbers = numbers
        self._free = free
        self._places = {
            numbers[alarm.key]: place for place, alarm in enumerate(found.alarms) if alarm.key in numbers
        }

    def add(self, alarms: Sequence[Alarm]) -> list[int]:
        """Add alarms; returns their places."""
        places = [self.all.add(alarm) for alarm in alarms]
        self.columns.extend(alarms)
        for place, alarm in zip(places, alarms, strict=True):
            if alarm.key in self._numbers:
                self._places[self._numbers[alarm.key]] = place
        return places

    def number(self, place: int) -> int:
        """Return the number of an alarm, a new one when it had none."""
        key = self.all.alarms[place].key
        if key not in self._numbers:
            self._numbers[key] = self._free
            self._places[self._free] = place
            self._free += 1
        return self._numbers[key]

    def place(self, number: int) -> int | None:
        """Return the place of the alarm that has a number, None when none has."""
        return self._places.get(number)

    def restore(self, standing: Standing) -> bool:
        """Take over how an alarm stood when the process before this one ended; False when there is no such alarm."""
        place = self.all.places.get(standing.key)
        if place is None:
            return False
        columns, alarm = self.columns, self.all.alarms[place]
        columns.state[place] = CODES[standing.state]
        columns.active[place] = standing.active
        columns.holds[place] = standing.active
        columns.raised[place] = standing.since
        columns.until[place] = standing.until
        self._time_escalation(place, standing.state)
        self.last[place] = Change(
            number=standing.number,
            key=standing.key,
            at=standing.at,
            happening=Happening.RAISED,
            before=State.NORMAL,
            after=standing.state,
            active=standing.active,
            raised=standing.since,
            priority=alarm.priority,
            what=standing.what,
            words=standing.words,
            value=standing.value,
            who=standing.who,
            comment=standing.comment,
            until=standing.until,
            cause=standing.cause,
            count=standing.count,
        )
        return True

    def move(
        self,
        place: int,
        happening: Happening,
        at: int,
        said: Said | None = None,
        *,
        who: str = "",
        comment: str = "",
        until: int = 0,
        cause: int = 0,
    ) -> Change:
        """Bring an alarm to the next state; KeyError when its state knows no such way."""
        columns, alarm = self.columns, self.all.alarms[place]
        before = columns.state_of(place)
        new = after(before, happening, needs_ack=alarm.needs_ack)
        last = self.last.get(place)
        said = said or (Said(last.words, last.value, last.count) if last else _NOTHING)
        # One object for each step of each alarm in a flood: made in one go.
        found = Change(
            number=self.number(place),
            key=alarm.key,
            at=at,
            happening=happening,
            before=before,
            after=new,
            active=bool(columns.active[place]),
            raised=int(columns.raised[place]),
            priority=alarm.priority,
            what=alarm.what,
            words=said.words,
            value=said.value,
            who=who,
            comment=comment,
            until=until,
            cause=cause,
            count=said.count,
        )
        columns.state[place] = CODES[new]
        columns.until[place] = until
        columns.held[place] = columns.settling[place] = NEVER
        if before is not new:
            self._time_escalation(place, new)
        if new is State.NORMAL:
            self.last.pop(place, None)
        else:
            self.last[place] = found
        self.changes.append((found, alarm))
        return found

    def take(self) -> list[tuple[Change, Alarm]]:
        """Return what happened since the last time."""
        found, self.changes = self.changes, []
        return found

    def _time_escalation(self, place: int, state: State) -> None:
        """Begin, or give up, the wait for somebody to acknowledge."""
        seconds = self.all.alarms[place].escalate_s
        waits = state is State.ACTIVE and seconds is not None
        self.columns.escalates[place] = self.monotonic + round((seconds or 0) * NS) if waits else NEVER
