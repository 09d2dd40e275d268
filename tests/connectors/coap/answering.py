"""A CoAP server for tests that answers what a function says: our own message layer with any site behind it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from connectors.coap import server
from tests.servers import LOOPBACK, free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    import aiocoap

    from connectors.coap.dtls import Wrap
    from connectors.coap.server import Request


@asynccontextmanager
async def answering(
    handle: Callable[[Request], Awaitable[aiocoap.Message]], wrap: Wrap | None = None
) -> AsyncIterator[int]:
    """Answer requests with what `handle` returns while the block runs; yields the port."""
    port = free_port()
    asked: list[asyncio.Task[None]] = []

    async def noted(request: Request) -> aiocoap.Message:
        task = asyncio.current_task()
        assert task is not None
        asked.append(task)
        return await handle(request)

    async with asyncio.TaskGroup() as tasks:
        async with server.serving(server.bound(LOOPBACK, port), noted, tasks, wrap):
            yield port
        for task in asked:
            task.cancel()
