"""What the model asks of a protocol while a district is read: schemas and checks, no network."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import BaseModel

    from twin.model.district import Device

_ENDPOINT = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.]*)://(?P<host>\[[0-9a-fA-F:.%]+\]|[A-Za-z0-9._-]+)(?::(?P<port>\d{1,5}))?(?P<path>/\S*)?"
)
_LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address to dial: `scheme://host:port/path`."""

    scheme: str
    host: str
    port: int
    path: str = ""

    def __str__(self) -> str:
        """Return the address as it is written in files."""
        return f"{self.scheme}://{self.host}:{self.port}{self.path}"

    @property
    def peer(self) -> str:
        """The network peer without the path: devices of one peer share a link."""
        return f"{self.scheme}://{self.host}:{self.port}"

    def at(self, host: str, port: int) -> Endpoint:
        """Return the same address at another host and port."""
        return replace(self, host=host, port=port)


def parse_endpoint(text: str, schemes: Mapping[str, int]) -> Endpoint:
    """Return the endpoint that `text` names; `schemes` maps the allowed schemes to their default ports.

    ValueError, with what was found and what was meant, when it names none.
    """
    wanted = " or ".join(f"{scheme}://HOST:{port}" for scheme, port in schemes.items())
    match = _ENDPOINT.fullmatch(text.strip())
    if match is None:
        message = f"{text!r} is not an endpoint, expected {wanted}"
        raise ValueError(message)
    scheme = match["scheme"]
    if scheme not in schemes:
        message = f"scheme {scheme!r} is not spoken by this protocol, expected {wanted}"
        raise ValueError(message)
    port = int(match["port"] or schemes[scheme])
    if not 1 <= port <= _LAST_PORT:
        message = f"port {port} does not exist, ports are 1 to {_LAST_PORT}"
        raise ValueError(message)
    return Endpoint(scheme, match["host"], port, match["path"] or "")


class ProtocolSchema(Protocol):
    """The model's side of a connector."""

    @property
    def name(self) -> str:
        """Name in profiles (`protocol:`), also the entry point's name."""

    @property
    def schemes(self) -> Mapping[str, int]:
        """Schemes of endpoints with their default ports."""

    @property
    def point_model(self) -> type[BaseModel]:
        """Frozen model of a point's address: the keys of a profile's point that are not `PointSpec`'s."""

    @property
    def options_model(self) -> type[BaseModel]:
        """Frozen model of `options` in profiles and overrides."""

    def check(self, device: Device) -> Iterable[tuple[str, str]]:
        """Yield `(path, message)` for what the schemas alone cannot see: `("points.level.register", "...")`."""
