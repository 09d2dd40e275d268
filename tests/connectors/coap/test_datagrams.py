"""Sockets to peers: what the network says of them, and the bounds of this process."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from types import SimpleNamespace
from typing import cast

import pytest

from connectors.coap import datagrams
from connectors.coap.datagrams import PeerSocket
from connectors.coap.exchange import Unreachable
from connectors.coap.line import line_to
from tests.servers import LOOPBACK


class Failing:
    """A socket whose sends fail with these errors, one after the other, and then succeed."""

    def __init__(self, *errors: int) -> None:
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._errors = list(errors)
        self.sent: list[bytes] = []

    def fileno(self) -> int:
        return self._sock.fileno()

    def send(self, data: bytes) -> None:
        if self._errors:
            number = self._errors.pop(0)
            raise OSError(number, os.strerror(number))
        self.sent.append(data)

    def close(self) -> None:
        self._sock.close()


@pytest.mark.parametrize(
    ("errors", "sent", "said"),
    [
        ([errno.ECONNREFUSED], 1, []),
        ([errno.EHOSTUNREACH], 1, [errno.EHOSTUNREACH]),
        ([errno.ENETUNREACH, errno.ENETUNREACH], 0, [errno.ENETUNREACH]),
        ([errno.ECONNREFUSED, errno.EAGAIN], 0, []),
        ([errno.EAGAIN], 0, []),
    ],
)
async def test_an_error_of_an_earlier_datagram_costs_no_later_one(errors, sent, said):
    """A send that fails is tried once more; a refusal that waited in the socket is not told again, the rest is."""
    failing = Failing(*errors)
    failed: list[OSError] = []
    peer = PeerSocket(cast("socket.socket", failing), lambda _: None, failed.append)
    peer.send(b"x")
    await asyncio.sleep(0)
    peer.close()
    peer.close()

    assert failing.sent == [b"x"] * sent
    assert [error.errno for error in failed] == said


@pytest.fixture
def pair():
    """A peer, and a socket connected to it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((LOOPBACK, 0))
        ours = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        ours.setblocking(False)
        ours.bind((LOOPBACK, 0))
        ours.connect(peer.getsockname())
        yield peer, ours
        ours.close()


async def test_what_waited_during_a_pause_is_read_after_it(pair, monkeypatch):
    """A peer above its share is read later, not never."""
    monkeypatch.setattr(datagrams, "_BURST", 2.0)
    monkeypatch.setattr(datagrams, "_PER_S", 20.0)
    peer, ours = pair
    queue: asyncio.Queue[bytes] = asyncio.Queue()
    reading = PeerSocket(ours, queue.put_nowait, lambda _: None)
    for number in range(6):
        peer.sendto(bytes([number]), ours.getsockname())
    async with asyncio.timeout(20):
        took = [await queue.get() for _ in range(6)]
    paused = reading.dropped
    reading.close()

    assert took == [bytes([number]) for number in range(6)]
    assert paused > 0


async def test_a_socket_that_is_closed_by_what_came_reads_no_more(pair):
    """Who takes a datagram may close the socket; the next one stays where it is."""
    peer, ours = pair
    took: list[bytes] = []
    came = asyncio.Event()

    def take(data: bytes) -> None:
        took.append(data)
        reading.close()
        came.set()

    reading = PeerSocket(ours, take, lambda _: None)
    for number in range(3):
        peer.sendto(bytes([number]), ours.getsockname())
    async with asyncio.timeout(5):
        await came.wait()
    await asyncio.sleep(0.05)

    assert took == [b"\x00"]


async def test_an_address_that_cannot_be_connected_to_is_unreachable():
    """What the system refuses (here a broadcast, socket(7)) is said in its words, and no socket is left."""
    with pytest.raises(Unreachable, match=r"^no UDP socket: permission denied$"):
        async with line_to("255.255.255.255", 5683):
            pass


class Limits:
    """The limit of open files, and sockets that can be had only below it."""

    RLIMIT_NOFILE = 7

    def __init__(self, soft: int, hard: int) -> None:
        self.now = (soft, hard)
        self.needed = 2_000

    def getrlimit(self, _what: int) -> tuple[int, int]:
        return self.now

    def setrlimit(self, _what: int, limits: tuple[int, int]) -> None:
        self.now = limits

    def socket(self, *_: int) -> str:
        if self.now[0] < self.needed:
            raise OSError(errno.EMFILE, "too many open files")
        return "a socket"


def opened(limits: Limits, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setattr(datagrams, "resource", limits)
    monkeypatch.setattr(datagrams, "socket", SimpleNamespace(socket=limits.socket))
    return datagrams._opened(socket.AF_INET, socket.SOCK_DGRAM, 0)


def test_the_limit_of_open_files_is_raised_when_it_is_reached(monkeypatch):
    """More peers than the usual limit of files are no fault, as long as the system allows more."""
    limits = Limits(1_024, 4_096)

    assert opened(limits, monkeypatch) == "a socket"
    assert limits.now == (4_096, 4_096)


def test_a_limit_that_cannot_be_raised_is_an_error(monkeypatch):
    """Where the system allows no more, the error of the system stands."""
    with pytest.raises(OSError, match="too many open files"):
        opened(Limits(1_024, 1_024), monkeypatch)
