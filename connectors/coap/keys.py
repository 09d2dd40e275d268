"""OSCORE contexts (RFC 8613) whose sequence numbers are never used twice, whatever happens to the process.

What must stay true:

- Before a number is used, one above it is durable as the next to begin with (appendix B.1.1): numbers are reserved in
  stretches, in a thread, ahead of need. After a crash the rest of a stretch is skipped.
- A request is accepted once. The replay window is durable only after an orderly end; until then the file says
  `unknown`, and after a crash the peer must show that it is alive (Echo, appendix B.1.2) before a request counts.
- One process has a context: the file is locked while it is in use.
- The file belongs to the key: it is named after it, so that another secret begins anew and the same one never does.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiocoap import error as coap_error
from aiocoap import oscore

from connectors.coap.exchange import NoAnswer

if TYPE_CHECKING:
    from pathlib import Path

    import aiocoap

# Numbers reserved at once, and how many must be left: a burst of requests between two reservations.
_STRETCH = 4_096
_LEAST = 1_024
_WINDOW = 32
_UNKNOWN = "unknown"


class Exhausted(NoAnswer):
    """Raised when no number is reserved or left; nothing was sent."""


class KeysTaken(NoAnswer):
    """Raised when a context cannot be used by this process; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Secret:
    """The static part of a context, as both ends must have it (RFC 8613, section 3.2)."""

    sender_id: bytes
    recipient_id: bytes
    secret: bytes
    salt: bytes
    id_context: bytes | None

    @property
    def file(self) -> str:
        """Name of the file that holds what must not repeat; says nothing of the secret."""
        parts = (self.secret, self.salt, self.sender_id, self.recipient_id, self.id_context or b"")
        digest = hashlib.sha256(b"barrio oscore")
        for part in parts:
            digest.update(len(part).to_bytes(4, "big") + part)
        return f"oscore-{digest.hexdigest()[:24]}.json"


class Keys(oscore.CanProtect, oscore.CanUnprotect, oscore.SecurityContextUtils):  # type: ignore[misc]
    """One OSCORE context; `open` before use, `close` after, as often as a link runs."""

    def __init__(self, secret: Secret, folder: Path) -> None:
        self.alg_aead = oscore.algorithms[oscore.DEFAULT_ALGORITHM]
        self.hashfun = oscore.hashfunctions[oscore.DEFAULT_HASHFUNCTION]
        self.sender_id = secret.sender_id
        self.recipient_id = secret.recipient_id
        self.id_context = secret.id_context
        self.derive_keys(secret.salt, secret.secret)
        self.echo_recovery = secrets.token_bytes(8)
        self._file = folder / secret.file
        self._reserved = 0
        self._lock: int | None = None
        self._reserving = asyncio.Lock()

    async def open(self) -> None:
        """Take the context for this process; KeysTaken when another has it, or its file is damaged or unwritable."""
        try:
            await asyncio.to_thread(self._open)
        except OSError as error:
            raise KeysTaken(_unkept(error)) from error

    def _open(self) -> None:
        lock = os.open(self._file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._load()
            self._store(self.sender_sequence_number + _STRETCH, _UNKNOWN)
        except BlockingIOError as error:
            os.close(lock)
            raise KeysTaken("this OSCORE context is in use already, here or by another process") from error
        except BaseException:
            os.close(lock)
            raise
        self._lock = lock

    def _load(self) -> None:
        self.recipient_replay_window = oscore.ReplayWindow(_WINDOW, lambda: None)
        self.sender_sequence_number = 0
        if not self._file.exists():
            self.recipient_replay_window.initialize_empty()
            return
        try:
            kept = json.loads(self._file.read_text("utf-8"))
            self.sender_sequence_number = int(kept["next"])
            if kept["received"] != _UNKNOWN:
                window = {part: int(kept["received"][part]) for part in ("index", "bitfield")}
                self.recipient_replay_window.initialize_from_persisted(window)
        except (ValueError, KeyError, TypeError) as error:
            raise KeysTaken(
                f"{self._file} is damaged: agree on a new OSCORE secret with the device, never delete it"
            ) from error

    def _store(self, upto: int, received: object) -> None:
        """Make it durable: no number below `upto` will be used by whoever loads this file."""
        written = self._file.with_suffix(".new")
        with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump({"next": upto, "received": received}, file)
            file.flush()
            os.fsync(file.fileno())
        written.replace(self._file)
        folder = os.open(self._file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._reserved = upto

    async def reserve(self) -> None:
        """Return when numbers enough for a burst are reserved; KeysTaken when the disk does not take them."""
        if self._reserved - self.sender_sequence_number >= _LEAST:
            return
        async with self._reserving:
            if self._reserved - self.sender_sequence_number < _LEAST:
                upto = self.sender_sequence_number + _STRETCH
                try:
                    await asyncio.to_thread(self._store, upto, _UNKNOWN)
                except OSError as error:
                    raise KeysTaken(_unkept(error)) from error

    async def close(self) -> None:
        """Give the context back; what was reserved and not used is free again."""
        if self._lock is not None:
            lock, self._lock = self._lock, None
            await asyncio.to_thread(self._close, lock)

    def _close(self, lock: int) -> None:
        try:
            window = self.recipient_replay_window
            received = window.persist() if window.is_initialized() else _UNKNOWN
            self._store(self.sender_sequence_number, received)
        finally:
            self._reserved = 0
            os.close(lock)

    def post_seqnoincrease(self) -> None:
        """Called by `protect` with every new number, before it is used."""
        if self.sender_sequence_number > self._reserved:
            self.sender_sequence_number -= 1
            raise Exhausted("no OSCORE sequence number is reserved yet")

    @property
    def alg_signature(self) -> object:
        """Not here: this is no group's context. aiocoap 0.4.17 looks for it and takes NameError for that."""
        raise NameError("alg_signature")

    def get_oscore_context_for(self, unprotected: dict[int, bytes]) -> Keys | None:
        """Return itself when a request names it."""
        same = unprotected.get(oscore.COSE_KID) == self.recipient_id
        context = unprotected.get(oscore.COSE_KID_CONTEXT, self.id_context)
        return self if same and context == self.id_context else None


def _unkept(error: OSError) -> str:
    return f"the OSCORE sequence numbers cannot be kept: {os.strerror(error.errno or 0).lower()}"


class KeyGuard:
    """A context as `exchange.Guard`: for the requests of a client."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def protect(self, message: aiocoap.Message) -> tuple[aiocoap.Message, object]:
        """Return the protected request."""
        try:
            outer, asked = self._keys.protect(message)
        except oscore.ContextUnavailable as error:
            raise Exhausted("the OSCORE sequence numbers are used up: agree on a new secret") from error
        return outer, asked

    def unprotect(self, message: aiocoap.Message, asked: object) -> aiocoap.Message:
        """Return what a protected answer holds; ValueError for one that is not protected by this context."""
        try:
            inner, _ = self._keys.unprotect(message, asked)
        except (coap_error.Error, ValueError, IndexError) as error:
            raise ValueError("an answer that OSCORE does not let through") from error
        inner.mtype = message.mtype
        return inner
