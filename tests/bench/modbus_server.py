"""Builds and starts `modbus_server.c`, a Modbus server fast enough not to be what a benchmark measures.

    with running(registers=125) as port: ...

By hand: `python -m tests.bench.modbus_server PORT REGISTERS [STEP [DELAY_US [ADDRESSES]]]` builds it and becomes it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).with_suffix(".c")
_INCLUDE = "-I/usr/include/modbus"
_STOP_WITHIN_S = 5.0

MOST_ADDRESSES = 250
"""Addresses, and so devices, that one server plays."""


class NotBuiltError(RuntimeError):
    """Raised when the compiler or libmodbus is missing; says what to install."""


def build() -> Path:
    """Return the server's binary, compiled once for each version of its source."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        message = "no C compiler: apt-get install gcc libmodbus-dev"
        raise NotBuiltError(message)
    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    binary = Path(tempfile.gettempdir()) / f"barrio-modbus-server-{os.getuid()}-{digest}"
    if not binary.exists():
        half = binary.with_suffix(f".{os.getpid()}")
        command = [compiler, "-O2", "-Wall", "-Wextra", _INCLUDE, str(SOURCE), "-lmodbus", "-o", str(half)]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode:
            message = f"not compiled (apt-get install libmodbus-dev?): {made.stderr.strip()}"
            raise NotBuiltError(message)
        half.replace(binary)
    return binary


@contextmanager
def running(
    port: int = 0, registers: int = 1000, step: int = 1, delay_us: int = 0, addresses: int = 1
) -> Iterator[int]:
    """Run the server while the block runs, at 127.0.0.1 and so on; yields its port, or `NotBuiltError`."""
    command = [str(build()), str(port), str(registers), str(step), str(delay_us), str(addresses)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None or not (line := process.stdout.readline()):
                message = f"{SOURCE.name} did not start on port {port}"
                raise RuntimeError(message)
            yield int(line)
        finally:
            process.terminate()
            process.wait(_STOP_WITHIN_S)


if __name__ == "__main__":
    server = build()
    os.execv(server, [str(server), *sys.argv[1:]])  # noqa: S606 (a shell would only stand between)
