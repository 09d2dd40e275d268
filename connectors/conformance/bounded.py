"""Checks of limits: time to close, memory while the buffer is full, what is left behind, what is told."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from connectors.base import CLOSE_WITHIN_S
from connectors.conformance.bench import (
    bench,
    held,
    lacking,
    nothing_left,
    open_files,
    running_bench,
    settle,
    trial,
)
from connectors.conformance.proxy import TcpProxy
from connectors.conformance.subject import NUMBER, Subject
from twin.errors import TransientError

if TYPE_CHECKING:
    import pytest

    from connectors.conformance.bench import Bench

RECONNECTS = 200
WARM_UP = 20


async def _reading(made: Bench) -> None:
    await made.sink.wait_for(made.values, made.subject.back_s)


async def _mute_from_the_start(made: Bench) -> None:
    made.proxy.silence()
    await asyncio.sleep(0.1)


async def _mute(made: Bench) -> None:
    await _reading(made)
    made.proxy.silence()
    await asyncio.sleep(0.1)


async def _garbage(made: Bench) -> None:
    made.proxy.answer_with([b"\xff" * 40])
    await asyncio.sleep(0.1)


async def _dripping(made: Bench) -> None:
    made.proxy.drip(0.2)
    await asyncio.sleep(0.3)


async def _full(made: Bench) -> None:
    await _reading(made)
    made.sink.full = True
    await made.peer.set(NUMBER, 81)
    await asyncio.sleep(3 * made.subject.poll_s)


async def _at_once(_: Bench) -> None:
    await asyncio.sleep(0)


STATES: Mapping[str, Callable[[Bench], Awaitable[None]]] = {
    "at_once": _at_once,
    "reading": _reading,
    "mute_from_the_start": _mute_from_the_start,
    "mute": _mute,
    "garbage": _garbage,
    "dripping": _dripping,
    "buffer_full": _full,
}


class Bounded:
    """What a link takes and leaves."""

    subject: Subject

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test for each state in which a link may be stopped."""
        if "state" in metafunc.fixturenames:
            metafunc.parametrize("state", sorted(STATES))
        else:
            super().pytest_generate_tests(metafunc)  # type: ignore[misc]

    @trial
    async def test_closes_in_time(self, state: str) -> None:
        """In every state a cancelled link ends within CLOSE_WITHIN_S, without tasks and sockets left."""
        async with bench(self.subject) as made, nothing_left(f"a link that was stopped ({state})"):
            task = asyncio.create_task(made.link.run(made.sink))
            await STATES[state](made)
            took_s = await _stop(task)
            # What the proxy and the device hold for the link ends with it.
            made.proxy.calm()
            await _emptied(made)
        held(took_s < CLOSE_WITHIN_S, f"closing took {took_s:.1f} s")

    @trial
    async def test_waits_while_the_buffer_is_full(self) -> None:
        """A full buffer makes a poll wait and a push be refused and counted; neither is gathered in memory."""
        async with running_bench(self.subject) as made:
            await made.reads(82)
            made.sink.full = True
            frames, refused = len(made.sink.frames), made.sink.refused
            for value in range(100, 130):
                await made.peer.set(NUMBER, value)
                await asyncio.sleep(self.subject.poll_s / 2)
            held(len(made.sink.frames) == frames, "frames came though the buffer was full")
            made.sink.full = False
            refused = made.sink.refused - refused
            await made.reads(83)
            late = {value for value in made.values() if 100 <= value < 129}
            held(
                len(late) <= self.subject.in_flight,
                f"{len(late)} values were kept while the buffer was full, at most {self.subject.in_flight}; "
                f"{refused} were refused",
            )

    @trial
    async def test_leaks_nothing(self) -> None:
        """200 times lost and found again: no task, socket, thread, nor a heap that grows."""
        async with bench(self.subject) as made, nothing_left(f"{RECONNECTS} reconnects"):
            await _reconnect(made, WARM_UP)
            threads, files, objects = threading.active_count(), open_files(), _objects()
            await _reconnect(made, RECONNECTS)
            grown = (_objects() - objects) / RECONNECTS
            held(
                threading.active_count() <= threads, f"{threading.active_count() - threads} threads were left"
            )
            held(open_files() <= files + 2, f"{open_files() - files} sockets were left while it ran")
        most = self.subject.residue
        held(grown <= most, f"each reconnect left {grown:.1f} objects behind, at most {most}")

    @trial
    async def test_tells_no_secret(self) -> None:
        """No secret is in an error, a log line, a link's name or its security, a probe or an answer of the sink."""
        subject = self.subject.guarded
        secrets = set(subject.secrets.values())
        if not secrets and _takes_secrets(subject):
            lacking("the options take secrets, and the subject has none in use")
        told: list[str] = []
        handler = _Everything(told)
        logging.getLogger().addHandler(handler)
        try:
            async with running_bench(subject) as made:
                told += [made.link.name, made.link.security, repr(made.link), str(made.link.devices)]
                told.append(await made.link.probe())
                made.proxy.answer_with([b"\xff" * 40])
                await asyncio.sleep(0.2)
                made.proxy.calm()
                await made.proxy.refuse()
                await made.sink.wait_for(lambda: len(made.sink.downs) > 2, 3 * subject.noticed_s)
                told += [f"{error!r} {error}" for error in made.sink.downs]
                told += [silence.words for silence in made.sink.silences]
                told += [detail for frame in made.sink.frames for detail in frame.details.values()]
        finally:
            logging.getLogger().removeHandler(handler)
        found = [words for words in told if any(secret in words for secret in secrets)]
        held(not found, f"a secret was told in {len(found)} places")


