"""What an alarm says to a person: its rule's text with the names in braces filled in."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING

from twin.alarms import words
from twin.alarms.rule import Limits, Silent
from twin.clock import NS
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo

    from twin.alarms.alarm import Alarm
    from twin.alarms.formulas import FormulaPart
    from twin.alarms.twin import Twin


class Teller:
    """Words of alarms; `zones` are those of the districts, `readable` has the paths of each device's points."""

    def __init__(
        self,
        twin: Twin,
        zones: Mapping[str, ZoneInfo],
        readable: Mapping[str, Sequence[str]],
        formulas: FormulaPart | None,
    ) -> None:
        self._live = twin.live
        self._gaps = twin.gaps
        self._ids = twin.ids
        self._states = {number: name for name, number in twin.states.items()}
        self._zones = zones
        self._readable = readable
        self._formulas = formulas

    def value(self, place: int, alarm: Alarm) -> float | None:
        """Return the value of what an alarm watches, None where there is none."""
        if alarm.subject.point is None:
            return self._formulas.value(place) if self._formulas else None
        found = float(self._live.value[self._ids[alarm.subject.point.path]])
        return None if math.isnan(found) else found

    def words(self, alarm: Alarm, value: float | None, since: int, more: Mapping[str, str]) -> str:
        """Return what an alarm says; `more` are further names that its text may have."""
        subject = alarm.subject
        text = alarm.text or words.by_default(subject)
        known = {
            "name": subject.name,
            "value": self._shown(alarm, value),
            "limit": _limit(alarm, value),
            "unit": alarm.subject.unit or "",
            "device": subject.owner,
            "site": subject.where or subject.site,
            "count": "0",
            "since": self._moment(since, alarm.key.district),
            **more,
        }
        found = words.filled(text, known)
        return found if alarm.text else f"{found}{self._silence(alarm)}"

    def _shown(self, alarm: Alarm, value: float | None) -> str:
        if value is None:
            return "unknown"
        point = alarm.subject.point
        if point is not None and point.states:
            return self._states.get(int(value), "unknown")
        return words.number(value, alarm.subject.unit or "")

    def _silence(self, alarm: Alarm) -> str:
        """Return why nothing is heard, as far as that is known; empty for other alarms."""
        if not isinstance(alarm.subject.condition, Silent):
            return ""
        # What is wrong with one point of a silent device is wrong with all.
        series = self._ids[self._readable[alarm.what][0]]
        reason = int(self._gaps.reason[series])
        if not reason:
            return ""
        said = self._gaps.words.get(series, "")
        return f": {Reason(reason).meaning}{f' ({said})' if said else ''}"

    def _moment(self, ns: int, district: str) -> str:
        return datetime.fromtimestamp(ns / NS, self._zones[district]).strftime("%Y-%m-%d %H:%M")


def advised(alarm: Alarm) -> str:
    """Return what to do about an alarm, with the names of what it is about filled in."""
    subject = alarm.subject
    known = {"name": subject.name, "device": subject.owner, "site": subject.where or subject.site}
    return words.filled(alarm.advice, known)


def linked(alarm: Alarm) -> str:
    """Return the link to an alarm's dashboard, with its ids filled in."""
    known = {"device": alarm.subject.owner, "site": alarm.subject.site}
    return words.filled(alarm.dashboard, known)


def _limit(alarm: Alarm, value: float | None) -> str:
    """Return the limit that a value has crossed, or the nearer one."""
    condition = alarm.subject.condition
    if not isinstance(condition, Limits):
        return ""
    above, below = condition.above, condition.below
    middle = (above + below) / 2 if math.isfinite(above) and math.isfinite(below) else None
    upper = math.isfinite(above) if middle is None or value is None else value >= middle
    return words.number(above if upper else below, alarm.subject.unit or "")
