from __future__ import annotations

import errno
import socket

import pytest
from asyncua.ua import uaerrors

from connectors.opcua.loss import loss_of, words_of
from twin.errors import TransientError

URL = "opc.tcp://h:4840"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "no answer within 4 s"),
        (ConnectionRefusedError(111, "Connect call failed"), "connection refused"),
        (ConnectionResetError(), "connection reset"),
        (BrokenPipeError(), "connection closed by the server"),
        (OSError(errno.EHOSTUNREACH, ""), "no route to host"),
        (socket.gaierror(-2, "Name or service not known"), "name not found: Name or service not known"),
        (uaerrors.BadSessionClosed(), "session closed by the server: BadSessionClosed"),
        (uaerrors.BadIdentityTokenRejected(), "the server refused: BadIdentityTokenRejected"),
        (uaerrors.UaError("No matching endpoints"), "No matching endpoints"),
    ],
)
def test_a_loss_has_words(error, words):
    """Each way to lose a server is told in words for a person."""
    assert words_of(error, 4.0) == words


async def test_our_own_finding_explains_the_errors_that_follow_it():
    """When several tasks fail at once, what the watchdog found is the reason."""
    watchdog = TransientError(URL, "no keep-alive for 12 s")

    assert loss_of(ExceptionGroup("", [ConnectionError(), watchdog]), URL, 4.0) is watchdog


async def test_a_fault_of_ours_is_not_blamed_on_the_server():
    """An error that no server can cause is not worth another try."""
    assert loss_of(KeyError("x"), URL, 4.0) is None
    assert loss_of(NotImplementedError(), URL, 4.0) is None
    assert loss_of(ExceptionGroup("", [ConnectionError(), KeyError("x")]), URL, 4.0) is None
