"""Puts steps on record: into the audit log and the journal, many at once.

Steps that come while the disk is busy wait for it together and then cost one sync, however many they are. The audit log
is written first: a step that it does not take is not taken. What has happened already (a device's answer) is written as
soon as the disk lets us.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from twin.clock import rfc3339
from twin.errors import TransientError
from twin.sqlite import DatabaseBusy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from twin.audit import Audit
    from twin.commands.journal import Journal, Statement

    InThread = Callable[..., Awaitable[Any]]

AGAIN_S = 1.0
MOST_AT_ONCE = 2_000


@dataclass(slots=True)
class Record:
    """Entries and changes that go together; `at` is ns UTC, facts that are empty are left out."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)

    def step(self, at: int, name: str, **facts: Any) -> Record:
        """Add an entry of the audit log."""
        known = {key: value for key, value in facts.items() if value is not None and value != ""}
        self.entries.append({"at": rfc3339(at), "step": name, **known})
        return self

    def keep(self, *statements: Statement) -> Record:
        """Add changes of the journal."""
        self.statements += statements
        return self


@dataclass(frozen=True, slots=True)
class _Waiting:
    record: Record
    done: asyncio.Future[None] | None


class Scribe:
    """The one that writes; used from the event loop, the disk is another thread's."""

    def __init__(self, audit: Audit, journal: Journal, in_thread: InThread) -> None:
        self.words = ""
        self._audit = audit
        self._journal = journal
        self._in_thread = in_thread
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether something is not on the disk yet."""
        return self._task is not None and not self._task.done()

    async def put(self, record: Record) -> None:
        """Return when a record is on the disk; TransientError when it is not, and then will not be."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(record, done))
        self._wake()
        await done

    def later(self, record: Record) -> None:
        """Put something on record that has happened: as soon as the disk lets us."""
        self._waiting.append(_Waiting(record, None))
        self._wake()

    async def idle(self) -> None:
        """Return when everything is on the disk, or the disk takes nothing."""
        while self._task is not None and self.busy and not self.words:
            await asyncio.wait({self._task}, timeout=0.1)

    def check(self) -> None:
        """Raise what ended the writing: a bug."""
        if self._task is not None and self._task.done():
            self._task.result()

    def stop(self) -> None:
        """Write no more."""
        if self._task is not None:
            self._task.cancel()

    def _wake(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write(), name="scribe")

    async def _write(self) -> None:
        while self._waiting:
            taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_AT_ONCE))]
            try:
                await self._in_thread(_write, self._audit, self._journal, [one.record for one in taken])
            except TransientError as error:
                await self._wait_for_the_disk(taken, error)
            except BaseException:
                for one in taken:
                    if one.done is not None and not one.done.done():
                        one.done.cancel()
                raise
            else:
                self.words = ""
                for one in taken:
                    if one.done is not None and not one.done.done():
                        one.done.set_result(None)

    async def _wait_for_the_disk(self, taken: Sequence[_Waiting], error: TransientError) -> None:
        self.words = error.words
        for one in taken:
            if one.done is not None and not one.done.done():
                one.done.set_exception(TransientError(error.peer, error.words))
        kept = [one for one in taken if one.done is None]
        self._waiting.extendleft(reversed(kept))
        if kept:
            await asyncio.sleep(AGAIN_S)


def _write(audit: Audit, journal: Journal, records: Sequence[Record]) -> None:
    """Write records; blocks. What the log has and the journal does not take is said in the log."""
    entries: list[Mapping[str, Any]] = [entry for record in records for entry in record.entries]
    if entries:
        audit.append(entries)
    try:
        journal.write(statement for record in records for statement in record.statements)
    except DatabaseBusy as error:
        undone = [{**entry, "step": "not_recorded", "of": entry["step"]} for entry in entries]
        if undone:
            audit.append([{**entry, "words": error.words} for entry in undone])
        raise
