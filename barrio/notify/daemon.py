"""Blocking calls of libraries that cannot be cancelled: each in a thread that keeps nobody from leaving."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")


async def in_daemon(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking function in a thread of its own.

    Cancelled, it returns at once; the thread ends by itself, and neither the loop nor the process waits for it.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[T] = loop.create_future()

    def settle(outcome: tuple[T] | BaseException) -> None:
        if found.done():
            return
        if isinstance(outcome, BaseException):
            found.set_exception(outcome)
        else:
            found.set_result(outcome[0])

    def run() -> None:
        outcome: tuple[T] | BaseException
        try:
            outcome = (function(*args, **kwargs),)
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
            outcome = error
        with suppress(RuntimeError):
            # The loop is closed: nobody waits any more.
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=run, name="barrio-notify", daemon=True).start()
    return await found
