"""The writer: takes batches off the spool into the store, and advances the spool when the store has acknowledged.

What it does with an answer:

- success: the batch is stored, the spool advances
- busy (away, slow, 429, 5xx, not understood): the same batch again, after a jittered wait or the one asked for
- denied (401, 403): the same batch again, slowly; nothing is dropped, an alarm says what is missing
- too large: in two halves
- refused: in two halves, until the single reading that the store will not have is found; it goes to the dead letters
  with the store's words, the others go on

Few readings wait a moment for more, since what a store does is mostly per batch; they are durable already. `hurried`
ends that, for a stop.

Readings for windows whose rollups are made already are noted before the spool lets go of them (`late`).

A batch that was interrupted is written again from its beginning: points are keyed by (series, time).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np
import structlog

from twin.errors import TransientError
from twin.frame import join
from twin.quality import Reason
from twin.store.port import StoreBusy, StoreDenied, StoreRefused, StoreTooLarge

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from twin.frame import Batch
    from twin.gaps import Gaps
    from twin.ingest.spool import Spool
    from twin.store.port import Store

    InThread = Callable[..., Coroutine[object, object, object]]

log = structlog.get_logger("barrio.store")

MAX_ROWS = 60_000
FEW_ROWS = 40_000
LINGER_S = 0.4
FIRST_WAIT_S = 0.25
MAX_WAIT_S = 15.0
DENIED_WAIT_S = 15.0
MIND_DISK_S = 0.5


@dataclass(slots=True)
class WriterState:
    """What the writer is doing; `words` is empty while the store takes everything."""

    stored: int = 0
    quarantined: int = 0
    batches: int = 0
    errors: int = 0
    denied: bool = False
    words: str = ""


class Late(Protocol):
    """Who has to know of readings that came late."""

    def among(self, batch: Batch) -> Batch | None:
        """Return the readings of a stored batch that came late, None when none did; costs next to nothing then."""

    def mark(self, late: Batch) -> None:
        """Note them durably before returning. Raises `TransientError`."""


class Writer:
    """Spool to store; one batch in flight, so the order of a point's readings is kept."""

    def __init__(
        self,
        spool: Spool,
        store: Store,
        letters: Callable[[Batch, str], object],
        gaps: Gaps,
        appended: asyncio.Event,
        in_thread: InThread,
        on_stored: Callable[[Batch], None],
        late: Late | None = None,
    ) -> None:
        self.state = WriterState()
        self.hurried = False
        self._spool = spool
        self._store = store
        self._letters = letters
        self._gaps = gaps
        self._appended = appended
        self._in_thread = in_thread
        self._on_stored = on_stored
        self._late = late

    async def run(self) -> None:
        """Write until cancelled."""
        done = self._spool.settled_seq
        while True:
            batches = await self._read(done)
            if not batches:
                self._appended.clear()
                if self._spool.books().waiting:
                    continue
                await self._appended.wait()
                continue
            if sum(map(len, batches)) < FEW_ROWS and not self.hurried:
                await self._linger()
                batches = await self._read(done) or batches
            done = await self._write_all(batches)

    async def _linger(self) -> None:
        """Return when enough readings wait, or when few have waited for long enough."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while self._spool.books().waiting < FEW_ROWS and not self.hurried:
                    self._appended.clear()
                    await self._appended.wait()

    async def _read(self, done: int) -> list[Batch]:
        """Return what comes next, as soon as the disk gives it."""
        return await self._insist(partial(self._in_thread, self._spool.read, done, MAX_ROWS))  # type: ignore[return-value]

    async def _bury(self, batch: Batch, words: str) -> None:
        """Keep refused readings in the dead letters, as soon as the disk takes them."""
        await self._insist(partial(self._in_thread, self._letters, batch, words))

    async def _insist(self, step: Callable[[], Coroutine[object, object, object]]) -> object:
        """Do what a full or failing disk may refuse until it succeeds."""
        failed = False
        while True:
            try:
                result = await step()
            except TransientError as error:
                failed = True
                self._trouble(error.words, denied=False)
                await asyncio.sleep(MIND_DISK_S)
            else:
                if failed:
                    self.state.words = ""
                return result

    async def _write_all(self, batches: list[Batch]) -> int:
        seq = batches[-1].seq
        batch = join(batches, seq)
        refused = await self._write(batch, complete=True)
        late = None if self._late is None else self._late.among(batch)
        if self._late is not None and late is not None:
            await self._insist(partial(self._in_thread, self._late.mark, late))
        await self._in_thread(self._spool.acknowledge, seq, refused)
        self.state.batches += 1
        return seq

    async def _write(self, batch: Batch, *, complete: bool) -> int:
        """Write one batch whatever it takes; returns how many readings the store refused."""
        try:
            await self._until_answered(batch, complete=complete)
        except StoreRefused as error:
            if len(batch) > 1:
                return await self._halves(batch, complete=complete)
            if isinstance(error, StoreTooLarge):
                return await self._quarantine(batch, f"one reading is too large for the store: {error.words}")
            return await self._quarantine(batch, error.words)
        self.state.stored += len(batch)
        self._close_refused(batch)
        self._on_stored(batch)
        return 0

    async def _halves(self, batch: Batch, *, complete: bool) -> int:
        middle = len(batch) // 2
        refused = await self._write(batch.take(slice(0, middle)), complete=False)
        return refused + await self._write(batch.take(slice(middle, None)), complete=complete)

    async def _until_answered(self, batch: Batch, *, complete: bool) -> None:
        """Return when the store has the batch; StoreRefused when it does not want it."""
        wait_s = FIRST_WAIT_S
        while True:
            try:
                await self._in_thread(self._store.write, batch, complete=complete)
            except StoreDenied as error:
                self._trouble(error.words, denied=True)
                pause = DENIED_WAIT_S
            except StoreBusy as error:
                self._trouble(error.words, denied=False)
                pause = wait_s if error.retry_after_s is None else error.retry_after_s
            else:
                self._well()
                return
            await asyncio.sleep(pause * random.uniform(1.0, 1.3))
            wait_s = min(wait_s * 2, MAX_WAIT_S)

    def _trouble(self, words: str, *, denied: bool) -> None:
        if not self.state.words:
            log.warning("store.denied" if denied else "store.away", words=words)
        self.state.errors += 1
        self.state.words, self.state.denied = words, denied

    def _well(self) -> None:
        if self.state.words:
            log.info("store.back", waiting=self._spool.books().waiting)
        self.state.words, self.state.denied = "", False

    async def _quarantine(self, batch: Batch, words: str) -> int:
        await self._bury(batch, words)
        self.state.quarantined += len(batch)
        self._gaps.begin(batch.ids, batch.time, Reason.STORE_REFUSED, words)
        return len(batch)

    def _close_refused(self, batch: Batch) -> None:
        back = self._gaps.reason[batch.ids] == Reason.STORE_REFUSED
        if np.any(back):
            self._gaps.end(batch.ids[back], batch.time[back])
