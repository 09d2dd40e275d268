"""The alarms of links: nobody writes them, they come with the links themselves.

A link that is down explains every `silent` alarm of its devices. The link of a single device that has such an alarm
needs none of its own: they would say the same thing twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.alarms.alarm import of_link
from twin.alarms.rule import Silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from twin.alarms.book import AlarmBook
    from twin.alarms.register import Register
    from twin.model.district import District


class LinkAlarms:
    """The places of the links' alarms, and why each link is down."""

    def __init__(self, books: Sequence[tuple[District, AlarmBook]], register: Register) -> None:
        self._books = {district.id: book for district, book in books}
        self._register = register
        self._place: dict[str, int | None] = {}
        self._words: dict[int, str] = {}
        self._silent: dict[str, list[int]] = {}
        for place, alarm in enumerate(register.all.alarms):
            if isinstance(alarm.subject.condition, Silent):
                self._silent.setdefault(alarm.what, []).append(place)

    def add(self, links: Mapping[str, Sequence[str]]) -> bool:
        """Take links with their devices (`district/device`) that are new; returns whether there are further alarms."""
        before = len(self._register.columns)
        for name, devices in links.items():
            if name not in self._place:
                self._place[name] = self._added(name, devices)
        return len(self._register.columns) > before

    def say(self, name: str, *, up: bool, words: str) -> None:
        """Take that a link is up or down."""
        place = self._place.get(name)
        if place is not None:
            self._register.columns.holds[place] = not up
            self._register.columns.known[place] = True
            self._words[place] = "" if up else words

    def words(self, place: int) -> str:
        """Return why the link of an alarm is down; empty for other alarms."""
        return self._words.get(place, "")

    def _added(self, name: str, devices: Sequence[str]) -> int | None:
        district = next((one for path in devices if (one := path.partition("/")[0]) in self._books), None)
        book = self._books.get(district or "")
        silent = [place for path in devices for place in self._silent.get(path, ())]
        if district is None or book is None or not book.links.alarm or (silent and len(devices) == 1):
            return None
        [place] = self._register.add([of_link(district, name, book.links, len(devices))])
        found = self._register.all
        if silent:
            found.effects.setdefault(place, []).extend(silent)
        below = {tuple(path.split("/", 1)) for path in devices}
        for cause, explained in found.explained_links.items():
            if below <= explained:
                found.effects.setdefault(cause, []).append(place)
        return place
