"""A platform with scripted links, served as a process serves it: the door, the gate and real sockets on loopback."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx

from barrio.access.door import Door
from barrio.api.app import create_app
from barrio.api.server import Server, address, bind
from barrio.settings import Listen
from tests.barrio.scripted import PATIENCE_S, Stage, staged
from twin.access.scope import Scope, Tier, Verb
from twin.access.tokens import TokenBook

ALL_VERBS = frozenset(Verb)
OPERATOR = secrets.token_urlsafe()


class Served:
    """The stage and where it answers; `token` makes one."""

    def __init__(self, stage: Stage, url: str) -> None:
        self.stage = stage
        self.url = url
        self.platform = stage.platform
        self.platform.token = OPERATOR

    def headers(self, token: str = OPERATOR) -> dict[str, str]:
        return {"Authorization": f"Bearer {token}"}

    def token(self, name: str = "partner", **scope) -> str:
        """Return a new token of an operator's tier, or of what `scope` says."""
        given = Scope(**{"tier": Tier.OPERATOR, "verbs": ALL_VERBS, **scope})
        with self.tokens() as book:
            text, _ = book.create(name, given, "a test", now_ns=time.time_ns(), expires=0)
        self.platform.keys.load()
        return text

    def revoke(self, name: str) -> None:
        """Revoke a token, as a command beside the platform does."""
        with self.tokens() as book:
            book.revoke(name, "a test", time.time_ns())

    @contextmanager
    def tokens(self) -> Iterator[TokenBook]:
        """The book of tokens, as another process has it."""
        book = TokenBook(self.platform.folder.tokens)
        book.open()
        try:
            yield book
        finally:
            book.close()

    def client(self, token: str = OPERATOR, **more) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, headers=self.headers(token), timeout=20, **more)

    async def give(self, name: str, *values: float, device: str = "probe") -> None:
        """Deliver readings, one flush each."""
        for value in values:
            await self.stage.links[device].give(name, value)
            await self.stage.settled()


@asynccontextmanager
async def served(folder: Path, **texts: str) -> AsyncIterator[Served]:
    """Serve the small district."""
    async with staged(folder, **texts) as stage:
        app = create_app(stage.platform)
        listening = bind(Listen("127.0.0.1", 0))
        server = Server(Door(app, stage.platform, app.state.sights), listening)
        work = asyncio.create_task(server.run_until_stopped())
        try:
            yield Served(stage, address(listening))
        finally:
            server.stop()
            await work
            listening.close()


class Event(dict[str, Any]):
    """One event: id, event, data."""


async def events(answer: httpx.Response, *, most: int = 10**9) -> AsyncIterator[Event]:
    """Yield the events of an answer as the WHATWG's standard says (9.2.6), also those without data."""
    found: Event = Event()
    count = 0
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(":")
            if name:
                found[name] = value.removeprefix(" ")
            continue
        if "data" in found:
            found["data"] = json.loads(found["data"])
            yield found
            count += 1
            if count >= most:
                return
        found = Event()


async def take(stream: AsyncIterator[Event], count: int, *names: str) -> list[Event]:
    """Return the next events of these names."""
    found: list[Event] = []
    async with asyncio.timeout(PATIENCE_S):
        async for one in stream:
            if not names or one["event"] in names:
                found.append(one)
                if len(found) == count:
                    return found
    raise AssertionError(found)
