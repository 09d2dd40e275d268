"""What happened to the platform itself, as the ledger has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from barrio.facts.source import SPREAD, Portion, apart, sentence
from twin.facts import NOTHING, Fact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from barrio.facts.places import Places
    from barrio.facts.source import Fields
    from twin.ledger import Event, Ledger

_TITLES = {
    "platform_started": "barrio started",
    "platform_stopped": "barrio stopped",
    "clock_stepped": "the clock of barrio's machine was set",
    "spool_damaged": "the spool was damaged",
    "store_away": "the store is away",
    "store_back": "the store is back",
    "store_denied": "the store refuses the credentials",
    "ledger_damaged": "the ledger was damaged",
    "book_damaged": "a book was damaged",
    "link_up": "link {subject} is up",
    "link_down": "link {subject} is down",
    "stranger": "somebody unknown spoke: {subject}",
}
_TOLD_ELSEWHERE = frozenset({"supply_escalated"})
"""Kinds that are steps of a request as well."""


class EventSource:
    """The events of the ledger. `links` has the districts that each link reads."""

    key = "events"
    thread = "reads"

    def __init__(self, ledger: Ledger, links: Mapping[str, Sequence[str]], places: Places) -> None:
        # Who spoke is told without the link: of several districts nobody knows whose it is.
        self._left_out = _TOLD_ELSEWHERE | ({"stranger"} if len(places.districts) > 1 else set())
        self._ledger = ledger
        self._links = links
        self._places = places

    def read(self, cursor: str, limit: int) -> Portion:
        """See `barrio.facts.source.Source`."""
        after = int(cursor or 0)
        rows, newest = self._ledger.events_after(after, limit)
        if newest < after:
            # The ledger was damaged and began anew, or everything that was told is pruned.
            rows, newest = self._ledger.events_after(0, limit)
        if not rows:
            return Portion((), str(newest))
        facts = [
            fact
            for number, event in rows
            if event.kind not in self._left_out
            for fact in self._facts(number, event)
        ]
        last = rows[-1][0]
        return Portion(facts, str(last), last < newest, newest - last)

    def told(self) -> None:
        """Nothing is kept here."""

    def _facts(self, number: int, event: Event) -> Iterator[Fact]:
        title = _TITLES.get(event.kind, event.kind.replace("_", " ")).format(subject=event.subject)
        about = "" if not event.subject or event.subject in title else f" ({event.subject})"
        fields: Fields = {
            "what": event.kind,
            "title": title,
            "text": sentence(f"{title}{about}{f': {event.words}' if event.words else ''}"),
            "number": number,
        }
        for tags in self._where(event.subject):
            tags |= {"kind": "platform", "priority": NOTHING}
            yield Fact("barrio_events", tags, fields, SPREAD + apart(event.at, number))

    def _where(self, subject: str) -> Iterator[dict[str, str]]:
        """Yield the tags of what an event is about: an owner, a link's districts, else all of them."""
        district, _, rest = subject.partition("/")
        if rest and district in self._places.districts:
            yield self._places.tags(district, rest.partition("/")[0])
            return
        for one in self._links.get(subject, tuple(self._places.districts)):
            yield {"district": one, "site": NOTHING, "device": NOTHING}
