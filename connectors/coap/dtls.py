"""DTLS with pre-shared keys over a socket that somebody else reads; needs the extra `dtls` (DTLSSocket, tinydtls)."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import time
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

EXTRA = "DTLS needs the extra `dtls`: pip install 'barrio[dtls]'"
# Constants of tinydtls (dtls.h, alert.h), which DTLSSocket does not export.
_CONNECTED = (0, 0x01DE)
_FATAL = 2
_MOST_WAITING = 64
# tinydtls names sessions by address; each object here has one session, so any address will do.
_ANY = ("::1", 1)


def available() -> bool:
    """Whether the extra is installed."""
    return importlib.util.find_spec("DTLSSocket") is not None


class Channel(Protocol):
    """What stands between messages and datagrams."""

    def send(self, data: bytes) -> None:
        """Send a message."""

    def feed(self, data: bytes) -> None:
        """Take a datagram that came in."""

    def close(self) -> None:
        """End; the socket is closed by its owner afterwards."""


class Wrap(Protocol):
    """What makes a channel: `send` takes datagrams, `took` gets messages, `broke` gets words when it is over."""

    def __call__(
        self, send: Callable[[bytes], None], took: Callable[[bytes], None], broke: Callable[[str], None]
    ) -> Channel:
        """Return a channel."""


class Plain:
    """Messages as they are."""

    def __init__(
        self, send: Callable[[bytes], None], took: Callable[[bytes], None], _broke: Callable[[str], None]
    ) -> None:
        self.send = send
        self.feed = took

    def close(self) -> None:
        """Nothing to end."""


class Psk:
    """Makes the channels of one identity and its key: of a client, or of a server with the keys of many."""

    def __init__(self, identity: bytes, keys: dict[bytes, bytes], *, serves: bool = False) -> None:
        self._identity = identity
        self._keys = keys
        self._serves = serves

    def __call__(
        self, send: Callable[[bytes], None], took: Callable[[bytes], None], broke: Callable[[str], None]
    ) -> Session:
        """Return a session; a client's begins its handshake."""
        return Session(send, took, broke, self._identity, _Store(self._keys), serves=self._serves)


class _Store:
    """The keys as tinydtls asks for them; remembers which identity the peer used."""

    def __init__(self, keys: dict[bytes, bytes]) -> None:
        self._keys = keys
        self.identity: bytes | None = None

    def keys(self) -> _Store:
        return self

    def __contains__(self, identity: object) -> bool:
        return identity in self._keys

    def __getitem__(self, identity: bytes) -> bytes:
        self.identity = identity
        return self._keys[identity]


class Session:
    """One DTLS session. What is sent before the handshake is done waits for it, bounded."""

    def __init__(
        self,
        send: Callable[[bytes], None],
        took: Callable[[bytes], None],
        broke: Callable[[str], None],
        identity: bytes,
        store: _Store,
        *,
        serves: bool,
    ) -> None:
        dtls: Any = importlib.import_module("DTLSSocket.dtls")

        self._send = send
        self._took = took
        self._broke = broke
        self._store = store
        self._waiting: list[bytes] | None = [] if not serves else None
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._began_s = time.time()
        self._dtls: Any = dtls.DTLS(
            read=self._read, write=self._write, event=self._event, pskId=identity, pskStore=store
        )
        self._session = dtls.Session(*_ANY) if serves else self._dtls.connect(*_ANY)
        self._schedule()

    @property
    def identity(self) -> bytes | None:
        """The identity that the peer has shown, None before it has."""
        return self._store.identity

    def send(self, data: bytes) -> None:
        """Send a message, as soon as the handshake is done."""
        if self._waiting is None:
            self._dtls.write(self._session, data)
        elif len(self._waiting) < _MOST_WAITING:
            self._waiting.append(data)

    def feed(self, data: bytes) -> None:
        """Take a datagram."""
        if self._dtls is not None:
            self._dtls.handleMessage(self._session, data)
            self._schedule()

    def close(self) -> None:
        """Say good-bye to the peer."""
        if self._timer is not None:
            self._timer.cancel()
        if self._dtls is not None:
            # Not `close`, which raises where the peer has gone first.
            self._dtls.resetPeer(self._session)
            self._dtls = None

    def _schedule(self) -> None:
        """Let the handshake's own retransmissions happen."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._dtls is None or self._waiting is None:
            return
        self._dtls.checkRetransmit()
        self._timer = self._loop.call_later(1.0, self._schedule)

    def _read(self, _sender: object, data: bytes) -> int:
        self._took(bytes(data))
        return len(data)

    def _write(self, _to: object, data: bytes) -> int:
        self._send(bytes(data))
        return len(data)

    def _event(self, level: int, code: int) -> None:
        if (level, code) == _CONNECTED:
            waiting, self._waiting = self._waiting or [], None
            for data in waiting:
                self._loop.call_soon(self.send, data)
        elif level == _FATAL:
            self._loop.call_soon(self._broke, f"the DTLS session was ended (alert {code})")
