"""The HTTP server: uvicorn inside our loop, on a socket of ours that was bound before anything else began."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import resource
import socket
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import uvicorn

from barrio.api.gate import MOST_BYTES, Gate
from barrio.api.socket_wire import SocketWire
from barrio.api.wire import Wire
from barrio.live.hub import MOST_STREAMS
from twin.errors import StartError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from barrio.settings import Listen

STOP_WITHIN_S = 1
MOST_CONNECTIONS = 512
"""Ordinary requests and idle connections. Streams are counted apart, so that neither takes the room of the other."""
DESCRIPTORS = 8_192
"""What a process asks for where it may; the spool, the store and the links need some beside the sockets."""
BACKLOG = 1_024
STALLED_MS = 60_000
"""How long a peer may take nothing of what it was sent before its connection is ended (Linux, tcp(7))."""
LOOPBACK = "127.0.0.1"


def _is_worth_saying(record: logging.LogRecord) -> bool:
    """Whether a line of uvicorn's is kept: it takes a WebSocket that was refused with an answer for a mistake."""
    return "without completing handshake" not in record.getMessage()


def bind(listen: Listen) -> socket.socket:
    """Return a listening socket; StartError when the address cannot be had."""
    try:
        family = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM)[0][0]
        found = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise StartError(f"cannot listen on {listen}: {error.strerror or error}") from error
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MS)
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


def room_for_streams() -> int:
    """Return how many streams this process has room for, after asking for the descriptors that they need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return max(0, min(MOST_STREAMS, soft // 2 - MOST_CONNECTIONS // 2))


class Server(uvicorn.Server):
    """Serves until `stop`; signals are the process's, not the server's. `streams` is how many it has room for."""

    def __init__(
        self, app: ASGIApp, listening: socket.socket, hosts: Collection[str] = (), proxies: str = LOOPBACK
    ) -> None:
        self.streams = room_for_streams()
        local = ipaddress.ip_address(listening.getsockname()[0]).is_loopback
        config = uvicorn.Config(
            Gate(app, local=local, hosts=hosts),
            http=Wire,
            ws=SocketWire,
            forwarded_allow_ips=proxies,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=MOST_CONNECTIONS + self.streams,
            backlog=BACKLOG,
            ws_max_size=MOST_BYTES,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=STOP_WITHIN_S,
        )
        super().__init__(config)
        logging.getLogger("uvicorn.error").addFilter(_is_worth_saying)
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
