"""The intake: takes frames from links, settles them, makes them durable, then shows them to the live twin.

What is computed from a flush (`compute`) belongs to it: the computed readings are settled with it and are durable in
the same record. Whoever follows the twin (`followers`) is told after the live twin has them.

One flush at a time: frames that arrive while a flush is at the disk wait for the next one, so the cost of the disk is
per batch. Memory is bounded by `MAX_PENDING` readings; beyond that polled links wait (`submit`), frames that a device
sent by itself are refused (`offer`: counted as dropped, and a gap), and a device that waits for an answer is told to
come back later (`commit`).
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from twin.errors import TransientError
from twin.ingest.books import Counts
from twin.ingest.settle import joined
from twin.ingest.spool import SpoolError
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from twin.clock import Clock
    from twin.frame import Frame
    from twin.gaps import Gaps
    from twin.ingest.settle import Settled, Settler
    from twin.ingest.spool import Spool
    from twin.live import Live

    InThread = Callable[..., Coroutine[object, object, object]]

MAX_PENDING = 100_000
FLUSH_AT = 20_000
FLUSH_S = 0.1
RETRY_S = 0.5
RETRY_AFTER_S = 5.0


@dataclass(slots=True)
class Tally:
    """What this process took in, in readings; `words` says why the spool refuses, empty while it takes."""

    received: int = 0
    unchanged: int = 0
    dropped: int = 0
    words: str = ""


class Intake:
    """Frames in, durable batches out; everything but the disk happens in the event loop's thread."""

    def __init__(
        self, settler: Settler, spool: Spool, live: Live, gaps: Gaps, clock: Clock, in_thread: InThread
    ) -> None:
        self.tally = Tally()
        self.appended = asyncio.Event()
        self.compute: Callable[[Settled, int], Frame | None] | None = None
        self.followers: list[Callable[[Settled], object]] = []
        self._settler = settler
        self._spool = spool
        self._live = live
        self._gaps = gaps
        self._clock = clock
        self._in_thread = in_thread
        self._frames: list[Frame] = []
        self._pending = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._callbacks: list[Callable[[], object]] = []
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    @property
    def pending(self) -> int:
        """Readings in memory that are not durable yet."""
        return self._pending

    async def submit(self, frame: Frame) -> None:
        """Take a polled frame; waits while there is no room."""
        while self._pending >= MAX_PENDING:
            await self._room.wait()
        self._add(frame)

    def offer(self, frame: Frame) -> bool:
        """Take a frame that a device sent by itself; False when there is no room: counted, and a gap."""
        if self._pending < MAX_PENDING:
            self._add(frame)
            return True
        count = len(frame.ids)
        self.tally.received += count
        self.tally.dropped += count
        self._spool.count(Counts(dropped=count))
        at = np.full(count, frame.received, np.int64)
        self._gaps.begin(frame.ids, at, Reason.BUFFER_FULL, self.tally.words)
        return False

    async def backfill(self, frame: Frame) -> None:
        """Take what a device had kept; waits while there is no room."""
        await self.submit(frame if frame.backfilled else replace(frame, backfilled=True))

    def afterwards(self, callback: Callable[[], object]) -> None:
        """Call back once everything that was taken so far is durable and settled."""
        self._callbacks.append(callback)
        self._wake.set()

    async def commit(self, frame: Frame) -> None:
        """Take a frame and return when it is durable; TransientError when there is no room."""
        if self._pending >= MAX_PENDING or self.tally.words:
            raise TransientError("spool", self.tally.words or "the buffer is full", RETRY_AFTER_S)
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self._add(frame)
        self._wake.set()
        await done

    async def run(self) -> None:
        """Flush until cancelled; see `idle` for a stop."""
        while True:
            if not self._frames and not self._callbacks:
                await self._wake.wait()
            if self._pending < FLUSH_AT and not self._waiting:
                self._wake.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(FLUSH_S):
                        await self._until_full()
            await self.flush()

    async def idle(self, within_s: float) -> None:
        """Return when nothing is in memory and everybody was called back, or after `within_s`.

        For a stop, when the links have ended.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._pending or self._callbacks:
                    self._wake.set()
                    await asyncio.sleep(0.01)

    async def flush(self) -> None:
        """Make durable what is in memory, however long the disk refuses, and show it to the live twin."""
        frames = self._take()
        callbacks, self._callbacks = self._callbacks, []
        if frames:
            await self._settle(frames)
        for callback in callbacks:
            callback()

    async def _settle(self, frames: Sequence[Frame]) -> None:
        waiting, self._waiting = self._waiting, []
        settled = self._computed(self._settler.settle(frames))
        await self._keep(settled, waiting)
        self._live.apply(settled, self._clock.monotonic_s())
        self._gaps.settled(settled)
        for follow in self.followers:
            follow(settled)
        self._release(len(settled.readings))
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def _computed(self, settled: Settled) -> Settled:
        """Return what was settled with all that is computed from it."""
        frame = None if self.compute is None else self.compute(settled, self._clock.now_ns())
        if frame is None:
            return settled
        self._pending += len(frame.ids)
        self._gaps.taken(frame.ids, frame.received, self._clock.monotonic_s())
        return joined(settled, self._settler.settle([frame]))

    def _add(self, frame: Frame) -> None:
        self._frames.append(frame)
        self._pending += len(frame.ids)
        if frame.backfilled:
            self._gaps.kept(len(frame.ids))
        else:
            self._gaps.taken(frame.ids, frame.received, self._clock.monotonic_s())
        if self._pending >= FLUSH_AT or len(self._frames) == 1:
            self._wake.set()
        if self._pending >= MAX_PENDING:
            self._room.clear()

    async def _until_full(self) -> None:
        while self._pending < FLUSH_AT and not self._waiting:
            await self._wake.wait()
            self._wake.clear()

    def _take(self) -> list[Frame]:
        frames, self._frames = self._frames, []
        self._wake.clear()
        return frames

    async def _keep(self, settled: Settled, waiting: Sequence[asyncio.Future[None]]) -> None:
        """Put what changed into the spool; returns when it is durable. Who waits for that waits for one try only."""
        count = len(settled.readings)
        unchanged = count - int(np.count_nonzero(settled.changed))
        self.tally.received += count
        self.tally.unchanged += unchanged
        counts = Counts(unchanged=unchanged)
        if unchanged == count:
            self._spool.count(counts)
            return
        batch = settled.readings if not unchanged else settled.readings.take(settled.changed)
        while True:
            try:
                await self._in_thread(self._spool.append, batch, counts)
            except SpoolError as error:
                self.tally.words = error.words
                _refuse(waiting, error.words)
                await asyncio.sleep(RETRY_S)
            else:
                self.tally.words = ""
                self.appended.set()
                return

    def _release(self, count: int) -> None:
        self._pending -= count
        if self._pending < MAX_PENDING:
            self._room.set()


def _refuse(waiting: Sequence[asyncio.Future[None]], words: str) -> None:
    """Tell those who wait that their reading is not durable yet; it is kept in memory and may come twice."""
    for future in waiting:
        if not future.done():
            future.set_exception(TransientError("spool", words, RETRY_AFTER_S))
