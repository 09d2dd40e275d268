"""The HTTP server: uvicorn inside our loop, on a socket of ours that was bound before anything else began."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

import uvicorn

from barrio.api.gate import Gate
from twin.errors import StartError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from barrio.settings import Listen

STOP_WITHIN_S = 1
# Sockets are descriptors that the spool and the links need too.
MOST_CONNECTIONS = 256
BACKLOG = 256


def bind(listen: Listen) -> socket.socket:
    """Return a listening socket; StartError when the address cannot be had."""
    try:
        family = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM)[0][0]
        found = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise StartError(f"cannot listen on {listen}: {error.strerror or error}") from error
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((listen.host, listen.port))
        found.listen(BACKLOG)
    except OSError as error:
        found.close()
        raise StartError(f"cannot listen on {listen}: {(error.strerror or str(error)).lower()}") from error
    found.setblocking(False)  # noqa: FBT003 - it takes no keyword
    return found


def address(listening: socket.socket) -> str:
    """Return the URL that reaches a socket from this machine."""
    host, port = listening.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"  # noqa: S104
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """Serves until `stop`; signals are the process's, not the server's."""

    def __init__(self, app: ASGIApp, listening: socket.socket) -> None:
        config = uvicorn.Config(
            Gate(app, local=ipaddress.ip_address(listening.getsockname()[0]).is_loopback),
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=STOP_WITHIN_S,
        )
        super().__init__(config)
        self._listening = listening

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield

    async def run_until_stopped(self) -> None:
        """Serve; returns after `stop`, at most `STOP_WITHIN_S` later, whatever is still connected."""
        await self.serve([self._listening])

    def stop(self) -> None:
        """Take no more, finish what was begun."""
        self.should_exit = True
