"""Alarms: every step as an event, and how each stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from barrio.facts.places import tag
from barrio.facts.source import Portion, apart, sentence
from twin.alarms.change import Standing
from twin.alarms.states import Happening, State
from twin.alarms.telling import advised
from twin.clock import NS
from twin.facts import NOTHING, Fact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from barrio.facts.places import Places
    from barrio.facts.source import Fields
    from twin.alarms.change import Change
    from twin.alarms.engine import Alarms
    from twin.alarms.journal import Journal

STANDS = frozenset({State.ACTIVE, State.ACKNOWLEDGED, State.RETURNED, State.SHELVED})
"""States that somebody sees; what is suppressed is counted in the alarm that explains it."""

NO_ALARMS = MappingProxyType(
    dict.fromkeys(("alarms", "critical", "high", "medium", "low", "unacknowledged"), 0)
)
"""What `barrio_health` says of a district without alarms."""

_SAYS = {
    Happening.RAISED: "was raised",
    Happening.RETURNED: "is over",
    Happening.ACKNOWLEDGED: "was acknowledged",
    Happening.SHELVED: "was shelved",
    Happening.UNSHELVED: "is not shelved any more",
    Happening.SUPPRESSED: "was suppressed",
    Happening.ESCALATED: "was escalated: nobody has acknowledged it",
    Happening.REMOVED: "was removed: no rule knows it any more",
}


@dataclass(slots=True)
class _Fold:
    """Alarms that went out of sight, or ended there, in one step and for one cause."""

    time: int
    count: int = 0


class AlarmSource:
    """The journal of alarms."""

    key = "alarms"
    thread = "reads"

    def __init__(self, journal: Journal, alarms: Alarms, places: Places) -> None:
        self._journal = journal
        self._alarms = alarms
        self._places = places

    def read(self, cursor: str, limit: int) -> Portion:
        """See `barrio.facts.source.Source`."""
        after = int(cursor or 0)
        rows, newest = self._journal.after(after, limit)
        if newest < after:
            # The journal was damaged and began anew.
            rows, newest = self._journal.after(0, limit)
        if not rows:
            return Portion((), str(newest))
        known = [(seq, change) for seq, change in rows if change.key.district in self._places.districts]
        facts = [fact for seq, change in known for fact in self._facts(seq, change)]
        folds = list(self._folds(known))
        folded = sum(change_is_hidden(change) for _, change in known) - len(folds)
        last = rows[-1][0]
        return Portion([*facts, *folds], str(last), last < newest, newest - last, folded)

    def told(self) -> None:
        """Nothing is kept here."""

    def _facts(self, seq: int, change: Change) -> Iterator[Fact]:
        if not change_is_hidden(change):
            yield self._event(seq, change)
        if change.before in STANDS or change.after in STANDS:
            place = self._alarms.register.all.places.get(change.key)
            advice = "" if place is None else advised(self._alarms.register.all.alarms[place])
            yield _row(self._places, change, change.after, change.words, advice, apart(change.at, seq))

    def _event(self, seq: int, change: Change) -> Fact:
        tags = self._places.tags(change.key.district, change.key.owner)
        fields: Fields = {
            "what": str(change.happening),
            "title": f"{change.happening}: {_about(change)}",
            "text": self._text(change),
            "who": change.who or None,
            "number": change.number,
            "point": point_of(change) or None,
        }
        tags |= {"kind": "alarm", "priority": change.priority}
        return Fact("barrio_events", tags, fields, apart(change.at, seq))

    def _text(self, change: Change) -> str:
        until = ""
        if change.happening is Happening.SHELVED and change.until:
            zone = self._places.districts[change.key.district].zone
            until = f" until {datetime.fromtimestamp(change.until / NS, zone):%Y-%m-%d %H:%M}"
        by = f" by {change.who}" if change.who else ""
        why = f" ({change.comment})" if change.comment else ""
        said = f"alarm {change.number} {_SAYS[change.happening]}{until}{by}{why}"
        return sentence(f"{said}: {_about(change)}")

    def _folds(self, rows: Iterable[tuple[int, Change]]) -> Iterator[Fact]:
        """Yield an event for all that one cause explains at one moment, and one for all that ended out of sight."""
        found: dict[tuple[str, int, int, State], _Fold] = {}
        for seq, change in rows:
            if change_is_hidden(change):
                key = (change.key.district, change.at, change.cause, change.after)
                found.setdefault(key, _Fold(apart(change.at, seq))).count += 1
        for (district, _, cause, after), fold in found.items():
            many = f"{fold.count} alarm{'s' * (fold.count != 1)}"
            title = f"{many} suppressed" if after is State.SUPPRESSED else f"{many} over that were suppressed"
            because = f" because of alarm {cause}" if cause else ""
            tags = {"district": district, "site": NOTHING, "device": NOTHING}
            tags |= {"kind": "alarm", "priority": NOTHING}
            fields: Fields = {
                "what": "suppressed" if after is State.SUPPRESSED else "returned",
                "title": title,
                "text": sentence(f"{title}{because}"),
                "number": cause or None,
            }
            yield Fact("barrio_events", tags, fields, fold.time)


class StandingAlarms:
    """The alarms that stand now."""

    def __init__(self, alarms: Alarms, places: Places, before: Sequence[Standing]) -> None:
        self._alarms = alarms
        self._places = places
        self._before = before

    def renamed(self, now: int) -> list[Fact]:
        """Return the ending rows of alarms that stood before this process began, with a priority that was changed."""
        everything, found = self._alarms.register.all, []
        for one in self._before:
            place = everything.places.get(one.key)
            if place is not None and everything.alarms[place].priority != one.priority:
                found.append(_row(self._places, one, State.NORMAL, one.words, "", now))
        return found

    def facts(self, now: int) -> list[Fact]:
        """Return a row for each."""
        return [
            _row(self._places, one, one.state, one.words, one.advice, now)
            for one in self._alarms.desk.standing(suppressed=False)
        ]

    def counts(self) -> dict[str, dict[str, int]]:
        """Return fields of `barrio_health` by district: alarms that are not shelved, by priority and unseen ones."""
        found = {district: dict(NO_ALARMS) for district in self._places.districts}
        for change in self._alarms.register.last.values():
            if change.after in STANDS and change.after is not State.SHELVED:
                here = found[change.key.district]
                here["alarms"] += 1
                here[change.priority] += 1
                here["unacknowledged"] += change.after is not State.ACKNOWLEDGED
        return found

    def owners(self) -> Iterator[str]:
        """Yield what each alarm that is not shelved is about, `district/owner`."""
        for change in self._alarms.register.last.values():
            if change.after in STANDS and change.after is not State.SHELVED:
                yield f"{change.key.district}/{change.key.owner}"


def change_is_hidden(change: Change) -> bool:
    """Whether a step is of an alarm that nobody sees: it is suppressed, or ends while it is."""
    return change.after is State.SUPPRESSED or (
        change.before is State.SUPPRESSED and change.after is State.NORMAL
    )


def point_of(one: Change | Standing) -> str:
    """Return the name of the point that an alarm is about, empty where it is about none."""
    return one.what.removeprefix(f"{one.key.district}/{one.key.owner}").removeprefix("/")


def _about(change: Change) -> str:
    """Return what an alarm says, or what it is about where it has said nothing yet."""
    return change.words or f"rule {change.key.rule}, {change.key.owner}"


def _row(places: Places, one: Change | Standing, state: State, words: str, advice: str, time: int) -> Fact:
    since = one.since if isinstance(one, Standing) else one.raised
    tags = places.tags(one.key.district, one.key.owner)
    tags |= {"point": tag(point_of(one)), "rule": tag(one.key.rule), "priority": one.priority}
    fields: Fields = {
        "standing": int(state in STANDS),
        "state": str(state),
        "text": words,
        "advice": advice or None,
        "since": since // 1_000_000 if since else None,
        "number": one.number,
        "count": one.count,
    }
    return Fact("barrio_alarms", tags, fields, time)
