"""Supply requests: every step as an event, and how each stands."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

import orjson

from barrio.facts.source import Portion, sentence
from twin.facts import NOTHING, Fact
from twin.services.draw import Left

if TYPE_CHECKING:
    from collections.abc import Iterator

    from barrio.facts.places import Places
    from barrio.facts.source import Fields
    from twin.services.engine import Services
    from twin.services.journal import ServiceJournal
    from twin.services.request import Request

_MOST_STEPS = 64
_REQUESTS_APART = 15_000


class RequestSource:
    """The journal of requests. The cursor is the highest number, and how many steps of those that are open are told."""

    key = "requests"
    thread = "reads"

    def __init__(self, journal: ServiceJournal, places: Places) -> None:
        self._journal = journal
        self._places = places

    def read(self, cursor: str, limit: int) -> Portion:
        """See `barrio.facts.source.Source`."""
        known = orjson.loads(cursor or "{}")
        floor, told = known.get("floor", 0), {int(key): count for key, count in known.get("open", {}).items()}
        newest = self._journal.requests.newest()
        if newest < floor:
            floor, told = 0, {}
        requests = self._journal.requests.after(floor, sorted(told), limit)
        facts: list[Fact] = []
        left: dict[int, int] = {}
        for request in requests:
            first = told.get(request.id, 0)
            facts += self._facts(request, first)
            floor = max(floor, request.id)
            if request.is_open:
                left[request.id] = len(request.steps)
        more = len(requests) == limit and floor < newest
        text = orjson.dumps(
            {"floor": floor, "open": {str(key): count for key, count in left.items()}}
        ).decode()
        return Portion(facts, text, more, newest - floor)

    def told(self) -> None:
        """Nothing is kept here."""

    def _facts(self, request: Request, first: int) -> Iterator[Fact]:
        """Yield an event and a row for each step that is new."""
        district, owner = request.tank.split("/")[:2]
        if district not in self._places.districts:
            return
        for number, step in enumerate(request.steps[first:], first):
            time = step.at + request.id % _REQUESTS_APART * _MOST_STEPS + number % _MOST_STEPS
            tags = self._places.tags(district, owner)
            about = f"{request.what} for {self._places.name(district, owner)}"
            fields: Fields = {
                "what": str(step.state),
                "title": f"{about}: {step.state} (request {request.id})",
                "text": sentence(f"{about}, request {request.id}: {step.words}"),
                "who": step.who or None,
                "number": request.id,
            }
            yield Fact("barrio_events", {**tags, "kind": "delivery", "priority": NOTHING}, fields, time)
            is_open = request.is_open or number < len(request.steps) - 1
            hours = request.hours[0] if request.hours is not None and not number else None
            state, words = str(step.state), step.words
            yield row(self._places, request, state, words, time, is_open=is_open, hours=hours)


class OpenRequests:
    """The requests that are open now."""

    def __init__(self, services: Services, places: Places) -> None:
        self._services = services
        self._places = places

    def facts(self, now: int) -> list[Fact]:
        """Return a row for each, with the hours that are left."""
        found = []
        for watch in self._services.supply.tanks.values():
            if (request := watch.request) is not None:
                hours = watch.left.hours if isinstance(watch.left, Left) else None
                state, words = str(request.state), request.steps[-1].words
                found.append(row(self._places, request, state, words, now, is_open=True, hours=hours))
        return found

    def counts(self) -> dict[str, int]:
        """Return how many are open, by district."""
        found = dict.fromkeys(self._places.districts, 0)
        for watch in self._services.supply.tanks.values():
            if watch.request is not None:
                found[watch.tank.district] += 1
        return found


def row(
    places: Places,
    request: Request,
    state: str,
    words: str,
    time: int,
    *,
    is_open: bool,
    hours: float | None = None,
) -> Fact:
    """Return how a request stands; `hours` are those that are left at that time."""
    district, owner = request.tank.split("/")[:2]
    fields: Fields = {
        "open": int(is_open),
        "state": state,
        "text": words,
        "what": request.what,
        "quantity": None if request.quantity is None else float(request.quantity),
        "unit": "m3",
        "deadline": request.deadline // 1_000_000,
        "hours_left": float(hours) if hours is not None and isfinite(hours) else None,
        "since": request.opened // 1_000_000,
    }
    tags = places.tags(district, owner) | {"number": str(request.id)}
    return Fact("barrio_requests", tags, fields, time)
