"""The troubles that a link must come back from, as a table; and bytes that no protocol is."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.conformance.proxy import Proxy, TcpProxy
from connectors.conformance.udp_proxy import UdpProxy

if TYPE_CHECKING:
    from connectors.conformance.subject import Subject

DRIP_S = 0.05


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that happens between link and device.

    `begin` starts it. `noticed` is how often the link must say so before it ends: 0 for what it may repair without a
    word, 3 where the second and third try have something else to meet. `passes` says that it needs no end: who dials
    again is served.
    """

    begin: Callable[[Proxy, Subject], Awaitable[None] | None]
    noticed: int = 1
    passes: bool = False


def _tcp(proxy: Proxy) -> TcpProxy:
    if not isinstance(proxy, TcpProxy):
        raise TypeError("this trouble needs connections")
    return proxy


def _udp(proxy: Proxy) -> UdpProxy:
    if not isinstance(proxy, UdpProxy):
        raise TypeError("this trouble needs datagrams")
    return proxy


_BOTH = {
    "refuse": Trouble(lambda proxy, _: proxy.refuse(), noticed=3),
    "silence": Trouble(lambda proxy, _: proxy.silence()),
    "cut": Trouble(lambda proxy, _: proxy.cut()),
    "corrupt": Trouble(lambda proxy, _: proxy.corrupt(), noticed=0),
    "too_late": Trouble(lambda proxy, subject: proxy.delay(3 * subject.patience_s), noticed=0),
}
_TCP = {
    "reset": Trouble(lambda proxy, _: _tcp(proxy).reset(), noticed=0, passes=True),
    "hang_up": Trouble(lambda proxy, _: _tcp(proxy).hang_up(), noticed=0, passes=True),
    "half_open": Trouble(lambda proxy, _: proxy.half_open(), passes=True),
    "slow_drip": Trouble(lambda proxy, _: proxy.drip(DRIP_S), noticed=0),
}
_UDP = {
    "half_open": Trouble(lambda proxy, _: proxy.half_open(), noticed=0, passes=True),
    "loss": Trouble(lambda proxy, _: proxy.drop(0.4), noticed=0),
    "duplicates": Trouble(lambda proxy, _: _udp(proxy).duplicate(), noticed=0),
    "reorder": Trouble(lambda proxy, _: _udp(proxy).reorder(), noticed=0),
}
BY_TRANSPORT: Mapping[str, Mapping[str, Trouble]] = {"tcp": _BOTH | _TCP, "udp": _BOTH | _UDP}


def nonsense() -> Mapping[str, bytes]:
    """Return bytes that no protocol is, by name; always the same."""
    chance = random.Random(7)
    return {
        "a byte": b"\x00",
        "zeros": bytes(64),
        "ones": b"\xff" * 64,
        "a web server": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        "noise": chance.randbytes(200),
        "much noise": chance.randbytes(60_000),
    }
