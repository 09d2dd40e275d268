"""The desk of exports: jobs wait their turn, one is made at a time, files are kept for a while.

What holds:

- A job is in the book before its caller is told of it, and its file is whole before the book says that it is done.
- A job that was running when the process ended is begun again at the next start; after `MOST_TRIES` it has failed.
- A file without a job and a draft are removed at the start: nothing half is ever shown as whole.
- All files together, with the one that is being made, stay within `most_bytes`; what would not has failed.
- A job is forgotten, and its file removed, some time after it ended, when its owner says so, and within seconds of its
  token's end.

The folder is made when the first job comes. Blocking work is done in a thread of its own.
"""

from __future__ import annotations

import asyncio
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import structlog

from barrio import memory
from barrio.exports import file, sources
from barrio.exports.book import Book
from barrio.exports.job import UNFINISHED, Job, State
from twin.clock import NS
from twin.errors import BarrioError, TransientError
from twin.model.roles import OPERATOR
from twin.sqlite import DatabaseBusy

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack
    from pathlib import Path

    from barrio.access.who import Who
    from barrio.platform import Platform

MOST_JOBS = 200
MOST_OF_ONE = 50
MOST_WAITING = 5
"""Of one owner, and of all who show no token together."""

MOST_FETCHED = 1_000
"""Downloads in parts that are remembered."""

MOST_TRIES = 3
LEAST_FREE = 1_000_000_000
"""What is left on the disk for readings, whatever exports would take."""

EVERY_S = 2.0
AWAY_S = 5.0

log = structlog.get_logger("barrio.exports")


class Stopped(BarrioError):
    """Raised inside a job that is not wanted any more, or whose process ends."""


class TooLarge(BarrioError):
    """Raised inside a job whose file would not fit."""


