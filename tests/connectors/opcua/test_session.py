from __future__ import annotations

import errno
import socket

import pytest
from asyncua.ua import uaerrors

from connectors.home import Home
from connectors.opcua.access import Access
from connectors.opcua.codec import NodeAddress
from connectors.opcua.security import Door
from connectors.opcua.session import Session, node_id, words_of
from twin.errors import TransientError


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


def _session():
    return Session(Door(Access(), Home(), "opc.tcp://h:4840"), 4.0, 4.0)


async def test_our_own_finding_explains_the_errors_that_follow_it():
    """When several tasks fail at once, what the watchdog found is the reason."""
    watchdog = TransientError("opc.tcp://h:4840", "no keep-alive for 12 s")

    assert _session().away(ExceptionGroup("", [ConnectionError(), watchdog])) is watchdog


async def test_a_fault_of_ours_is_not_blamed_on_the_server():
    """An error that no server can cause is not worth another try."""
    assert _session().away(KeyError("x")) is None
    assert _session().away(ExceptionGroup("", [ConnectionError(), KeyError("x")])) is None


async def test_closing_what_was_never_opened():
    """A session that never connected closes without a word."""
    await _session().close()


@pytest.mark.parametrize(
    ("address", "index"),
    [(NodeAddress("x", "urn:a"), 4), (NodeAddress("x", 2), 2), (NodeAddress("x", "urn:b"), None)],
)
def test_namespaces_are_resolved_by_the_servers_own_table(address, index):
    """A URI becomes the index that this server gives it, none where it has none."""
    found = node_id(address, {"urn:a": 4})

    assert (found.NamespaceIndex if found else None) == index
