"""Where people turn to: how alarms stand, what they say, and what somebody does about one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from twin.alarms.causes import NOBODY
from twin.alarms.change import standing_of
from twin.alarms.register import Said
from twin.alarms.states import MOST_SHELVED_S, Happening, NotPossible, State, refusal
from twin.alarms.telling import advised, linked
from twin.clock import NS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twin.alarms.causes import Causes
    from twin.alarms.change import Change, Standing
    from twin.alarms.links import LinkAlarms
    from twin.alarms.register import Register
    from twin.alarms.telling import Teller


class NoSuchAlarm(LookupError):
    """Raised when no alarm that is configured has a number."""


class Desk:
    """Answers and takes orders; used from the event loop's thread."""

    def __init__(self, register: Register, causes: Causes, teller: Teller, links: LinkAlarms) -> None:
        self.register = register
        self.causes = causes
        self._teller = teller
        self._links = links

    # --- what alarms say ------------------------------------------------------------------------------------

    def said(self, place: int) -> Said:
        """Return what an alarm says that is raised now."""
        alarm = self.register.all.alarms[place]
        value, count = self._teller.value(place, alarm), self.count(place)
        return Said(self._words(place, value, count), value, count)

    def count(self, place: int) -> int:
        """Return for how many devices and sites an alarm stands that are suppressed because of it."""
        return len(self._below().get(place, ())) if self.causes.explains[place] else 0

    def _below(self) -> dict[int, set[tuple[str, str]]]:
        """Return the owners of what is suppressed, by the place of the last alarm in their chain of causes."""
        hidden = np.flatnonzero(self.register.columns.active & (self.causes.of != NOBODY))
        found: dict[int, set[tuple[str, str]]] = {}
        if len(hidden):
            roots = self.causes.roots()[hidden].tolist()
            for root, one in zip(roots, hidden.tolist(), strict=True):
                key = self.register.all.alarms[one].key
                found.setdefault(root, set()).add((key.district, key.owner))
        return found

    def standing(self, *, suppressed: bool = True) -> list[Standing]:
        """Return every alarm that is not normal, by number, with what it says now; those that are suppressed or not."""
        below = {place: len(owners) for place, owners in self._below().items()}
        found = [
            self._now(place, change, below)
            for place, change in self.register.last.items()
            if suppressed or change.after is not State.SUPPRESSED
        ]
        return sorted(found, key=lambda one: one.number)

    def _now(self, place: int, change: Change, below: Mapping[int, int]) -> Standing:
        alarm, columns = self.register.all.alarms[place], self.register.columns
        subject, stale = alarm.subject, not columns.known[place]
        one = replace(
            standing_of(change), stale=stale, name=subject.name, site=subject.site, where=subject.where
        )
        if one.state is State.SUPPRESSED:
            return one
        count = below.get(place, 0) if one.active else one.count
        words = self._words(place, one.value, count) if one.active and count != one.count else one.words
        return replace(one, words=words, count=count, advice=advised(alarm), dashboard=linked(alarm))

    def _words(self, place: int, value: float | None, count: int) -> str:
        alarm = self.register.all.alarms[place]
        reason = self._links.words(place)
        more = {"count": str(count), "words": f": {reason}" if reason else ""}
        groups = self.causes.groups
        index = int(np.searchsorted(groups.places, place))
        if index < len(groups.places) and groups.places[index] == place:
            more["total"] = str(groups.sizes[index])
            more["count"] = str(int(groups.counts(self.register.columns.active)[index]))
        since = int(self.register.columns.raised[place])
        return self._teller.words(alarm, value, since, more)

    # --- what people do -------------------------------------------------------------------------------------

    def acknowledge(self, number: int, now_ns: int, who: str, comment: str) -> Change:
        """See `twin.alarms.engine.Alarms`."""
        place = self._allowed(number, Happening.ACKNOWLEDGED)
        return self.register.move(place, Happening.ACKNOWLEDGED, now_ns, who=who, comment=comment)

    def shelve(self, number: int, now_ns: int, until: int, who: str, comment: str) -> Change:
        """See `twin.alarms.engine.Alarms`."""
        place = self._allowed(number, Happening.SHELVED)
        if until <= now_ns:
            raise NotPossible(f"alarm {number} cannot be shelved until a time that is over")
        if until - now_ns > MOST_SHELVED_S * NS:
            raise NotPossible(
                f"alarm {number} cannot be shelved for more than {MOST_SHELVED_S / 86_400:.0f} days"
            )
        return self.register.move(place, Happening.SHELVED, now_ns, who=who, comment=comment, until=until)

    def unshelve(self, number: int, now_ns: int, who: str, comment: str) -> Change:
        """See `twin.alarms.engine.Alarms`."""
        place = self._allowed(number, Happening.UNSHELVED)
        done = self.register.move(place, Happening.UNSHELVED, now_ns, who=who, comment=comment)
        if self.register.columns.active[place]:
            cause = int(self.causes.of[place])
            if cause == NOBODY:
                self.register.move(place, Happening.RAISED, now_ns, self.said(place))
            else:
                number = self.register.number(cause)
                self.register.move(place, Happening.SUPPRESSED, now_ns, cause=number)
        return done

    def _allowed(self, number: int, happening: Happening) -> int:
        place = self.register.place(number)
        if place is None:
            raise NoSuchAlarm(f"there is no alarm {number}; /api/v1/alarms lists those that are not normal")
        state, last = self.register.columns.state_of(place), self.register.last.get(place)
        more = ""
        if last is not None and state is State.ACKNOWLEDGED and last.who:
            more = f"by {last.who}"
        elif last is not None and state is State.SUPPRESSED:
            more = f"because of alarm {last.cause}"
        if words := refusal(number, state, happening, more):
            raise NotPossible(words)
        return place