def _takes_secrets(subject: Subject) -> bool:
    """Whether the options have a field of type SecretName, which pydantic keeps as its validator."""
    fields = subject.connector.options_model.model_fields.values()
    return any("_check_secret" in f"{info.annotation!r} {info.metadata!r}" for info in fields)


async def _reconnect(made: Bench, times: int) -> None:
    """Start the link, wait for its first value, and end it: by a reset, where there are connections, or by us."""
    for number in range(times):
        task = asyncio.create_task(made.link.run(made.sink))
        await _first(made, task)
        if number % 2 and isinstance(made.proxy, TcpProxy):
            made.proxy.reset()
            await asyncio.sleep(0)
        await _stop(task)
        made.sink.frames.clear()
        made.sink.silences.clear()
        async with asyncio.timeout(CLOSE_WITHIN_S):
            await made.proxy.emptied()
    await settle()


async def _first(made: Bench, task: asyncio.Task[None]) -> None:
    """Wait for the first value of a run."""
    heard = asyncio.create_task(made.sink.wait_for(made.values, made.subject.back_s))
    await asyncio.wait([heard, task], return_when=asyncio.FIRST_COMPLETED)
    if task.done() and not heard.done():
        heard.cancel()
    await heard


async def _stop(task: asyncio.Task[None]) -> float:
    """Cancel a link and return how long it took to end, in seconds."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    task.cancel()
    with suppress(asyncio.CancelledError, TransientError):
        async with asyncio.timeout(2 * CLOSE_WITHIN_S):
            await task
    return loop.time() - began


async def _emptied(made: Bench) -> None:
    """Wait until the proxy holds nothing any more for links that have ended."""
    # What a link says last, in datagrams, makes a client of it once more.
    await settle()
    async with asyncio.timeout(CLOSE_WITHIN_S):
        await made.proxy.emptied()
    await settle()


def _objects() -> int:
    gc.collect()
    return len(gc.get_objects())


class _Everything(logging.Handler):
    """Handler that keeps all that is logged."""

    def __init__(self, told: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._told = told

    def emit(self, record: logging.LogRecord) -> None:
        self._told.append(record.getMessage())
