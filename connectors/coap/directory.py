"""The resource directory (RFC 9176): which devices said that they are there, where, and what they serve.

Only devices that are configured here have a place in it, so its size is known. What they registered is kept in the
connector's notes and survives a restart: their lifetime is a day by default and they would not come back before.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from connectors.coap import linkformat
from connectors.coap.linkformat import CoreLink, LinkError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence

# RFC 9176, section 5: the lifetime of a registration that names none, in seconds.
USUAL_LIFETIME_S = 90_000
_LONGEST_LIFETIME_S = 2**32 - 1
_MOST_LINK_BYTES = 8_192
_MOST_EXTRA = 16
_BASE = re.compile(r"coaps?(?:\+[a-z]+)?://[A-Za-z0-9.\-_\[\]:%]{1,253}(?:/[!-~]{0,200})?")
_LIFETIME = re.compile(r"[0-9]{1,10}")
_OWN = frozenset({"ep", "d", "lt", "base", "page", "count", "rt", "href", "anchor"})


class Rejected(ValueError):
    """Raised for a registration that says something impossible; the message goes back to the device."""


@dataclass(slots=True)
class Registration:
    """One registered endpoint. `source` is the address (`host:port`) it spoke from; `until_s` is wall clock."""

    id: str
    ep: str
    base: str
    source: str
    lifetime_s: int
    until_s: float
    links: str = ""
    extra: dict[str, str] = field(default_factory=dict)

    def attributes(self) -> dict[str, str]:
        """Return what an endpoint lookup tells of it (RFC 9176, section 6.4)."""
        return {"ep": self.ep, "base": self.base, "rt": "core.rd-ep", **self.extra}


class Directory:
    """The registrations of the endpoints in `known`."""

    def __init__(
        self,
        known: Sequence[str],
        notes: MutableMapping[str, str],
        prefix: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._ids = {ep: str(number) for number, ep in enumerate(known, start=1)}
        self._notes = notes
        self._prefix = prefix
        self._now = now
        self._held: dict[str, Registration] = {}
        for ep in known:
            self._recall(ep)

    def _recall(self, ep: str) -> None:
        note = self._notes.get(self._prefix + ep)
        if note is None:
            return
        try:
            found = Registration(**{**json.loads(note), "id": self._ids[ep], "ep": ep})
        except (ValueError, TypeError):
            del self._notes[self._prefix + ep]
            return
        self._held[found.id] = found

    def register(self, ep: str, query: Mapping[str, str], links: str, source: str, scheme: str) -> str:
        """Register a known endpoint, or register it anew; returns the id of its place. Rejected with words."""
        _check(links)
        lifetime_s = _lifetime(query.get("lt"), USUAL_LIFETIME_S)
        base = _base(query.get("base"), f"{scheme}://{source}")
        until_s = self._now() + lifetime_s
        made = Registration(self._ids[ep], ep, base, source, lifetime_s, until_s, links, _extra(query))
        self._keep(made)
        return made.id

    def update(self, id: str, query: Mapping[str, str], source: str, scheme: str) -> bool:  # noqa: A002 - its name
        """Renew a registration (section 5.3.1); False when there is none. Rejected with words."""
        held = self.get(id)
        if held is None:
            return False
        held.lifetime_s = _lifetime(query.get("lt"), held.lifetime_s)
        was_default = held.base == f"{scheme}://{held.source}"
        held.base = _base(query.get("base"), f"{scheme}://{source}" if was_default else held.base)
        held.source = source
        held.until_s = self._now() + held.lifetime_s
        held.extra.update(_extra(query))
        self._keep(held)
        return True

    def remove(self, id: str) -> bool:  # noqa: A002 - its name
        """End a registration (section 5.3.2); False when there is none."""
        held = self._held.pop(id, None)
        if held is not None:
            self._notes.pop(self._prefix + held.ep, None)
        return held is not None

    def _keep(self, held: Registration) -> None:
        self._held[held.id] = held
        self._notes[self._prefix + held.ep] = json.dumps(asdict(held))

    def get(self, id: str) -> Registration | None:  # noqa: A002 - its name
        """Return a registration that has not run out."""
        held = self._held.get(id)
        if held is not None and held.until_s <= self._now():
            self.remove(id)
            return None
        return held

    def _all(self) -> Iterator[Registration]:
        for id in list(self._held):  # noqa: A001 - its name
            held = self.get(id)
            if held is not None:
                yield held

    def at(self, source: str) -> str | None:
        """Return the endpoint that registered from an address; from another port when its host is that of one only."""
        held = list(self._all())
        for one in held:
            if one.source == source:
                return one.ep
        host = source.rpartition(":")[0]
        there = [one.ep for one in held if one.source.rpartition(":")[0] == host]
        return there[0] if len(there) == 1 else None

    def endpoints(self, query: Mapping[str, str]) -> list[CoreLink]:
        """Return the registered endpoints that a lookup asks for (section 6.4)."""
        links = (CoreLink(f"/rd/{one.id}", one.attributes()) for one in self._all())
        return _page((link for link in links if linkformat.matches(link, _filters(query))), query)

    def resources(self, query: Mapping[str, str]) -> list[CoreLink]:
        """Return the resources of registered endpoints that a lookup asks for (section 6.1)."""
        return _page(self._resources(_filters(query)), query)

    def _resources(self, wanted: Mapping[str, str]) -> Iterator[CoreLink]:
        for one in self._all():
            about = CoreLink(f"/rd/{one.id}", one.attributes())
            # A filter may name the link or its endpoint (section 6.2).
            of_link = {
                name: value for name, value in wanted.items() if not linkformat.matches(about, {name: value})
            }
            for link in linkformat.parse(one.links):
                whole = linkformat.resolved(link, one.base)
                if linkformat.matches(whole, of_link):
                    yield whole


def _check(links: str) -> None:
    if len(links.encode()) > _MOST_LINK_BYTES:
        raise Rejected(f"at most {_MOST_LINK_BYTES} bytes of links")
    try:
        linkformat.parse(links)
    except LinkError as error:
        raise Rejected(str(error)) from error


def _lifetime(text: str | None, usual: int) -> int:
    if text is None:
        return usual
    if _LIFETIME.fullmatch(text) is None or not 1 <= int(text) <= _LONGEST_LIFETIME_S:
        raise Rejected("lt is 1 to 4294967295 s")
    return int(text)


def _base(text: str | None, usual: str) -> str:
    if text is None:
        return usual
    if _BASE.fullmatch(text) is None:
        raise Rejected("base is an address such as coap://10.0.0.7:5683")
    return text.rstrip("/")


def _extra(query: Mapping[str, str]) -> dict[str, str]:
    extra = {name: value for name, value in query.items() if name not in _OWN and name.isascii()}
    if "d" in query:
        extra["d"] = query["d"]
    if len(extra) > _MOST_EXTRA:
        raise Rejected(f"at most {_MOST_EXTRA} attributes")
    return extra


def _filters(query: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in query.items() if name not in {"page", "count"}}


def _page(links: Iterator[CoreLink], query: Mapping[str, str]) -> list[CoreLink]:
    """Return the part that `page` and `count` ask for (section 6.2)."""
    found = list(links)
    count = query.get("count", "")
    if not count.isdecimal() or int(count) == 0:
        return found
    page = query.get("page", "0")
    first = int(count) * (int(page) if page.isdecimal() else 0)
    return found[first : first + int(count)]
