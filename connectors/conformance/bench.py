"""The bench of a trial: a peer, a proxy before it, a link that runs as the supervisor runs it, and what was left over.

A trial is an ordinary test around a coroutine that runs in an event loop of its own: it fails when it takes too long,
when a task or an open file is left behind, and when a task died without anybody asking why.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import math
import os
import sys
import unittest
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Concatenate, NoReturn, ParamSpec, TypeVar, cast

import psutil

from connectors.conformance.proxy import Proxy, TcpProxy
from connectors.conformance.recording import RecordingSink, supervised
from connectors.conformance.subject import NUMBER, Peer, Subject
from connectors.conformance.udp_proxy import UdpProxy
from twin.quality import Level, Reason

if TYPE_CHECKING:
    from connectors.base import Link
    from connectors.conformance.recording import Reading
    from twin.model.bound import BoundDevice
    from twin.model.spec import StateKey

TRIAL_WITHIN_S = 90.0
WAIT_S = 0.05

P = ParamSpec("P")
S = TypeVar("S")


def held(condition: object, words: str) -> None:
    """Fail with `words` unless `condition` is true; for tests that are not rewritten by pytest."""
    if not condition:
        raise AssertionError(words)


def lacking(words: str) -> NoReturn:
    """Leave a check out because the connector does not (yet) have what it asks for: not a fault, and not passed."""
    raise unittest.SkipTest(words)


def trial(
    work: Callable[Concatenate[S, P], Coroutine[Any, Any, None]],
) -> Callable[Concatenate[S, P], None]:
    """Make a test of a coroutine method, whatever plug-in for asyncio is there, with nothing left behind."""

    @functools.wraps(work)
    def test(self: S, *args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner() as runner:
            runner.run(_bounded(work(self, *args, **kwargs), _excused(self)))

    return cast("Callable[Concatenate[S, P], None]", test)


async def _bounded(work: Awaitable[None], excused: Collection[str]) -> None:
    unseen: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: unseen.append(context))
    async with asyncio.timeout(TRIAL_WITHIN_S):
        await work
    await settle()
    # A task whose exception nobody asked for says so when it is collected.
    gc.collect()
    words = [f"{context['message']} ({context.get('exception')!r})" for context in unseen]
    words = [one for one in words if not any(excuse in one for excuse in excused)]
    held(not words, f"the event loop was told of {words}")


def _excused(suite: object) -> Collection[str]:
    subject: Subject | None = getattr(suite, "subject", None)
    return () if subject is None else subject.excused.keys()


async def settle() -> None:
    """Let transports and tasks that are ending end."""
    for _ in range(20):
        await asyncio.sleep(0)
    await asyncio.sleep(0.02)


def open_files() -> int:
    """Return how many files and sockets this process has open."""
    return psutil.Process(os.getpid()).num_fds()


def tasks() -> set[asyncio.Task[Any]]:
    """Return all tasks of this loop but the current one."""
    return asyncio.all_tasks() - {asyncio.current_task()}


@asynccontextmanager
async def nothing_left(what: str) -> AsyncIterator[None]:
    """Fail when there are tasks or open files after the block that were not there before."""
    before, files = tasks(), open_files()
    yield
    deadline = asyncio.get_running_loop().time() + 2.0
    while (tasks() - before or open_files() > files) and asyncio.get_running_loop().time() < deadline:
        await settle()
    left = [task.get_name() for task in tasks() - before]
    held(not left, f"{what} left {len(left)} tasks: {', '.join(left[:5])}")
    held(open_files() <= files, f"{what} left {open_files() - files} open files or sockets")


_ARMED: list[list[str]] = []


def _watch(event: str, args: tuple[Any, ...]) -> None:
    if _ARMED and event in {"socket.__new__", "socket.connect", "socket.getaddrinfo", "socket.gethostbyname"}:
        _ARMED[-1].append(f"{event}{args[1:]}")


_hooked: list[bool] = []


@contextmanager
def network_watched() -> Iterator[list[str]]:
    """Gather what is done with sockets and names while the block runs."""
    if not _hooked:
        _hooked.append(True)
        sys.addaudithook(_watch)
    seen: list[str] = []
    _ARMED.append(seen)
    try:
        yield seen
    finally:
        _ARMED.remove(seen)


@dataclass(slots=True)
class Bench:
    """One link before one peer, with a proxy in between."""

    subject: Subject
    peer: Peer
    proxy: Proxy
    bound: BoundDevice
    link: Link
    sink: RecordingSink = field(default_factory=RecordingSink)

    def of(self, point: str = NUMBER) -> Iterator[Reading]:
        """Yield the readings of a point so far."""
        wanted = next(one.id for one in self.bound.points if one.point.name == point)
        return (reading for reading in self.sink.readings() if reading.id == wanted)

    def values(self, point: str = NUMBER) -> list[float]:
        """Return the values of a point so far, without those that are none."""
        return [reading.value for reading in self.of(point) if not math.isnan(reading.value)]

    def has(self, value: float, since: int = 0) -> bool:
        """Whether `number` was read as `value` after its first `since` values."""
        return value in self.values()[since:]

    async def reads(self, value: float, within_s: float | None = None) -> None:
        """Give the device a number and wait until it is read."""
        since = len(self.values())
        await self.peer.set(NUMBER, value)
        await self.sink.wait_for(lambda: self.has(value, since), within_s or self.subject.back_s)

    def troubled(self, since: int = 0) -> bool:
        """Whether the link has said that something is wrong, after its first `since` complaints."""
        return self.complaints > since

    @property
    def complaints(self) -> int:
        """How often the link has ended, called points silent, or given bad readings."""
        bad = sum(1 for reading in self.of() if reading.reason.level is Level.BAD)
        return len(self.sink.downs) + len(self.sink.silences) + bad

    async def state(self, raw: StateKey) -> None:
        """Give the device a state and wait until it is what was read last."""
        bound = next(one for one in self.bound.points if one.point.states)
        name, wanted = bound.point.name, bound.state(raw)
        await self.peer.set(name, raw)
        await self.sink.wait_for(lambda: self.values(name)[-1:] == [wanted], self.subject.back_s)

    async def spoilt(self, flaw: str) -> Reading:
        """Spoil `number` and return its first reading that is not good."""
        since = len(list(self.of()))
        await self.peer.spoil(flaw)

        def bad() -> list[Reading]:
            return [one for one in list(self.of())[since:] if one.reason is not Reason.GOOD]

        await self.sink.wait_for(bad, self.subject.back_s)
        return bad()[0]


def proxy_for(subject: Subject, port: int, seed: int = 0) -> Proxy:
    """Return the proxy of the subject's transport before `port`."""
    return UdpProxy(port, seed) if subject.transport == "udp" else TcpProxy(port, seed)


@asynccontextmanager
async def bench(subject: Subject, *, seed: int = 0, beside: Peer | None = None) -> AsyncIterator[Bench]:
    """Start a peer (or take the one of another bench) and a proxy, and make the link; nothing runs yet."""
    async with AsyncExitStack() as stack:
        peer = await stack.enter_async_context(subject.peer()) if beside is None else beside
        proxy = await stack.enter_async_context(proxy_for(subject, peer.port, seed))
        bound = subject.bound(proxy.port)
        links = subject.links([bound], subject.home())
        held(len(links) == 1, f"one device gives one link, found {len(links)}")
        yield Bench(subject, peer, proxy, bound, links[0])


@asynccontextmanager
async def running_bench(
    subject: Subject, *, seed: int = 0, beside: Peer | None = None
) -> AsyncIterator[Bench]:
    """Start a bench whose link runs as the supervisor runs it, and has given its first value."""
    async with bench(subject, seed=seed, beside=beside) as made, supervised(made.link, made.sink, WAIT_S):
        await made.sink.wait_for(made.values, subject.back_s)
        yield made
