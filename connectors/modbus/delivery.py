"""Hands frames over without a task where there is room, which is nearly always."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator


class _Rest:
    """What is left of a coroutine that has begun to wait: awaited by a task, it goes on where it stood."""

    def __init__(self, coroutine: Coroutine[object, object, None], waits_for: object) -> None:
        self._coroutine = coroutine
        self._waits_for = waits_for

    def __await__(self) -> Generator[object, object, None]:
        yield self._waits_for
        yield from self._coroutine.__await__()


async def _finish(rest: _Rest) -> None:
    await rest


def delivered(delivery: Coroutine[object, object, None]) -> Coroutine[object, object, None] | None:
    """Run `delivery` as far as it goes without waiting; returns None when that was all, else what is to be awaited.

    What asyncio's eager tasks do from Python 3.12 on. Raises what `delivery` raises.
    """
    try:
        waits_for = delivery.send(None)
    except StopIteration:
        return None
    return _finish(_Rest(delivery, waits_for))
