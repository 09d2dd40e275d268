"""What happens now: server-sent events (`/api/v1/stream`), and what both ways of listening have in common."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from fastapi import Header, Query, Response
from pydantic import Field

from barrio.access.who import Seen
from barrio.api.declared import declared
from barrio.api.operator import at_rest
from barrio.api.problems import problem
from barrio.api.selected import Selected
from barrio.errors import AskError
from barrio.live.hub import REVOKED, TooMany
from barrio.live.selection import Selection, Wanted, selected
from barrio.live.words import SSE, Place, data_of, place_of
from twin.access.scope import Verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import FastAPI
    from starlette.types import Receive, Scope, Send

    from barrio.live.hub import Hub
    from barrio.live.subscriber import Subscriber
    from barrio.platform import Platform

RETRY_MS = 2_000
RETRY_AFTER_S = 30
MEDIA = "text/event-stream"
_EXAMPLE = """\
retry: 2000
id: 19ac1c2e0a0-1764355200000000
event: ready
data: {"points":1,"restricted":{}}

id: 19ac1c2e0a0-1764355201104233
event: reading
data: {"point":"ciudad-maderas/cistern-north/level","time":"2026-11-28T18:40:01.004113Z","value":0.62,"quality":"good"}

"""


class Listening(Selected):
    """What is listened to."""

    events: str | None = Field(
        default=None,
        max_length=100,
        description="Which events, with commas: reading, alarm, gap; all without it.",
    )
    latest: bool = Field(default=False, description="Whether the newest of each point comes first.")
    after: str | None = Field(
        default=None, max_length=100, description="Id of an event, where no header can be sent."
    )


def add(app: FastAPI, platform: Platform) -> None:
    """Add the route of server-sent events."""

    @app.get(
        "/api/v1/stream",
        tags=["live"],
        response_class=Response,
        responses=declared(_EXAMPLE, HTTPStatus.FORBIDDEN, schema={"type": "string"}, media=(MEDIA,)),
    )
    async def stream(
        who: Seen,
        asked: Annotated[Listening, Query()],
        last_event_id: Annotated[
            str | None, Header(max_length=100, description="Id of the last event that you had")
        ] = None,
    ) -> Response:
        """Stream what happens from now on, as server-sent events.

        `reading` is a reading that was stored; callers that are given windows only get the value of each window soon
        after its end. `alarm` is a step of an alarm, `gap` says that a point fell silent or was heard again. With
        `Last-Event-ID` everything after that event is given first; `lost` says what is gone and where its history is.
        `latest=true` gives the newest of each point at the beginning.
        """
        if away := at_rest(platform, "there is no stream"):
            return away
        who.require(Verb.STREAM)
        selection = selected(Wanted(asked.choice, names_of(asked.events)), who)
        place = understood(last_event_id, "Last-Event-ID") or understood(asked.after, "after")
        try:
            subscriber = platform.hub.join(selection, SSE, who, place)
        except TooMany as error:
            return full(error)
        begins = place or Place(platform.hub.epoch, subscriber.place)
        return Stream(
            subscriber, first(platform.hub, selection, begins, latest=asked.latest and place is None)
        )


def names_of(events: str | None) -> Sequence[str]:
    """Return the names in a list with commas."""
    return tuple(one.strip() for one in (events or "").split(",") if one.strip())


def understood(text: str | None, name: str) -> Place | None:
    """Return the place that somebody comes back to; AskError with `name`, where it was given, for what is none."""
    if not text:
        return None
    found = place_of(text)
    if found is None:
        raise AskError(name, f"{text[:100]!r} is not the id of an event")
    return found


def full(error: TooMany) -> Response:
    """Return the answer when there is no room for another listener."""
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return problem(HTTPStatus.TOO_MANY_REQUESTS, str(error), headers)


def first(hub: Hub, selection: Selection, place: Place, *, latest: bool) -> list[tuple[str, str, str]]:
    """Return the events that a stream begins with: `ready`, and the newest of each point where that is wanted."""
    number = str(place)
    restricted = {every.value: len(ids) for every, ids in selection.coarse.items()}
    found = [(number, "ready", data_of({"points": len(selection.ids), "restricted": restricted}))]
    if latest:
        found += [(number, "reading", one) for one in hub.reader.newest(selection.raw)]
    return found


class Stream(Response):
    """The answer that goes on until one of both sides ends it. A socket that takes nothing is waited for by it only."""

    def __init__(self, subscriber: Subscriber, beginning: Sequence[tuple[str, str, str]]) -> None:
        super().__init__(media_type=MEDIA, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._subscriber = subscriber
        self._beginning = f"retry: {RETRY_MS}\n".encode() + SSE.many([SSE.one(*one) for one in beginning])

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, until the listener is gone or the hub ends it."""
        gone, own = asyncio.create_task(_gone(receive, self._subscriber)), asyncio.current_task()
        self._subscriber.cut = own.cancel if own is not None else gone.cancel
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await self._send(send, self._beginning)
            while (message := await self._subscriber.next()) is not None:
                await self._send(send, message)
            await self._send(send, _end(self._subscriber.over))
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except asyncio.CancelledError:
            if not self._subscriber.over:
                raise
        finally:
            self._subscriber.close()
            gone.cancel()

    async def _send(self, send: Send, body: bytes) -> None:
        await send({"type": "http.response.body", "body": body, "more_body": True})


GONE = "the listener is gone"


async def _gone(receive: Receive, subscriber: Subscriber) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    subscriber.end(GONE)


def _end(words: str) -> bytes:
    """Return the last event: why it is over. Whoever was revoked is asked not to come back soon."""
    retry = "retry: 3600000\n" if words == REVOKED else ""
    return f"{retry}event: end\ndata: {data_of({'reason': words})}\n\n".encode()
