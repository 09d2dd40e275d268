"""The simulator as a process: how it runs, and how another process starts and stops it."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import json
import logging
import os
import signal
import sys
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from barrio.simulator.addresses import overrides
from twin.errors import StartError

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from barrio.simulator.field import Field

READY_WITHIN_S = 30.0
_STOP_WITHIN_S = 3.0
_LAST_WORDS = 20
_PR_SET_PDEATHSIG = 1  # prctl(2)


async def serve(served: Field, *, parent: int | None = None) -> None:
    """Run a field until SIGTERM or SIGINT, or until the process `parent` is gone; prints the ready line.

    The line is one JSON object: `{"ready": true, "endpoints": {...}, "devices": n, "points": n, "remark": ""}`.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if parent is not None:
        die_with(parent, stop)
    async with served:
        gc.freeze()
        gc.enable()
        print(json.dumps(ready_line(served)), flush=True)  # noqa: T201 - the parent reads it
        await stop.wait()


def ready_line(served: Field) -> dict[str, Any]:
    """Return what the simulator says when every server listens."""
    return {
        "ready": True,
        "endpoints": overrides(served.district, served.endpoints),
        "devices": len(served.district.devices),
        "points": sum(1 for _ in served.district.points()),
        "remark": served.remark,
    }


def die_with(parent: int, stop: asyncio.Event) -> None:
    """Have the kernel send SIGTERM when the parent dies (Linux), and stop at once when it is gone already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        stop.set()


def quiet_libraries() -> None:
    """Keep what the protocol libraries say of every client that comes and goes out of the log."""
    for name in ("asyncua", "coap-server", "coap"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


@dataclass(slots=True)
class SimulatorProcess:
    """A simulator started as a child process; `ready` is its ready line, `words` the last that it said of itself."""

    process: Process
    ready: Mapping[str, Any]
    words: deque[str] = field(default_factory=lambda: deque(maxlen=_LAST_WORDS))
    _listening: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls,
        folder: Path,
        *,
        base_port: int,
        seed: int = 1,
        speed: float = 1.0,
        faults: Sequence[str] = (),
        profiles: Sequence[Path] = (),
    ) -> Self:
        """Start a simulator and wait until it listens; StartError with its own words when it does not."""
        options = ["--base-port", str(base_port), "--seed", str(seed), "--speed", str(speed)]
        options += [part for fault in faults for part in ("--fault", fault)]
        options += [part for profile in profiles for part in ("--profiles", str(profile))]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "barrio.simulator", str(folder), "--parent", str(os.getpid()), *options),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # Ctrl-C in a terminal is for the parent, which stops us when it has drained.
            start_new_session=True,
        )
        found = cls(process, {})
        found._listening = asyncio.create_task(found._listen(), name="simulator.words")
        try:
            found.ready = await found._first_line()
        except BaseException:
            await found.stop()
            raise
        return found

    async def stop(self) -> None:
        """Ask it to stop, insist after a while, and wait until it is gone."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), _STOP_WITHIN_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()
        if self._listening is not None:
            await self._listening

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _listen(self) -> None:
        """Read what it says until it ends, so that a full pipe never holds it up."""
        if self.process.stderr is not None:
            async for line in self.process.stderr:
                self.words.append(line.decode(errors="replace").strip())

    async def _first_line(self) -> Mapping[str, Any]:
        if self.process.stdout is None or self._listening is None:
            raise StartError("the simulator was started without pipes")
        try:
            line = await asyncio.wait_for(self.process.stdout.readline(), READY_WITHIN_S)
        except TimeoutError:
            raise StartError(f"the simulator did not listen within {READY_WITHIN_S:g} s") from None
        if line:
            found: Mapping[str, Any] = json.loads(line)
            return found
        await self._listening
        words = "\n".join(self.words).removeprefix("error: ")
        raise StartError(words or "the simulator ended without a word")
