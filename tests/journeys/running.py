"""`barrio run` as a process over one folder: stopped, killed, started again, and asked as people ask."""

import asyncio
import json
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.barrio.processes import COMMAND, barrio, environment
from tests.servers import LOOPBACK, free_port
from twin.folder import DataFolder

WITHIN_S = 60.0
DISTRICT = """\
district: little
name: Little
timezone: UTC
location: {lat: 20.5, lon: -100.3}
sites: [{id: house}]
"""


def write_district(folder: Path, devices: str, **profiles: str) -> None:
    """Write the district `little`: its devices, and profiles by name."""
    home = folder / "little"
    (home / "profiles").mkdir(parents=True)
    (home / "district.yaml").write_text(DISTRICT)
    (home / "devices.yaml").write_text(devices)
    for name, text in profiles.items():
        (home / "profiles" / f"{name}.yaml").write_text(text)


class Barrio:
    """A platform that runs the district `little` of a folder, with `variables` as its environment."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.variables = {"BARRIO_LOG_FORMAT": "json", **variables}
        self.url = f"http://{LOOPBACK}:{free_port()}"
        self.log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it; returns when it answers."""
        self._process = self._launched()
        await self.until(self._answers)

    def _launched(self) -> subprocess.Popen[bytes]:
        listen = self.url.removeprefix("http://")
        command = [*COMMAND, "run", "little", "--data", "data", "--listen", listen]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment(**self.variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def stop(self) -> int:
        """Ask it to stop; returns the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(self._process.wait, WITHIN_S)
        self._process = None
        return code

    def kill(self) -> None:
        """End it without a word, as a power cut does to the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    async def get(self, path: str, **query: Any) -> Any:
        """Return what the surface answers to the operator."""
        shown = {"Authorization": f"Bearer {DataFolder(self.data).read_token()}"}
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=20, headers=shown) as client:
            return (await client.get(path, params=query)).raise_for_status().json()

    def shown(self) -> dict[str, str]:
        """Return the header by which the surface knows the operator."""
        return {"Authorization": f"Bearer {DataFolder(self.data).read_token()}"}

    async def past(self, point: str) -> list[tuple[float, str, str]]:
        """Return every reading of a point that is stored: value, quality, time."""
        answer = await self.get("/api/v1/history", point=f"little/{point}", **{"from": "-1h", "to": "now"})
        (series,) = answer["series"]
        return list(zip(series["value"], series["quality"], series["time"], strict=True))

    async def link(self) -> dict[str, Any]:
        """Return what status says of the only link."""
        (found,) = (await self.get("/api/v1/status"))["links"]
        return dict(found)

    async def say(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run another command for the same data folder to its end."""
        command = [*words, "--data", "data"]
        return await asyncio.to_thread(lambda: barrio(*command, cwd=self.folder, **self.variables))

    async def until(self, holds: Callable[[], Any]) -> None:
        """Return when a coroutine function returns something true; what the log says when it does not."""
        end = time.monotonic() + WITHIN_S
        while time.monotonic() < end:
            if self._process is not None and self._process.poll() is not None:
                break
            if await holds():
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"still not so; the log ends: {self.log.read_text()[-3000:]}")

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        """Return the lines of the log that are events of these kinds."""
        return [one for one in self._lines() if one["event"] in kinds]

    def _lines(self) -> Iterator[dict[str, Any]]:
        for line in self.log.read_text().splitlines():
            yield json.loads(line)

    async def _answers(self) -> bool:
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
                return (await client.get(f"{self.url}/healthz")).is_success
        except httpx.TransportError:
            return False


@asynccontextmanager
async def running(folder: Path, **variables: str) -> AsyncIterator[Barrio]:
    """Run it; nothing of it is left when the block ends."""
    one = Barrio(folder, **variables)
    try:
        await one.start()
        yield one
    finally:
        one.kill()
