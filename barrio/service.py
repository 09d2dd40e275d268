"""The process around a platform: HTTP beside it, signals that stop it, and everything drained before it ends."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from typing import TYPE_CHECKING, TypeVar

import structlog

from barrio import memory
from barrio.access.door import Door
from barrio.api.app import create_app
from barrio.api.server import Server, address
from barrio.console import front

if TYPE_CHECKING:
    import socket
    from collections.abc import Coroutine

    from barrio.platform import Platform

T = TypeVar("T")

ENDED_BY_SECOND_SIGNAL = 130
BEGUN_S = 20.0
"""After so long what only the start needed is given back once more."""

log = structlog.get_logger("barrio")


def run_loop(main: Coroutine[None, None, T]) -> T:
    """Run a coroutine on uvloop, as a process does once in its life."""
    import uvloop

    memory.prepare()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGINT and SIGTERM set; a second one ends the process at once."""
    stop = asyncio.Event()

    def asked() -> None:
        if stop.is_set():
            os._exit(ENDED_BY_SECOND_SIGNAL)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked)
    return stop


async def keep(
    platform: Platform, listening: socket.socket, stop: asyncio.Event, *beside: Coroutine[None, None, None]
) -> None:
    """Run the platform, its HTTP surface and what stands `beside` until `stop` is set or one of them fails.

    When this returns the platform is drained; HTTP answers until then, `/readyz` with 503.
    """
    app, settings = create_app(platform), platform.settings
    door = Door(app, platform, app.state.sights)
    server = Server(door, listening, settings.host_names, settings.proxies)
    platform.hub.most = server.streams
    memory.settle()
    remember(platform, listening)
    # Links begin to work, and their libraries with them.
    asyncio.get_running_loop().call_later(BEGUN_S, memory.give_back)
    http = asyncio.create_task(server.run_until_stopped(), name="http")
    work = asyncio.create_task(platform.run(), name="platform")
    others = [asyncio.create_task(one) for one in (_until(stop), *beside)]
    try:
        done, _ = await asyncio.wait({http, work, *others}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await _end(*others)
        await _end(work)
        server.stop()
        await http
        await front.close(app)
        # What is never collected is never given back either, and libraries complain of it when the process ends.
        gc.unfreeze()


def remember(platform: Platform, listening: socket.socket) -> None:
    """Leave word in the data folder: where this platform answers, and which districts it runs."""
    platform.folder.write_districts({one.id: one.folder for one in platform.catalogue.districts})
    platform.token = platform.folder.make_token()
    platform.folder.write_platform({"pid": os.getpid(), "http": address(listening)})
    if not platform.settings.is_loopback():
        log.warning("http.open_to_the_network", listen=platform.settings.listen)


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()


async def _end(*tasks: asyncio.Task[None]) -> None:
    """Cancel tasks and wait for them; a failure of one is raised."""
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
            raise result
