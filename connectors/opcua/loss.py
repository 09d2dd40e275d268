"""What the errors of a session mean: a server that is away, in words for a person, or a fault of ours."""

from __future__ import annotations

import os
import socket
import traceback
from typing import TYPE_CHECKING

from asyncua.common.utils import NotEnoughData
from asyncua.ua.uaerrors._base import UaError, UaStatusCodeError

from connectors.opcua.transport import NONSENSE
from twin.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator

_AWAY = (OSError, TimeoutError, UaError, TransientError)
# Where the library looks at what a server answered, and trips over it.
_DECODING = frozenset({"struct_from_binary", "check_answer", "create_session", "activate_session"})

_CLOSED = frozenset(
    {"BadSessionClosed", "BadSessionIdInvalid", "BadSecureChannelClosed", "BadSecureChannelIdInvalid"}
)
_WORDS: dict[type[BaseException], str] = {
    NotEnoughData: "the server sent a message that ends too early",
    ConnectionRefusedError: "connection refused",
    ConnectionResetError: "connection reset",
    ConnectionError: "connection closed by the server",
}


def loss_of(error: BaseException, url: str, timeout_s: float) -> TransientError | None:
    """Return what an error says of the server as `TransientError`, None when it is a fault of ours."""
    leaves = list(_leaves(error))
    if not all(isinstance(leaf, _AWAY) or _was_decoding(leaf) for leaf in leaves):
        return None
    for leaf in leaves:
        # What we said ourselves explains the errors that followed from it.
        if isinstance(leaf, TransientError):
            return leaf
    if not isinstance(leaves[0], _AWAY):
        return TransientError(url, f"the server sent what is not understood: {type(leaves[0]).__name__}")
    return TransientError(url, words_of(leaves[0], timeout_s))


def words_of(error: BaseException, timeout_s: float) -> str:
    """Return why the server is away, for a person."""
    if isinstance(error, UaStatusCodeError):
        name = type(error).__name__
        return f"session closed by the server: {name}" if name in _CLOSED else f"the server refused: {name}"
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout_s:g} s"
    for kind, words in _WORDS.items():
        if isinstance(error, kind):
            return words
    if isinstance(error, socket.gaierror):
        return f"name not found: {error.strerror or error}"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error


def _was_decoding(error: BaseException) -> bool:
    """Whether the library raised this over an answer of the server."""
    if not isinstance(error, NONSENSE):
        return False
    steps = traceback.walk_tb(error.__traceback__)
    return any(
        frame.f_code.co_name in _DECODING and frame.f_globals["__name__"].startswith("asyncua.")
        for frame, _ in steps
    )
