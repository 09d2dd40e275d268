"""Checks of recovery: whatever happens on the way, nothing breaks, nothing is made up, and readings come again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from structlog.testing import capture_logs

from connectors.conformance.bench import Bench, bench, held, running_bench, trial
from connectors.conformance.recording import supervised
from connectors.conformance.subject import NUMBER, Subject
from connectors.conformance.troubles import BY_TRANSPORT, nonsense

if TYPE_CHECKING:
    import pytest

LOOK_EVERY_S = 0.02
_SOUND = (7.0, 50.0, 51.0, 52.0)


class Robust:
    """What a link does about troubles."""

    subject: Subject

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test for each trouble of the transport."""
        if "trouble" in metafunc.fixturenames:
            metafunc.parametrize("trouble", sorted(BY_TRANSPORT[metafunc.cls.subject.transport]))

    @trial
    async def test_comes_back_after(self, trouble: str) -> None:
        """A trouble is noticed in time and brings no wrong value; when it is over, readings come by themselves."""
        happens = BY_TRANSPORT[self.subject.transport][trouble]
        async with running_bench(self.subject) as made:
            await made.reads(50)
            complaints = made.complaints
            begun = happens.begin(made.proxy, self.subject)
            if begun is not None:
                await begun
            await made.peer.set(NUMBER, 51)
            if happens.noticed:
                due = complaints + happens.noticed - 1
                await made.sink.wait_for(lambda: made.troubled(due), happens.noticed * self.subject.noticed_s)
            elif not happens.passes:
                await asyncio.sleep(1.0)
            if not happens.passes:
                made.proxy.calm()
                await made.proxy.allow()
            await made.reads(52, self.subject.back_s + self.subject.noticed_s)
            odd = [value for value in made.values() if value not in _SOUND]
            held(not odd or trouble == "corrupt", f"values that the device never had: {odd[:5]}")

    @trial
    async def test_comes_back_after_garbage(self) -> None:
        """Bytes that are no reply give no value and no error but TransientError, each kind of them."""
        async with running_bench(self.subject) as made:
            for name, piece in {**nonsense(), **self.subject.garbage}.items():
                await made.reads(60)
                since, replies = len(made.values()), made.proxy.replies
                made.proxy.answer_with([piece])
                await made.peer.set(NUMBER, 61)
                await _heard(made, replies)
                taken = [value for value in made.values()[since:] if value not in (60, 61)]
                held(not taken, f"{name}: taken for {taken[:5]}")
                made.proxy.calm()
                await made.reads(62, self.subject.back_s + self.subject.noticed_s)

    @trial
    async def test_says_it_once(self) -> None:
        """An outage is said by raising: the connector itself logs no warning for each try."""
        with _warnings() as said:
            async with running_bench(self.subject) as made:
                await made.proxy.refuse()
                await made.peer.set(NUMBER, 51)
                await made.sink.wait_for(lambda: made.complaints >= 3, 3 * self.subject.noticed_s)
        held(len(said) <= 1, f"logged {len(said)} times during one outage: {said[:3]}")

    @trial
    async def test_makes_no_retry_storm(self) -> None:
        """A peer that breaks off in the middle of every answer is not dialled again and again."""
        async with bench(self.subject) as made, supervised(made.link, made.sink, wait_s=0.25):
            made.proxy.cut()
            await asyncio.sleep(2.0)
            runs = len(made.sink.downs) + 1
            asked = made.proxy.arrivals
            most = 4 * runs + 20
            held(asked <= most, f"{asked} connections or datagrams in 2 s with {runs} runs, at most {most}")

    @trial
    async def test_links_share_no_fate(self) -> None:
        """While one link's peer is mute and another's refuses, a third is read as if nothing were."""
        async with (
            running_bench(self.subject) as made,
            running_bench(self.subject, beside=made.peer) as mute,
            running_bench(self.subject, beside=made.peer) as gone,
        ):
            mute.proxy.silence()
            await gone.proxy.refuse()
            complaints = made.complaints
            for value in (71, 72, 73):
                await made.reads(value)
                await asyncio.sleep(min(1.0, self.subject.noticed_s) / 3)
            words = made.sink.downs[-1:] or made.sink.silences[-1:]
            held(made.complaints == complaints, f"its neighbours' troubles were its own: {words}")


async def _heard(made: Bench, replies: int) -> None:
    """Wait until the peer has replied, and the link has had time to take it in; a second at most."""
    for _ in range(int(1.0 / LOOK_EVERY_S)):
        if made.proxy.replies > replies:
            break
        await asyncio.sleep(LOOK_EVERY_S)
    await asyncio.sleep(0.1)


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """Gather what is logged as a warning or worse while the block runs, by structlog and by logging.

    Whatever somebody set up before, warnings pass meanwhile.
    """
    said: list[str] = []
    handler, root = _Listening(said), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(min(level, logging.WARNING))
    try:
        with capture_logs() as events:
            yield said
        said += [str(one["event"]) for one in events if one["log_level"] in {"warning", "error", "critical"}]
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


class _Listening(logging.Handler):
    """Handler that keeps what it is given."""

    def __init__(self, said: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append(f"{record.name}: {record.getMessage()}")
