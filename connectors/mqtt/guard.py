"""What stands between the broker's bytes and paho: packets of a bounded size, of kinds that a broker may send.

paho collects a packet of any size up to 256 MB in memory, and a broker that sends such a message once (it is retained,
or kept for our session) sends it again after each reconnect. So a PUBLISH that is too large is read past here, never
kept, and acknowledged, so that the ones behind it come through. Pure, but for the socket that it reads.
"""

from __future__ import annotations

import ssl
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

MOST_BYTES = 1 << 20
_CHUNK = 65_536
_PUBLISH = 3
# MQTT 3.1.1, table 2.1, and 5.0, table 2-1: what goes from server to client, without QoS 2, which is never asked for.
_KINDS = frozenset({2, _PUBLISH, 4, 9, 11, 13, 14})
_MOST_LENGTH_BYTES = 4


class NotMqtt(ConnectionError):
    """Raised when the broker sends what no broker may; paho takes it for a lost connection."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A message that was too large: `mid` is 0 where it needs no acknowledgement."""

    topic: str
    size: int
    mid: int


class Guard:
    """Cuts a stream of bytes into packets and lets through those that are fit to be read."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.skipped: deque[Skipped] = deque(maxlen=1_000)
        self.fault = ""
        self._most = most_bytes
        self._header = bytearray()
        self._left = 0
        self._size = 0
        self._kept: bytearray | None = None

    def feed(self, data: bytes) -> bytes:
        """Return what of `data` may pass; NotMqtt when it is no MQTT, and `fault` says why."""
        try:
            return self._cut(data)
        except NotMqtt as error:
            self.fault = str(error)
            raise

    def _cut(self, data: bytes) -> bytes:
        passed = bytearray()
        at = 0
        while at < len(data):
            if self._left:
                at = self._body(data, at, passed)
            else:
                self._header.append(data[at])
                at += 1
                self._begin(passed)
        return bytes(passed)

    def _begin(self, passed: bytearray) -> None:
        """Judge a fixed header as soon as it is whole (section 2.2)."""
        kind, qos = self._header[0] >> 4, self._header[0] >> 1 & 3
        if kind not in _KINDS or (kind == _PUBLISH and qos > 1):
            raise NotMqtt(f"a packet of type {kind} that no broker may send us")
        if len(self._header) == 1:
            return
        if self._header[-1] & 0x80:
            if len(self._header) > _MOST_LENGTH_BYTES:
                raise NotMqtt("a packet length of more than four bytes (section 2.2.3)")
            return
        self._size = sum((byte & 0x7F) << 7 * at for at, byte in enumerate(self._header[1:]))
        if self._size > self._most and kind != _PUBLISH:
            raise NotMqtt(f"a packet of type {kind} with {self._size} bytes")
        self._left = self._size
        if self._size > self._most:
            self._kept = bytearray([qos])
        else:
            passed += self._header
        self._header.clear()

    def _body(self, data: bytes, at: int, passed: bytearray) -> int:
        part = data[at : at + self._left]
        self._left -= len(part)
        if self._kept is None:
            passed += part
        else:
            _keep(self._kept, part)
            if not self._left:
                self._note(bytes(self._kept))
                self._kept = None
        return at + len(part)

    def _note(self, kept: bytes) -> None:
        end = 3 + int.from_bytes(kept[1:3], "big")
        topic = kept[3:end].decode("utf-8", "replace")
        self.skipped.append(Skipped(topic, self._size, int.from_bytes(kept[end : end + 2], "big") * kept[0]))


def _keep(kept: bytearray, part: bytes) -> None:
    """Keep of a message that is not read its QoS, topic and packet identifier."""
    at = 0
    while at < len(part):
        need = 3 if len(kept) < 3 else 5 + int.from_bytes(kept[1:3], "big")
        if len(kept) == need:
            return
        taken = part[at : at + need - len(kept)]
        kept += taken
        at += len(taken)


class GuardedSocket:
    """A connected, non-blocking socket as paho uses one; what it reads has passed the guard."""

    def __init__(self, sock: socket.socket, guard: Guard) -> None:
        self._sock = sock
        self._guard = guard
        self._ready = b""
        self._at = 0

    def recv(self, size: int) -> bytes:
        """Return at most `size` bytes, empty at the end; BlockingIOError when there is nothing to read yet."""
        if self._at >= len(self._ready):
            data = self._sock.recv(_CHUNK)
            if not data:
                return data
            self._ready, self._at = self._guard.feed(data), 0
            if not self._ready:
                raise BlockingIOError
        part = self._ready[self._at : self._at + size]
        self._at += len(part)
        return part

    def pending(self) -> int:
        """Return how many bytes wait in memory, of which no selector knows."""
        inside = self._sock.pending() if isinstance(self._sock, ssl.SSLSocket) else 0
        return len(self._ready) - self._at + inside

    def send(self, data: bytes) -> int:
        """Send what fits."""
        return self._sock.send(data)

    def fileno(self) -> int:
        """Return the descriptor, -1 when closed."""
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001 - paho calls it so
        """Pass on."""
        self._sock.setblocking(flag)

    def close(self) -> None:
        """Close at once; again does no harm."""
        self._sock.close()
