"""A stand-in for DTLSSocket, so that what is ours runs without the extra: the same calls, and no secrecy at all.

Over the wire go `?` and an identity, `=` and a digest of its key, `:` and a message, `!` when it is over.
"""

from __future__ import annotations

import hashlib
import sys
import time
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

HELLO, WELCOME, DATA, END = b"?", b"=", b":", b"!"
FATAL, CONNECTED = 2, 0x01DE
HANDSHAKE_FAILURE, DECRYPT_ERROR, UNKNOWN_IDENTITY = 40, 51, 115


def digest(key: bytes) -> bytes:
    """Return what shows that an end has the key."""
    return hashlib.sha256(key).digest()


class Session:
    """An address, as tinydtls names its peers."""

    def __init__(self, *address: object) -> None:
        self.address = address


class DTLS:
    """One end, with the keyword arguments and methods of `DTLSSocket.dtls.DTLS`."""

    def __init__(self, **given: Any) -> None:
        self._given = given
        self._is_client = self._is_open = False
        self._said_s = 0.0

    def connect(self, *address: object) -> Session:
        self._is_client = True
        session = Session(*address)
        self._hello(session)
        return session

    def _hello(self, session: Session) -> None:
        self._session, self._said_s = session, time.monotonic()
        self._given["write"](session, HELLO + self._given["pskId"])

    def checkRetransmit(self) -> None:  # noqa: N802 - its name there
        if time.monotonic() - self._said_s > 0.9:
            self._hello(self._session)

    def write(self, session: Session, data: bytes) -> None:
        if self._is_open:
            self._given["write"](session, DATA + data)

    def resetPeer(self, session: Session) -> None:  # noqa: N802 - its name there
        if self._is_open:
            self._given["write"](session, END)

    def handleMessage(self, session: Session, data: bytes) -> None:  # noqa: N802 - its name there
        kind, rest = data[:1], data[1:]
        keys = self._given["pskStore"].keys()
        if kind == HELLO and not self._is_client:
            self._greeted(session, rest, keys)
        elif kind == WELCOME and self._is_client:
            self._welcomed(session, rest, keys)
        elif kind == DATA and self._is_open:
            self._given["read"](session, rest)
        elif kind == END:
            self._given["event"](FATAL, HANDSHAKE_FAILURE)

    def _greeted(self, session: Session, identity: bytes, keys: Any) -> None:
        if identity in keys:
            self._given["write"](session, WELCOME + digest(keys[identity]))
            self._open()
        else:
            self._given["write"](session, END)
            self._given["event"](FATAL, UNKNOWN_IDENTITY)

    def _welcomed(self, session: Session, shown: bytes, keys: Any) -> None:
        if shown == digest(keys[self._given["pskId"]]):
            self._open()
        else:
            self._given["write"](session, END)
            self._given["event"](FATAL, DECRYPT_ERROR)

    def _open(self) -> None:
        self._is_open = True
        self._given["event"](0, CONNECTED)


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for DTLSSocket until the test ends, whether the extra is installed or not."""
    package, module = ModuleType("DTLSSocket"), ModuleType("DTLSSocket.dtls")
    package.__spec__ = ModuleSpec("DTLSSocket", None)
    vars(module).update(DTLS=DTLS, Session=Session)
    monkeypatch.setitem(sys.modules, "DTLSSocket", package)
    monkeypatch.setitem(sys.modules, "DTLSSocket.dtls", module)


def uninstall(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make it so that the extra is missing until the test ends."""
    monkeypatch.setitem(sys.modules, "DTLSSocket", None)
