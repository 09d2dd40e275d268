"""Free ports for the simulator of a demo, so that nothing on this machine is in its way."""

from __future__ import annotations

import socket
from contextlib import ExitStack

from twin.errors import StartError

HOST = "127.0.0.1"
_STEP = 250
_LAST = 32_000


def free_base(first: int, count: int) -> int:
    """Return the first of `count` ports that nobody listens on, TCP or UDP: `first`, or one further up.

    Below the range from which the kernel takes ports for outgoing connections. StartError when there is none.
    """
    for base in range(first, max(first + 1, _LAST - count), _STEP):
        if all_free(base, count):
            return base
    raise StartError(f"no {count} ports in a row are free from {first} on; choose another --base-port")


def all_free(base: int, count: int) -> bool:
    """Whether all of the ports can be had now."""
    with ExitStack() as held:
        try:
            for port in range(base, base + count):
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    held.enter_context(socket.socket(socket.AF_INET, kind)).bind((HOST, port))
        except OSError:
            return False
    return True