class ExportDesk:
    """The exports of one platform."""

    def __init__(self, platform: Platform, opened: ExitStack) -> None:
        self._platform = platform
        self._maker = ThreadPoolExecutor(1, "barrio-exports")
        self._clerk = ThreadPoolExecutor(1, "barrio-exports-book")
        # Held while a job ends or is forgotten, so that one of the two comes first.
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._jobs: dict[str, Job] = {}
        self._fetched: dict[tuple[str, str], None] = {}
        self._book: Book | None = None
        self._wake = asyncio.Event()
        self.most_bytes = platform.settings.export_bytes
        self.kept_s = platform.settings.export_keep
        opened.callback(self._close)
        if self.folder.is_dir() and not platform.at_rest:
            self._open()

    @property
    def folder(self) -> Path:
        """Where files and the book are."""
        return self._platform.folder.path / "exports"

    @property
    def jobs(self) -> list[Job]:
        """All jobs, the oldest first."""
        return list(self._jobs.values())

    def find(self, job_id: str) -> Job | None:
        """Return a job, None when there is none of that id."""
        return self._jobs.get(job_id)

    def path(self, job: Job) -> Path:
        """Return where the file of a job is, when it is done."""
        return self.folder / job.file_name

    @property
    def stored_bytes(self) -> int:
        """What the files that are whole take together."""
        return sum(job.bytes for job in self._jobs.values() if job.state is State.DONE)

    def room(self, owner: str, token: str) -> str:
        """Return why an owner may ask for no more just now, empty where they may. `token` as a job has it."""
        theirs = [job for job in self._jobs.values() if (job.token or job.owner) == (token or owner)]
        waiting = sum(job.state in UNFINISHED for job in theirs)
        if waiting >= MOST_WAITING:
            return f"{waiting} of your exports wait or are made, {MOST_WAITING} at most: wait for one to end"
        if len(theirs) >= MOST_OF_ONE and (token or owner != OPERATOR):
            return f"{MOST_OF_ONE} of your exports are kept, which is the most: delete some, or wait for some to expire"
        if len(self._jobs) >= MOST_JOBS:
            return f"{MOST_JOBS} exports are kept, which is the most: delete some of yours, or wait for some to expire"
        if self.stored_bytes >= self.most_bytes:
            return (
                f"exports take {self.stored_bytes:,} bytes, at most {self.most_bytes:,}: delete some of yours"
            )
        return ""

    def is_fetched_anew(self, job: Job, who: Who, part: str | None) -> bool:
        """Whether the file of a job is fetched, and not only a further `part` of it by whoever was noted already."""
        key = (job.id, who.token or who.name)
        known = part is not None and key in self._fetched
        self._fetched[key] = None
        if len(self._fetched) > MOST_FETCHED:
            del self._fetched[next(iter(self._fetched))]
        return not known

    async def add(self, job: Job) -> None:
        """Keep a job and make it when its turn comes. `DatabaseBusy` when the disk does not take it."""
        await self._written(self._add, job)
        self._jobs[job.id] = job
        self._wake.set()

    async def forget(self, job: Job) -> None:
        """Stop a job where it runs, and remove it and its file."""
        self._jobs.pop(job.id, None)
        await self._written(self._forget, job)

    async def run(self) -> None:
        """Make jobs and let go of old ones until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._work())
                tasks.create_task(self._watch_over())
        finally:
            self._stop.set()

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            job = self._next()
            if job is None:
                await self._wake.wait()
                continue
            try:
                await loop.run_in_executor(self._maker, self._make, job)
            except TransientError as error:
                log.warning("exports.waiting", job=job.id, words=str(error))
                await asyncio.sleep(AWAY_S)

    def _next(self) -> Job | None:
        """Return whose turn it is: of those that wait, the oldest of whoever was served longest ago."""
        served: dict[str, int] = {}
        for job in self._jobs.values():
            owner = job.token or job.owner
            served[owner] = max(served.get(owner, 0), job.started)
        waiting = (job for job in self._jobs.values() if job.state in UNFINISHED)
        return min(waiting, key=lambda job: served[job.token or job.owner], default=None)

    async def _watch_over(self) -> None:
        """Forget jobs that are old, or whose token ended."""
        while True:
            now = self._now()
            for job in self.jobs:
                old = bool(job.finished) and now - job.finished > self.kept_s * NS
                if old or (job.token and not self._holds(job.token, now)):
                    with suppress(DatabaseBusy):
                        await self.forget(job)
            await asyncio.sleep(EVERY_S)

    def _holds(self, token: str, now: int) -> bool:
        return self._platform.keys.holds(token, now)

    async def _written(self, function: Callable[[Job], None], job: Job) -> None:
        await asyncio.get_running_loop().run_in_executor(self._clerk, function, job)

    # --- in threads -----------------------------------------------------------------------------------------

    def _open(self) -> Book:
        if self._book is None:
            self.folder.mkdir(mode=0o750, exist_ok=True)
            book = Book(self.folder / "exports.sqlite")
            book.open()
            self._book = book
            self._recover(book)
        return self._book

    def _recover(self, book: Book) -> None:
        """Take over what the book says, and remove files that it knows nothing of."""
        for job in book.all():
            if job.state is State.RUNNING:
                job.state = State.WAITING
                if job.tries >= MOST_TRIES:
                    job.words = f"it was begun {job.tries} times, and the process ended each time"
            elif job.state is State.DONE and not self.path(job).is_file():
                job.words = "its file is gone"
            if job.words and job.state is not State.FAILED:
                job.state, job.finished = State.FAILED, self._now()
                book.put(job)
            self._jobs[job.id] = job
        kept = {job.file_name for job in self._jobs.values() if job.state is State.DONE}
        for one in self.folder.iterdir():
            if one.name not in kept and not one.name.startswith("exports.sqlite"):
                with suppress(OSError):
                    one.unlink()

    def _add(self, job: Job) -> None:
        self._open().put(job)

    def _forget(self, job: Job) -> None:
        with self._lock:
            self._open().forget(job.id)
            with suppress(FileNotFoundError):
                self.path(job).unlink()

    def _make(self, job: Job) -> None:
        """Make the file of a job, and keep what became of it."""
        with self._lock:
            if job.id not in self._jobs:
                return
            job.state, job.started, job.rows, job.bytes = State.RUNNING, self._now(), 0, 0
            job.tries += 1
            self._open().put(job)
        memory.give_back()
        try:
            written = self._platform.supervisor.asked(f"export {job.id}", partial(self._write, job))
        except Stopped:
            return
        except TransientError:
            job.state, job.tries = State.WAITING, job.tries - 1
            raise
        except (BarrioError, OSError) as error:
            words = error.strerror if isinstance(error, OSError) else ""
            self._end(job, words or str(error))
            return
        job.rows, job.bytes, job.sha256 = written.rows, written.bytes, written.sha256
        self._end(job, "")

    def _write(self, job: Job) -> file.Written:
        found, job.expected = sources.table(self._platform, job.plan)
        return file.write(found, job.form, self.path(job), partial(self._watch, job))

    def _watch(self, job: Job, rows: int, size: int) -> None:
        job.rows, job.bytes = rows, size
        if self._stop.is_set() or job.id not in self._jobs:
            raise Stopped
        if self.stored_bytes + size > self.most_bytes:
            raise TooLarge(f"the files of exports would take more than {self.most_bytes:,} bytes")
        if shutil.disk_usage(self.folder).free < LEAST_FREE:
            raise TooLarge(f"less than {LEAST_FREE:,} bytes of the disk are free, which are for readings")

    def _end(self, job: Job, words: str) -> None:
        """Keep how a job ended; one that was forgotten meanwhile leaves nothing."""
        with self._lock:
            if job.id not in self._jobs:
                self.path(job).unlink(missing_ok=True)
                return
            job.state, job.words, job.finished = (State.FAILED if words else State.DONE), words, self._now()
            self._open().put(job)
        log.info("exports.ended", job=job.id, rows=job.rows, bytes=job.bytes, words=words)

    def _now(self) -> int:
        return self._platform.clock.now_ns()

    def _close(self) -> None:
        self._stop.set()
        self._maker.shutdown()
        self._clerk.shutdown()
        if self._book is not None:
            self._book.close()
