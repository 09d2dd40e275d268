"""Work that goes on in the background: each piece a task, none lost, and a bug in one of them heard of.

A refusal, or a disk that was busy, is an answer to whoever asked, and no bug.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from twin.commands.command import Refusal
from twin.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from twin.commands.held import Held

T = TypeVar("T")


class Crew:
    """The tasks of a commander; as many as points are worked on and people wait for an answer."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._failure: BaseException | None = None

    @property
    def busy(self) -> bool:
        """Whether something is being done."""
        return bool(self._tasks)

    async def finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something to its end, also when whoever asked for it goes away."""
        return await asyncio.shield(self._started(work))

    def work(self, held: Held, work: Coroutine[Any, Any, None]) -> None:
        """Do something for a point in the background."""
        held.working += 1

        def done(_: asyncio.Task[None]) -> None:
            held.working -= 1

        self._started(work).add_done_callback(done)

    def check(self) -> None:
        """Raise what went wrong: a bug."""
        if self._failure is not None:
            raise self._failure

    async def close(self, within_s: float) -> None:
        """Let what was begun end; what does not in time is cut off."""
        if self._tasks:
            _, rest = await asyncio.wait(self._tasks, timeout=within_s)
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

    def _started(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, Refusal | TransientError):
            self._failure = self._failure or error
