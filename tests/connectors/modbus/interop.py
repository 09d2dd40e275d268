"""Builds and starts `interop_server.c`, a device that libmodbus answers for, over TCP or at one end of a line."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import os
import subprocess
import tempfile
import tty
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers import need

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

SOURCE = Path(__file__).with_name("interop_server.c")
_STOP_WITHIN_S = 5.0
_INCLUDE = "-I/usr/include/modbus"


@dataclass(frozen=True, slots=True)
class Served:
    """A device that runs. `at` is what an endpoint has before the unit."""

    at: str
    log: Path

    @property
    def requests(self) -> list[tuple[int, int, int]]:
        """Function, first and count (or what stands in its place) of every request so far."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [(int(function), int(first), int(count)) for function, first, count in map(str.split, lines)]

    @property
    def functions(self) -> set[int]:
        """The functions that were asked."""
        return {function for function, _, _ in self.requests}


@functools.cache
def build() -> Path:
    """Return the server's binary, compiled once for each version of its source; without libmodbus no test runs."""
    compiler = need("libmodbus")
    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    binary = Path(tempfile.gettempdir()) / f"barrio-interop-server-{os.getuid()}-{digest}"
    if not binary.exists():
        half = binary.with_suffix(f".{os.getpid()}")
        command = [str(compiler), "-O1", "-Wall", "-Wextra", "-Werror", _INCLUDE, str(SOURCE)]
        subprocess.run([*command, "-lmodbus", "-o", str(half)], check=True)
        half.replace(binary)
    return binary


@contextmanager
def over_tcp(folder: Path, unit: int = 1, **keys: int) -> Iterator[Served]:
    """Run a device on loopback while the block runs."""
    with _running(["tcp", str(unit)], folder, keys) as (line, log):
        yield Served(f"modbus+tcp://127.0.0.1:{int(line)}", log)


@asynccontextmanager
async def on_a_line(folder: Path, unit: int = 1, baudrate: int = 19200, **keys: int) -> AsyncIterator[Served]:
    """Run a device at one of two terminals, each of which hears what the other says."""
    with _terminals() as (own, other):
        command = ["rtu", str(unit), other, str(baudrate)]
        with _running(command, folder, keys) as (_, log):
            yield Served(f"modbus+rtu://{own}", log)
            await asyncio.sleep(0)


@contextmanager
def _running(command: list[str], folder: Path, keys: dict[str, int]) -> Iterator[tuple[str, Path]]:
    log = folder / "requests"
    options = [f"log={log}", *(f"{key}={value}" for key, value in keys.items())]
    with subprocess.Popen([str(build()), *command, *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise RuntimeError(f"{SOURCE.name} did not start: {command}")
            yield line, log
        finally:
            process.terminate()
            process.wait(_STOP_WITHIN_S)


@contextmanager
def _terminals() -> Iterator[tuple[str, str]]:
    """Yield the paths of two terminals that are wired to each other."""
    ends = [os.openpty(), os.openpty()]
    loop = asyncio.get_running_loop()
    (left, left_file), (right, right_file) = ends
    for master, file in ends:
        tty.setraw(file)
        os.set_blocking(master, False)
    loop.add_reader(left, _pass_on, left, right)
    loop.add_reader(right, _pass_on, right, left)
    try:
        yield os.ttyname(left_file), os.ttyname(right_file)
    finally:
        for master, file in ends:
            loop.remove_reader(master)
            os.close(file)
            os.close(master)


def _pass_on(source: int, target: int) -> None:
    with suppress(OSError):
        os.write(target, os.read(source, 4096))
