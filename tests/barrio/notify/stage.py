"""An outbox and a notifier on stage: a clock that a test moves, and threads as the platform has them."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from barrio.notify.notifier import Notifier
from tests.barrio.scripted import PATIENCE_S
from tests.moved import MovedClock
from twin.backoff import Patience
from twin.errors import StartError
from twin.notify_spec import ChannelSpec
from twin.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from pathlib import Path


def secrets(name: str) -> str:
    """Return the one secret that there is."""
    known = {"hook": "s3cr3t-key", "smtp": "mail-pass"}
    if name not in known:
        raise StartError(f"secret {name!r} is not set")
    return known[name]


def channel(**given: Any) -> ChannelSpec:
    """Return a channel of these keys."""
    return ChannelSpec.model_validate({"id": "duty", **given})


@contextmanager
def outbox_at(folder: Path, clock: MovedClock, **given: Any) -> Iterator[Outbox]:
    """An open outbox; the same folder gives the same one again."""
    found = Outbox(folder / "outbox.sqlite", clock, Patience(Random(1)), **given)
    found.open()
    try:
        yield found
    finally:
        found.close()


@asynccontextmanager
async def sending(
    outbox: Outbox,
    channels: Mapping[str, ChannelSpec],
    clock: MovedClock,
    known: Callable[[str], str] = secrets,
    on_answer: Callable[[str, str, int, str], None] | None = None,
) -> AsyncIterator[Notifier]:
    """A notifier that runs; cancelled, it ends within its time and leaves no task."""
    pool = ThreadPoolExecutor(1)
    loop = asyncio.get_running_loop()

    async def in_thread(_: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await loop.run_in_executor(pool, partial(function, *args, **kwargs))

    before = asyncio.all_tasks()
    notifier = Notifier(outbox, channels, known, clock, in_thread, on_answer)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(notifier.run())
        try:
            yield notifier
        finally:
            task.cancel()
            _, late = await asyncio.wait([task], timeout=5)
            assert not late, "the notifier does not end when it is cancelled"
            pool.shutdown()
    assert asyncio.all_tasks() == before


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, or fail."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.005)


def stands(outbox: Outbox, name: str = "d/duty") -> Any:
    """Return how a channel stands."""
    return next(one for one in outbox.status() if one.channel == name)
