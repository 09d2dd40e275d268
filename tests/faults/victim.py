"""A platform that is killed again and again: `python -m tests.faults.victim FOLDER ROUNDS SEED`.

One data folder lives through all rounds. In each, a child starts a platform whose two links commit readings, every one
with a value of its own, and writes down what was acknowledged; at a seeded moment it is killed with SIGKILL, sometimes
while it stops. Moments are told by what was noted, and a little later: a slow machine gets as far as a quick one. The
notes of a round say `offered` and `acked` with series, first value and number, and which phases were reached.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from pathlib import Path

import structlog
import uvloop

from barrio.service import stop_on_signals
from tests.barrio.scripted import ScriptedLink, until
from tests.faults.stage import Shop, frame, sink_of

A_ROUND = 1_000_000
PATIENCE_S = 20.0


class Notes:
    """What a child was told; every line is written at once."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, *words: object) -> None:
        os.write(self._file, (" ".join(map(str, words)) + "\n").encode())


async def deliver(link: ScriptedLink, first: int, notes: Notes) -> None:
    """Commit readings without an end, each with a value that never comes again."""
    await until(lambda: link.sink)
    while True:
        given = frame(link, first)
        facts = (*given.ids.tolist(), int(first))
        notes.write("offered", *facts)
        await sink_of(link).commit(given)
        notes.write("acked", *facts)
        first += len(given.ids)


async def live(folder: Path, number: int, notes: Notes) -> None:
    """Run a platform until it is killed, or asked to stop."""
    stop = stop_on_signals()
    notes.write("phase", "start")
    shop = Shop(folder)
    platform = shop.platform()
    notes.write("phase", "restore")
    async with platform:
        work = asyncio.create_task(platform.run())
        tasks = [
            asyncio.create_task(deliver(link, (2 * number + index) * A_ROUND, notes))
            for index, link in enumerate(shop.links.values())
        ]
        notes.write("phase", "run")
        asked = asyncio.create_task(stop.wait())
        await asyncio.wait({work, asked, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        notes.write("phase", "drain")
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        notes.write("phase", "close")
        for task in tasks:
            task.cancel()
    notes.write("phase", "ended")


def reached(notes: Path, said: str, times: int) -> None:
    """Return when a child has noted something so often, or when it never will."""
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        if not times or (notes.exists() and notes.read_text().count(said) >= times):
            return
        time.sleep(0.002)


def main(folder: Path, rounds: int, seed: int) -> None:
    """Run all rounds."""
    rng = random.Random(seed)
    for number in range(rounds):
        child = os.fork()
        if child == 0:
            structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(live(folder, number, Notes(folder / f"notes-{number}")))
            os._exit(0)
        notes, early = folder / f"notes-{number}", rng.random() < 0.3
        reached(notes, *(("phase restore", rng.randrange(2)) if early else ("acked", rng.randrange(120))))
        time.sleep(rng.uniform(0.0, 0.05))
        if rng.random() < 0.35:
            os.kill(child, signal.SIGTERM)
            reached(notes, "phase drain", 0 if early else rng.randrange(2))
            time.sleep(rng.uniform(0.0, 0.25))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
