"""Where webhooks of tokens may lead: who has a token must not use us to reach what only this machine reaches (SSRF).

- A name is looked up, and every address that it has must be public, or in a network that the operator allows
  (`BARRIO_HOOK_NETWORKS`). Loopback, private, link-local, multicast and reserved addresses are not, in any spelling,
  nor are IPv6 addresses that carry an IPv4 one.
- A name is looked up in threads of its own, within `RESOLVE_S`.
- It is looked up again for each connection, and the connection is made to the address that was judged, so that a name
  that changes in between (DNS rebinding) wins nothing. The certificate is checked against the name.
- Redirections are not followed.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import httpx

from barrio.notify.outcome import LIMIT_S
from twin.notify_spec import split_url
from twin.outgoing import terms

if TYPE_CHECKING:
    from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_UNICAST = ipaddress.ip_network("2000::/3")
"""All of IPv6 that is given to networks of the world; what else there is is local, or a gateway to something."""
_SPECIAL = tuple(
    ipaddress.ip_network(one)
    for one in ("2001::/23", "2002::/16", "3fff::/20", "192.0.0.0/24", "192.88.99.0/24")
)
"""Within what is public: protocol assignments, carriers of IPv4 addresses (6to4, Teredo), documentation (RFC 6890)."""
RESOLVE_S, RESOLVERS = 5.0, 4
REFUSED = "it leads to an address that is not public, and the operator allows no such network"


class NotAllowed(ValueError):
    """Raised when a webhook may not lead there; the words name no address that was found."""


class Egress:
    """The rules of one platform; `networks` are those that the operator allows beside what is public."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._networks = tuple(networks)
        # A server of names that does not answer holds up webhooks, and nobody else who needs a thread.
        self._resolvers = ThreadPoolExecutor(RESOLVERS, "hook-names")

    async def check(self, url: str) -> None:
        """Return when a webhook may lead to a URL; NotAllowed, or ValueError when it is no URL."""
        parts = split_url(url)
        if parts.username or parts.password:
            raise NotAllowed("a URL with a password in it is not kept: put what is secret into its path")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        found = await self.resolve(parts.hostname or "", port)
        if parts.scheme != "https" and not self._is_allowed(ipaddress.ip_address(found)):
            raise NotAllowed("what is sent there could be read on its way: use https")

    async def resolve(self, host: str, port: int) -> str:
        """Return an address of a host to connect to; NotAllowed when one of its addresses is not allowed."""
        loop = asyncio.get_running_loop()
        looked_up = loop.run_in_executor(
            self._resolvers, partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        )
        try:
            async with asyncio.timeout(RESOLVE_S):
                rows = await looked_up
        except TimeoutError:
            raise NotAllowed(f"its name was not answered within {RESOLVE_S:g} s") from None
        except (OSError, UnicodeError):
            raise NotAllowed("its name leads to no address") from None
        found = [ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in rows]
        if not found or not all(_is_public(one) or self._is_allowed(one) for one in found):
            raise NotAllowed(REFUSED)
        return str(found[0])

    def client(self) -> httpx.AsyncClient:
        """Return a client that connects to what is allowed, and follows nothing."""
        return httpx.AsyncClient(
            transport=Guarded(self),
            follow_redirects=False,
            timeout=LIMIT_S,
            trust_env=False,
            headers={"Accept-Encoding": "identity"},
        )

    def close(self) -> None:
        """Give the threads back; names that are being looked up are not waited for."""
        self._resolvers.shutdown(wait=False, cancel_futures=True)

    def _is_allowed(self, one: Address) -> bool:
        plain = getattr(one, "ipv4_mapped", None) or one
        return any(plain in network for network in self._networks)


class Guarded(httpx.AsyncBaseTransport):
    """Connects to the address that was judged, under the name that was asked for."""

    def __init__(self, egress: Egress) -> None:
        self._egress = egress
        self._inner = httpx.AsyncHTTPTransport(
            **terms(), limits=httpx.Limits(max_connections=1, keepalive_expiry=30.0)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; ConnectError when it may not be sent."""
        host, port = request.url.host, request.url.port or (443 if request.url.scheme == "https" else 80)
        try:
            address = await self._egress.resolve(host, port)
        except NotAllowed as error:
            raise httpx.ConnectError(str(error), request=request) from error
        request.extensions = {**request.extensions, "sni_hostname": host}
        request.url = request.url.copy_with(host=address)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


def networks_of(text: str) -> list[Network]:
    """Return the networks in a list with commas; ValueError when one is none."""
    return [ipaddress.ip_network(one.strip()) for one in text.split(",") if one.strip()]


def _is_public(one: Address) -> bool:
    if isinstance(one, ipaddress.IPv6Address):
        if one.ipv4_mapped is not None:
            return _is_public(one.ipv4_mapped)
        if one not in _UNICAST:
            return False
    return one.is_global and not one.is_multicast and not any(one in network for network in _SPECIAL)
