"""Mail servers that cannot hold us up: a conversation can be cut by another thread, and an endless answer is cut off.

`smtplib` waits for each byte by itself, and keeps every line of an answer. A server that sends a byte now and then
would keep its thread for ever, and one that never ends its answer would take all memory.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from contextlib import suppress
from typing import BinaryIO

MOST_READ = 262_144
"""Bytes that a server may say in one conversation; a mail needs some hundreds."""


class Wire:
    """The connection of one conversation: a descriptor of its own, which stays the same when it is encrypted."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._is_cut = False

    def take(self, connected: socket.socket) -> None:
        """Take a connection; what was cut before it was there ends at once."""
        self._socket = connected.dup()
        if self._is_cut:
            self.cut()

    def cut(self) -> None:
        """End the connection: who waits for the server hears that it is gone."""
        self._is_cut = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of it."""
        if self._socket is not None:
            self._socket.close()


class Plain(smtplib.SMTP):
    """A conversation over a wire."""

    def __init__(self, host: str, port: int, timeout_s: float, wire: Wire) -> None:
        self._wire = wire
        super().__init__(host, port, timeout=timeout_s)

    def connect(self, host: str = "localhost", port: int = 0, _source: object = None) -> tuple[int, bytes]:
        """Connect, and return how the server greets."""
        connected = socket.create_connection((host, port), self.timeout)
        try:
            self._wire.take(connected)
            self.sock = self._dressed(connected, host)
        except BaseException:
            connected.close()
            raise
        self.file = None
        return self.getreply()

    def getreply(self) -> tuple[int, bytes]:
        """Return an answer; SMTPServerDisconnected when it never ends."""
        if self.file is None and self.sock is not None:
            self.file = _Bounded(self.sock.makefile("rb"))
        return super().getreply()

    def _dressed(self, connected: socket.socket, _host: str) -> socket.socket:
        return connected


class Encrypted(Plain):
    """A conversation that is encrypted from the beginning (RFC 8314)."""

    def _dressed(self, connected: socket.socket, host: str) -> socket.socket:
        return ssl.create_default_context().wrap_socket(connected, server_hostname=host)


class _Bounded:
    """What a server says, up to `MOST_READ`; then it ends."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = MOST_READ

    def readline(self, limit: int = -1) -> bytes:
        """Return a line, empty at the end."""
        line = self._file.readline(limit) if self._left > 0 else b""
        self._left -= len(line)
        return line

    def close(self) -> None:
        """Close the file."""
        self._file.close()
