"""What the model asks of a protocol while a district is read: schemas and checks, no network."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from twin.model.source import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import BaseModel

    from twin.model.district import Device

_ENDPOINT = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.]*)://(?P<host>\[[0-9a-fA-F:.]+(?:%[A-Za-z0-9._-]+)?\]|[A-Za-z0-9._-]{1,253}|)"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<path>/[!-~]*)?"
)
_NUMBERS = re.compile(r"[0-9.]+")
_LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address to dial: `scheme://host:port/path`. An IPv6 address stands in `host` with its brackets.

    A scheme without ports (0) names a file of this machine: `scheme:///dev/name/rest`, `host` empty.
    """

    scheme: str
    host: str
    port: int
    path: str = ""

    def __str__(self) -> str:
        """Return the address as it is written in files."""
        return f"{self.peer}{self.path}" if self.host else f"{self.scheme}://{self.path}"

    @property
    def peer(self) -> str:
        """The network peer without the path, or the file without what follows it: devices of one peer share a link."""
        if not self.host:
            return f"{self.scheme}://{self.path.rpartition('/')[0]}"
        return f"{self.scheme}://{self.host}:{self.port}"

    def at(self, host: str, port: int) -> Endpoint:
        """Return the same address at another host and port."""
        return replace(self, host=host, port=port)


def parse_endpoint(text: str, schemes: Mapping[str, int]) -> Endpoint:
    """Return the endpoint that `text` names; `schemes` maps the allowed schemes to their default ports, 0 for files.

    ValueError, with what was found and what was meant, when it names none.
    """
    wanted = " or ".join(
        f"{scheme}://HOST:{port}" if port else f"{scheme}:///dev/NAME" for scheme, port in schemes.items()
    )
    if "@" in text:
        # Not shown: what stands before the @ may be a password.
        raise ValueError(f"user and password never stand in an endpoint, expected {wanted}")
    match = _ENDPOINT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{shown(text)} is not an endpoint, expected {wanted}")
    scheme, host = match["scheme"], match["host"]
    if scheme not in schemes:
        raise ValueError(f"scheme {scheme!r} is not spoken by this protocol, expected {wanted}")
    if not schemes[scheme] and (host or match["port"] or not match["path"]):
        raise ValueError(f"{shown(text)} names no file, expected {scheme}:///dev/NAME")
    if not schemes[scheme]:
        return Endpoint(scheme, "", 0, match["path"])
    if not host:
        raise ValueError(f"{shown(text)} names no host, expected {wanted}")
    if (":" in host or _NUMBERS.fullmatch(host)) and not _is_address(host.strip("[]")):
        raise ValueError(f"{host!r} is not an IP address")
    port = int(match["port"] or schemes[scheme])
    if not 1 <= port <= _LAST_PORT:
        raise ValueError(f"port {port} does not exist, ports are 1 to {_LAST_PORT}")
    return Endpoint(scheme, host, port, match["path"] or "")


@lru_cache(maxsize=10_000)
def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


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
        """Frozen model of a point's address: the keys of a profile's point that are not `PointSpec`'s.

        Its `poll` is the point's own period, if it has one; a property `readable` that is false says that the point is
        a command, which gives no readings.
        """

    @property
    def options_model(self) -> type[BaseModel]:
        """Frozen model of `options` in profiles and overrides."""

    def check(self, device: Device) -> Iterable[tuple[str, str]]:
        """Yield `(path, message)` for what the schemas alone cannot see: `("points.level.register", "...")`."""
