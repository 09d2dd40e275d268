"""UDP sockets whose reader takes only its share: a device that floods is read slower, its neighbours are not.

Each peer has a socket of its own, connected: the kernel takes datagrams from nobody else, a flood fills the buffer of
its own socket and no other, and an ICMP error belongs to the peer that it came from. A server has one socket for many
sources; there the share is counted per source, by `Shares`.
"""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import socket
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

LARGEST = 65_536
_AT_ONCE = 16
# A peer with hundreds of resources sends less; what is more is left to its own socket's buffer, and overflows there.
_PER_S = 1_000.0
_BURST = 1_000.0
_PAUSE_S = 0.1
_GONE = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR})


class Share:
    """A bucket of tokens: `per_s` a second, at most `burst` at once."""

    __slots__ = ("_at_s", "_burst", "_left", "_per_s")

    def __init__(self, per_s: float, burst: float, now_s: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._left = burst
        self._at_s = now_s

    def take(self, now_s: float) -> bool:
        """Take one; False when none is left."""
        self._left = min(self._burst, self._left + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Shares:
    """A share for each of many sources; of the sources only the latest `most` are remembered."""

    def __init__(self, per_s: float, burst: float, most: int) -> None:
        self._per_s = per_s
        self._burst = burst
        self._most = most
        self._shares: OrderedDict[str, Share] = OrderedDict()

    def take(self, source: str, now_s: float) -> bool:
        """Take one of the source's; False when none is left."""
        share = self._shares.get(source)
        if share is None:
            share = self._shares[source] = Share(self._per_s, self._burst, now_s)
            if len(self._shares) > self._most:
                self._shares.popitem(last=False)
        else:
            self._shares.move_to_end(source)
        return share.take(now_s)


class PeerSocket:
    """A connected UDP socket; `took` gets each datagram, `failed` each error of the network."""

    def __init__(
        self, sock: socket.socket, took: Callable[[bytes], None], failed: Callable[[OSError], None]
    ) -> None:
        self.dropped = 0
        self._sock = sock
        self._took = took
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._share = Share(_PER_S, _BURST, self._loop.time())
        self._pause: asyncio.TimerHandle | None = None
        self._loop.add_reader(sock.fileno(), self._read)

    def _read(self) -> None:
        for _ in range(_AT_ONCE):
            if not self._share.take(self._loop.time()):
                self._rest()
                return
            try:
                data = self._sock.recv(LARGEST)
            except OSError as error:
                if error.errno not in _GONE:
                    self._failed(error)
                return
            self._took(data)
            if self._sock.fileno() < 0:
                return

    def _rest(self) -> None:
        """Leave what comes to the kernel for a moment; it drops what does not fit."""
        self.dropped += 1
        self._loop.remove_reader(self._sock.fileno())
        self._pause = self._loop.call_later(_PAUSE_S, self._resume)

    def _resume(self) -> None:
        self._pause = None
        self._loop.add_reader(self._sock.fileno(), self._read)

    def send(self, data: bytes) -> None:
        """Send a datagram; what the network says of it comes to `failed`, from the loop."""
        try:
            self._sock.send(data)
        except OSError as error:
            if error.errno not in _GONE:
                self._again(data, error)

    def _again(self, data: bytes, first: OSError) -> None:
        """Send once more: the first error may be that of an earlier datagram, waiting in the socket (udp(7))."""
        try:
            self._sock.send(data)
        except OSError as error:
            if error.errno not in _GONE:
                self._loop.call_soon(self._failed, error)
            return
        if first.errno != errno.ECONNREFUSED:
            self._loop.call_soon(self._failed, first)

    def close(self) -> None:
        """Close the socket; may be called again."""
        if self._sock.fileno() < 0:
            return
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._sock.fileno())
        self._sock.close()


async def connect(host: str, port: int) -> socket.socket:
    """Return a socket connected to the first address of `host` that has a route; OSError when there is none."""
    found = await _addresses(host.strip("[]"), port)
    failed: OSError = OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH))
    for family, kind, protocol, _, address in found:
        try:
            return _connected(family, kind, protocol, address)
        except OSError as error:
            failed = error
    raise failed


async def _addresses(host: str, port: int) -> list[Any]:
    """Return the addresses of a host; those that are written as such without a thread."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        loop = asyncio.get_running_loop()
        return await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)


def _connected(family: int, kind: int, protocol: int, address: tuple[object, ...]) -> socket.socket:
    sock = _opened(family, kind, protocol)
    try:
        sock.settimeout(0)
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


def _opened(family: int, kind: int, protocol: int) -> socket.socket:
    try:
        return socket.socket(family, kind, protocol)
    except OSError as error:
        if error.errno != errno.EMFILE or not _more_files():
            raise
        return socket.socket(family, kind, protocol)


def _more_files() -> bool:
    """Raise the limit of open files to what the system allows; False when it stands there already.

    The usual soft limit of 1,024 is less than the lamps of one district.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return True
