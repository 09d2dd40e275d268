"""A serial line under asyncio: opened and set by pyserial, read and written as the loop finds it ready.

Never blocks the loop: the device file is opened in a thread, reads and writes take what there is.
"""

from __future__ import annotations

import asyncio
import errno
import os
import termios
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twin.errors import TransientError

if TYPE_CHECKING:
    import serial

    from connectors.modbus.client import Connection

_CHUNK = 4096
_FIXED_ABOVE_BAUD = 19200
_FIXED_S = 0.00175


@dataclass(frozen=True, slots=True)
class Line:
    """A device file and how it is set; two links never share one."""

    path: str
    baudrate: int
    parity: str
    stopbits: int
    bytesize: int

    @property
    def quiet_s(self) -> float:
        """Silence between frames: 3.5 characters, 1.75 ms above 19200 Bd (MODBUS over Serial Line V1.02, 2.5.1.1)."""
        if self.baudrate > _FIXED_ABOVE_BAUD:
            return _FIXED_S
        bits = 1 + self.bytesize + (self.parity != "N") + self.stopbits
        return 3.5 * bits / self.baudrate

    def __str__(self) -> str:
        """Return it as technicians write it: `9600 8E1`."""
        return f"{self.baudrate} {self.bytesize}{self.parity}{self.stopbits}"


class SerialWire:
    """The transport: `write` and `abort`, and what comes goes to the connection."""

    def __init__(self, port: serial.Serial, connection: Connection) -> None:
        self._port = port
        self._fd: int | None = port.fileno()
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._unsent = b""
        self._loop.add_reader(self._fd, self._read)
        connection.connection_made(self)

    def write(self, data: bytes) -> None:
        """Send, the rest as soon as there is room."""
        if self._fd is None:
            return
        had_rest, self._unsent = bool(self._unsent), self._unsent + data
        if not had_rest:
            self._flush()

    def get_extra_info(self, name: str) -> None:
        """Return nothing: a line has neither TLS nor addresses."""

    def abort(self) -> None:
        """Close at once, whatever has not been sent."""
        if self._fd is None:
            return
        fd, self._fd = self._fd, None
        self._loop.remove_reader(fd)
        self._loop.remove_writer(fd)
        with suppress(termios.error, OSError):
            # Else closing would wait until the line has taken what it may never take.
            termios.tcflush(fd, termios.TCIOFLUSH)
        with suppress(OSError):
            self._port.close()
        self._loop.call_soon(self._connection.connection_lost, None)

    def _flush(self) -> None:
        if self._fd is None:
            return
        try:
            sent = os.write(self._fd, self._unsent)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self._lost()
            return
        self._unsent = self._unsent[sent:]
        if self._unsent:
            self._loop.add_writer(self._fd, self._flush)
        else:
            self._loop.remove_writer(self._fd)

    def _read(self) -> None:
        if self._fd is None:
            return
        try:
            data = os.read(self._fd, _CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if data:
            self._connection.data_received(data)
        else:
            self._lost()

    def _lost(self) -> None:
        """End a line whose adapter was pulled out."""
        self._connection.words = "the serial line is gone"
        self.abort()


async def open_line(line: Line, connection: Connection) -> None:
    """Open the line for `connection`; `TransientError` with the reason in words."""
    try:
        port = await asyncio.to_thread(_open, line)
    except (OSError, ValueError, termios.error) as error:
        raise TransientError(connection.peer, f"{line.path}: {_words(error, line)}") from error
    SerialWire(port, connection)


def _open(line: Line) -> serial.Serial:
    import serial

    port = serial.Serial(
        line.path,
        line.baudrate,
        bytesize=line.bytesize,
        parity=line.parity,
        stopbits=line.stopbits,
        timeout=0,
        write_timeout=0,
        exclusive=True,
    )
    os.set_blocking(port.fileno(), False)
    return port


def _words(error: Exception, line: Line) -> str:
    number = getattr(error, "errno", None)
    if isinstance(error, termios.error) and error.args:
        number = error.args[0]
    if number == errno.EINVAL:
        return f"cannot be set to {line}"
    if "exclusively lock" in str(error):
        return "in use by another program"
    return os.strerror(number).lower() if isinstance(number, int) else str(error)
