"""What happens now, over a WebSocket (RFC 6455): several subscriptions on one connection, each as a stream would be.

| close code | why |
|---|---|
| 1001 | barrio stops: come back |
| 1003 | a message was binary |
| 1009 | a message was longer than 64 KiB |
| 4401 | the token was revoked or has expired |
| 4429 | more messages came than `MOST_MESSAGES` in `WINDOW_S`, or more frames (`barrio.api.socket_wire`) |
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, deque
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocketDisconnect, WebSocketState

from barrio.access.who import who as who_asks
from barrio.api.operator import at_rest
from barrio.api.problems import fault_words, problem
from barrio.api.selected import Selected
from barrio.api.stream import first, full, understood
from barrio.errors import AskError, UnknownName
from barrio.live.hub import MOST_OF_A_TOKEN, MOST_OF_THE_PUBLIC, REVOKED, TooMany
from barrio.live.selection import Wanted, selected
from barrio.live.words import JSON, KINDS, Place
from twin.access.scope import Verb

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.websockets import WebSocket

    from barrio.access.who import Who
    from barrio.live.subscriber import Subscriber
    from barrio.platform import Platform

MOST_SUBSCRIPTIONS = 20
MOST_MESSAGES, WINDOW_S = 60, 10.0
GOING_AWAY, NOT_TEXT, REVOKED_CODE, TOO_FAST = 1001, 1003, 4401, 4429

Text = Annotated[str, Field(max_length=300)]
Name = Annotated[str, Field(min_length=1, max_length=100)]


class Message(BaseModel):
    """What a client says."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Subscribe(Selected):
    """Begin a subscription; `resume` is the same with the id of the last event that was had, in `after`."""

    type: Literal["subscribe", "resume"]
    id: Name
    events: list[Text] = Field(default=list(KINDS), max_length=len(KINDS))
    after: Annotated[str, Field(max_length=100)] | None = None
    latest: bool = False


class Unsubscribe(Message):
    """End a subscription."""

    type: Literal["unsubscribe"]
    id: Name


class Ping(Message):
    """Ask for a `pong`."""

    type: Literal["ping"]


_MESSAGES: TypeAdapter[Subscribe | Unsubscribe | Ping] = TypeAdapter(
    Annotated[Subscribe | Unsubscribe | Ping, Field(discriminator="type")]
)


def add(app: FastAPI, platform: Platform) -> None:
    """Add the route of WebSockets."""

    async def listen(websocket: WebSocket) -> None:
        who = await who_asks(websocket)
        denied = at_rest(platform, "there is no stream")
        if denied is None and not who.sight.may(Verb.STREAM):
            words = f"{who.name} may not stream: its token does not have that verb"
            denied = problem(HTTPStatus.FORBIDDEN, words)
        if denied is not None:
            await websocket.send_denial_response(denied)
            return
        name = who.token or who.name
        if words := _is_full(platform, opened, who):
            await websocket.send_denial_response(full(TooMany(words)))
            return
        opened[name] += 1
        try:
            await websocket.accept()
            await Socket(platform, websocket, who).run()
        finally:
            opened[name] -= 1

    opened = Counter[str]()
    app.router.routes.append(WebSocketRoute("/api/v1/ws", listen))


def _is_full(platform: Platform, opened: Counter[str], who: Who) -> str:
    """Return which limit one more connection would meet, empty for none; what it listens to is counted by the hub."""
    if opened.total() >= platform.hub.most:
        return f"{platform.hub.most:,} WebSockets are open, which is the most that this platform serves"
    if who.sight.whole and not who.token:
        return ""
    most = MOST_OF_A_TOKEN if who.token else MOST_OF_THE_PUBLIC
    if opened[who.token or who.name] < most:
        return ""
    return (
        f"{most} WebSockets {'of this token' if who.token else 'without a token'} are open, which is the most"
    )


