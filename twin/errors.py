"""Every error that barrio raises on purpose.

    BarrioError
    ├── ConfigError      what somebody wrote is wrong: all faults at once, with file and line
    ├── StartError       this process cannot start: port taken, folder locked or unwritable
    ├── TransientError   a peer is away or busy: worth another try
    └── PermanentError   a peer answered and refused: another try gives the same answer

Raise with facts as attributes; the message says what, where and what was found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from twin.words import storable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class BarrioError(Exception):
    """Base of all errors below; `str()` is one line fit for the person who reads it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a file: `file:line: path: message`."""

    file: Path
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        """One line, clickable in most terminals."""
        return f"{self.file}:{self.line}: {self.path}: {self.message}"


class ConfigError(BarrioError):
    """Raised once for a whole district (or settings), carrying every fault that was found."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class StartError(BarrioError):
    """Raised before anything runs, when the machine does not give what the platform needs."""


class TransientError(BarrioError):
    """Raised when a peer is unreachable, silent or busy; the supervisor tries again.

    `retry_after_s` is the wait that the peer asked for, if it did.
    """

    def __init__(self, peer: str, words: str, retry_after_s: float | None = None) -> None:
        self.peer = peer
        self.words = storable(words)
        self.retry_after_s = retry_after_s
        super().__init__(f"{peer}: {self.words}")


class PermanentError(BarrioError):
    """Raised when a peer answered but refused."""

    def __init__(self, peer: str, words: str) -> None:
        self.peer = peer
        self.words = words
        super().__init__(f"{peer}: {words}")
