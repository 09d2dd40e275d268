"""What a peer may do to whoever asks it: answers that do not end, and such as would fill the memory."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from provisioning.grafana.client import Client, Login
from provisioning.plan import ProvisioningError
from tests.servers import LOOPBACK


@contextmanager
def somebody(says: Callable[[socket.socket], None]) -> Iterator[str]:
    """A peer on loopback that takes one connection and says what it says; the address of it."""
    with socket.create_server((LOOPBACK, 0)) as server:

        def serve() -> None:
            taken, _ = server.accept()
            with taken, suppress(OSError):
                taken.recv(65_536)
                taken.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                says(taken)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://{LOOPBACK}:{server.getsockname()[1]}"
        thread.join()


def test_an_answer_that_does_not_end_is_given_up():
    """A peer that sends a byte now and then keeps nobody for longer than the time that was given."""

    def drip(taken: socket.socket) -> None:
        while True:
            taken.sendall(b"1\r\n \r\n")
            time.sleep(0.05)

    with somebody(drip) as url:
        client = Client(url, Login(), timeout_s=0.3)
        with pytest.raises(ProvisioningError, match=r"did not come to the end of its answer within 0.3 s"):
            client.get("/api/health")
        client.close()


def test_an_answer_that_is_too_long_is_given_up(monkeypatch):
    """A peer that sends and sends does not fill the memory."""
    monkeypatch.setattr("provisioning.grafana.client._MOST_BYTES", 1_000_000)

    def flood(taken: socket.socket) -> None:
        while True:
            taken.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")

    with somebody(flood) as url:
        client = Client(url, Login(), timeout_s=5)
        with pytest.raises(ProvisioningError, match=r"answered 200 with more than 1 MB"):
            client.get("/api/health")
        client.close()
