"""How a broker is reached, what it is told when we connect, and why that may fail."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from connectors.mqtt.guard import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from twin.model.protocol import Endpoint

# How many messages the broker may send before the first of them is acknowledged (version 5, section 3.1.2.11.3).
_RECEIVE_MAXIMUM = 1_000


@dataclass(frozen=True, slots=True)
class Access:
    """How a broker is reached; `secret` gives the password when it is needed, so that none stands in a `repr`."""

    endpoint: Endpoint
    client_id: str
    version: str = "3.1.1"
    user: str | None = None
    secret: Callable[[], str] | None = None
    context: ssl.SSLContext | None = None
    timeout_s: float = 10.0
    keepalive_s: float = 60.0
    keep_s: float = 0.0


def properties_of(access: Access) -> Properties:
    """Return what version 5 tells the broker (section 3.1.2.11): how long to keep our session, and how much we take."""
    found = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho's is not typed
    found.SessionExpiryInterval = round(access.keep_s)
    found.ReceiveMaximum = _RECEIVE_MAXIMUM
    found.MaximumPacketSize = MOST_BYTES
    return found


def why(error: OSError) -> str:
    """Return what went wrong with a connection, for a person."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the broker's certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or error}"
    return os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error)
