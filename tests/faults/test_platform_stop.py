"""Processes that are stopped, or that stop themselves because of a bug."""

import asyncio
import signal
import subprocess
import sys
import time

import pytest

from tests.barrio.processes import environment
from tests.faults.stage import Shop
from tests.servers import free_port
from tests.twin.store.standin import Answer, StandIn

RUNS = """
import asyncio, sys
from pathlib import Path
import barrio.commands.run as command
from barrio.cli import main
from tests.barrio.scripted import ScriptedLink
from tests.faults.stage import Shop, frame

folder, store, bug = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "bug"
shop = Shop(folder)

async def run(self, sink):
    sink.up()
    self.sink = sink
    for number in range(10_000_000):
        await sink.submit(frame(self, 4 * number))
        print(4 * number + 3, flush=True)
        if bug and number == 200:
            raise ValueError("a bug in this link")
        await asyncio.sleep(0.001)

ScriptedLink.run = run
command.Connectors = lambda: shop.connectors
sys.argv = ["barrio", "run", str(folder / "little"), "--data", str(folder / "data"), "--listen", "127.0.0.1:0",
            "--store", store]
main()
"""


def start(folder, store: str, manner: str = "well") -> subprocess.Popen[str]:
    """Run `barrio run` with links that deliver without an end and write down what was taken."""
    command = [sys.executable, "-c", RUNS, str(folder), store, manner]
    with (folder / "taken").open("wb") as taken:
        own = environment(BARRIO_STORE_TIMEOUT="4s")
        return subprocess.Popen(command, stdout=taken, stderr=subprocess.PIPE, text=True, env=own)


def taken(folder) -> int:
    """How many readings were taken so far."""
    return 4 * len((folder / "taken").read_bytes().split())


async def in_the_folder(folder):
    """What the folder holds: rows stored, and the books."""
    shop = Shop(folder)
    async with shop.platform(at_rest=True) as platform:
        return platform.store.raw(platform.catalogue.ids, 0, 2**62), platform.spool.books()


async def test_a_bug_in_a_link(tmp_path):
    """A bug stops the process with its traceback and exit code 1, after everything that was taken is stored."""
    process = start(tmp_path, "duckdb", "bug")
    err = process.communicate(timeout=60)[1]
    stored, books = await in_the_folder(tmp_path)

    assert process.returncode == 1
    assert "Traceback" in err
    assert "ValueError: a bug in this link" in err
    assert len(stored) == books.stored == taken(tmp_path)
    assert (books.waiting, books.balanced) == (0, True)


def store_of(kind: str, standin: StandIn) -> str:
    if kind == "duckdb":
        return "duckdb"
    if kind == "away":
        return f"http://127.0.0.1:{free_port()}"
    standin.answers["/query"] = Answer(200, b'{"results":[{}]}')
    standin.answers["/write"] = Answer(503) if kind == "busy" else Answer(204, slow_s=60)
    return standin.url


@pytest.mark.parametrize("kind", ["duckdb", "away", "busy", "hanging"])
async def test_stopped_under_load(tmp_path, kind):
    """SIGTERM ends it soon whatever the store does; everything that was taken is stored or waits in the spool."""
    with StandIn("1.8.10") as standin:
        process = start(tmp_path, store_of(kind, standin))
        async with asyncio.timeout(30):
            while taken(tmp_path) < 4000 and process.poll() is None:  # noqa: ASYNC110 - another process sets no event
                await asyncio.sleep(0.05)
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        err = (await asyncio.to_thread(process.communicate, timeout=60))[1]
        took_s = time.monotonic() - begun
    stored, books = await in_the_folder(tmp_path)

    assert process.returncode == 0, err
    assert took_s < 15
    assert books.stored + books.waiting == books.received == taken(tmp_path)
    assert (books.dropped, books.balanced) == (0, True)
    assert len(stored) == (books.stored if kind == "duckdb" else 0)
