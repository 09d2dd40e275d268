"""What the three kinds of simulated servers have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from twin.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twin.model.district import Device


class Server(Protocol):
    """One network peer of the district with the devices behind it, listening on loopback."""

    devices: Sequence[Device]

    async def start(self) -> None:
        """Listen; StartError when the port is taken."""

    async def stop(self) -> None:
        """Let go of the port and of everyone connected."""

    async def publish(self) -> None:
        """Tell those who asked to be told what has changed since the last time."""


def busy(scheme: str, host: str, port: int, error: OSError) -> StartError:
    """Return the error for a port that cannot be had."""
    kind = "UDP" if scheme.startswith("coap") else "TCP"
    words = error.strerror or str(error)
    return StartError(f"{kind} port {port} on {host} cannot be had ({words}); choose another --base-port")