class Socket:
    """One connection and its subscriptions, by the ids that the client gave them."""

    def __init__(self, platform: Platform, websocket: WebSocket, who: Who) -> None:
        self._platform = platform
        self._websocket = websocket
        self._who = who
        self._pumps: dict[str, tuple[Subscriber, asyncio.Task[None]]] = {}
        self._sending = asyncio.Lock()
        self._came: deque[float] = deque(maxlen=MOST_MESSAGES)
        self._ended = asyncio.Event()
        self._code, self._words = GOING_AWAY, "barrio stops"

    async def run(self) -> None:
        """Serve until one of both sides closes."""
        listening = asyncio.create_task(self._listen())
        ended = asyncio.create_task(self._ended.wait())
        watching = asyncio.create_task(self._watch())
        try:
            await asyncio.wait({listening, ended, watching}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            tasks = [listening, ended, watching, *(task for _, task in self._pumps.values())]
            for subscriber, _ in self._pumps.values():
                subscriber.close()
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, (WebSocketDisconnect, OSError)):
                raise result
        if self._websocket.application_state is WebSocketState.CONNECTED is self._websocket.client_state:
            await self._websocket.close(self._code, self._words)

    def _end(self, code: int, words: str) -> None:
        if not self._ended.is_set():
            self._code, self._words = code, words
            self._ended.set()

    async def _watch(self) -> None:
        """End it when the token is good no more, also while nothing is subscribed."""
        while self._platform.hub.holds(self._who):
            await asyncio.sleep(1)
            if self._platform.hub.closed:
                return
        self._end(REVOKED_CODE, REVOKED)

    async def _listen(self) -> None:
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return None
            text = message.get("text")
            if text is None:
                return self._end(NOT_TEXT, "messages are JSON, as text")
            now = time.monotonic()
            if len(self._came) == MOST_MESSAGES and now - self._came[0] < WINDOW_S:
                return self._end(TOO_FAST, f"more than {MOST_MESSAGES} messages in {WINDOW_S:g} s")
            self._came.append(now)
            await self._take(text)

    async def _take(self, text: str) -> None:
        try:
            message = _MESSAGES.validate_json(text)
        except ValidationError as error:
            return await self._refuse(None, _words(error))
        if isinstance(message, Ping):
            return await self._say({"type": "pong"})
        if isinstance(message, Unsubscribe):
            return await self._unsubscribe(message.id)
        try:
            await self._subscribe(message)
        except HTTPException as error:
            await self._refuse(message.id, error.detail)
        except (AskError, UnknownName, TooMany) as error:
            await self._refuse(message.id, str(error))
        return None

    async def _subscribe(self, asked: Subscribe) -> None:
        if asked.id in self._pumps:
            raise AskError("id", f"there is a subscription {asked.id!r} already")
        if len(self._pumps) >= MOST_SUBSCRIPTIONS:
            raise AskError("id", f"at most {MOST_SUBSCRIPTIONS} subscriptions are open on one connection")
        if asked.type == "resume" and not asked.after:
            raise AskError("after", "resume needs after, the id of the last event that you had")
        wanted = Wanted(asked.choice, tuple(asked.events))
        selection, after = selected(wanted, self._who), understood(asked.after, "after")
        hub = self._platform.hub
        subscriber = hub.join(selection, JSON, self._who, after)
        begins = after or Place(hub.epoch, subscriber.place)
        beginning = first(hub, selection, begins, latest=asked.latest and after is None)
        task = asyncio.create_task(
            self._pump(asked.id, subscriber, JSON.many([JSON.one(*one) for one in beginning]))
        )
        subscriber.cut = task.cancel
        self._pumps[asked.id] = subscriber, task

    async def _unsubscribe(self, name: str) -> None:
        if name not in self._pumps:
            return await self._refuse(name, f"there is no subscription {name!r}")
        subscriber, task = self._pumps.pop(name)
        subscriber.close()
        task.cancel()
        return await self._say({"type": "unsubscribed", "id": name})

    async def _pump(self, name: str, subscriber: Subscriber, beginning: bytes) -> None:
        head = b'{"type":"events","id":%b,"events":' % orjson.dumps(name)
        message: bytes | None = beginning
        while message is not None:
            await self._send(b"%b%b}" % (head, message))
            message = await subscriber.next()
        code = REVOKED_CODE if subscriber.over == REVOKED else GOING_AWAY
        self._end(code, subscriber.over)

    async def _refuse(self, name: str | None, words: str) -> None:
        await self._say({"type": "error", "id": name, "detail": words})

    async def _say(self, body: dict[str, object]) -> None:
        await self._send(orjson.dumps(body))

    async def _send(self, message: bytes) -> None:
        async with self._sending:
            await self._websocket.send_text(message.decode())


def _words(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    if fault["type"] == "json_invalid":
        return json.dumps(str(fault["msg"]).lower())[1:-1]
    path = [str(part) for part in fault["loc"] if part not in {"subscribe", "resume", "unsubscribe", "ping"}]
    where = ".".join(path) or "type"
    if fault["type"] == "union_tag_not_found":
        return f"{where}: is missing"
    return f"{where}: {fault_words(fault, Subscribe)}"
