"""The town of the page, answering for as long as the tests of this folder run."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.barrio.processes import started, wait_for
from tests.barrio.utilities import page, town
from tests.connectors.modbus.bank import Bank, over_tcp
from tests.servers import LOOPBACK, free_port, need

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

TURN_S = 0.3


@dataclass
class Town:
    """A running town: where it answers, its folder, and what the examples printed, by language."""

    url: str
    folder: Path
    said: dict[str, Sequence[str]]

    @property
    def token(self) -> str:
        """The token that the examples in the shell made."""
        return (self.folder / "token").read_text()

    def printed(self, language: str) -> Sequence[tuple[page.Example, str]]:
        """Return the examples of a language with what each printed; they run once."""
        if language not in self.said:
            self.said[language] = page.run(language, self.url, self.folder, self.token)
        return list(zip(page.of(language), self.said[language], strict=True))


@contextmanager
def live_meter() -> Iterator[int]:
    """Serve a meter whose power changes with every reading, from a thread; yields its port."""
    port, stop, ready = 0, asyncio.Event(), threading.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        nonlocal port
        bank = Bank()
        async with over_tcp(bank) as port:
            ready.set()
            while not stop.is_set():
                bank.registers[0] = 1_000 + (bank.registers[0] + 1) % 1_000
                await asyncio.sleep(TURN_S)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), name="live meter")
    thread.start()
    try:
        assert ready.wait(10)
        yield port
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Run the town, and the examples in the shell, which make the token that the others show."""
    need("curl")
    folder = tmp_path_factory.mktemp("playas")
    url = f"http://{LOOPBACK}:{free_port()}"
    with live_meter() as port:
        town.write_town(folder, port)
        asyncio.run(town.fill(folder))
        listen = url.removeprefix("http://")
        with started("run", "playas", "--data", "data", "--listen", listen, cwd=folder) as process:
            wait_for(f"{url}/healthz", process)
            yield Town(url, folder, {"sh": page.run("sh", url, folder)})
