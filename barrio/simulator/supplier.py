"""The stand-in for whoever a district orders water and gas from: takes orders over HTTP and sends a lorry.

    POST /orders     an order (`supply.requested`) is acknowledged after a moment and delivered a little later
    POST /notices    everything else that the district would tell somebody: taken, counted, told to nobody

Bodies are those of `barrio.notify.webhook`. With a secret, deliveries that are not signed with it are refused (401), so
are those that were signed long ago. Loopback only; bounded in connections, sizes and times.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from barrio.simulator.server import busy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ORDERS, NOTICES = "/orders", "/notices"
ACKNOWLEDGED_AFTER_S = 1.0
DELIVERED_AFTER_S = 10.0
FILLED_IN_S = 15.0
OLDEST_S = 300.0

_MOST_CONNECTIONS = 32
_MOST_ORDERS = 10_000
_LONGEST_HEAD = 16_384
_LONGEST_BODY = 262_144
_WITHIN_S = 10.0
_FIRST_REFERENCE = 123
_SIGNATURE = re.compile(r"t=([0-9]{1,15}),v1=([0-9a-f]{64})")


class _Refused(Exception):
    """Raised inside a request that is answered by an error."""

    def __init__(self, status: HTTPStatus, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


@dataclass(frozen=True, slots=True)
class Order:
    """What was ordered: a tank to be filled to a share of it, 0 to 1."""

    device: str
    fill_to: float
    reference: str


class Supplier:
    """Listens at one port; `deliver(device, fill_to)` is called when a lorry has arrived.

    `orders` are those taken, by the id of their delivery: who posts twice gets the same answer and one lorry.
    """

    def __init__(
        self,
        host: str,
        port: int,
        deliver: Callable[[str, float], None],
        secret: str = "",
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._host, self._port = host, port
        self._deliver = deliver
        self._secret = secret
        self._now_s = now_s
        self.orders: dict[str, Order] = {}
        self.notices = 0
        self._open = 0
        self._server: asyncio.Server | None = None
        self._lorries: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; StartError when the port is taken."""
        try:
            self._server = await asyncio.start_server(
                self._connection, self._host, self._port, limit=_LONGEST_HEAD
            )
        except OSError as error:
            raise busy("http", self._host, self._port, error) from error

    async def stop(self) -> None:
        """Take no more orders; lorries on their way do not arrive."""
        for task in tuple(self._lorries):
            task.cancel()
        await asyncio.gather(*self._lorries, return_exceptions=True)
        if self._server is not None:
            server, self._server = self._server, None
            server.close()
            await server.wait_closed()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            async with asyncio.timeout(_WITHIN_S):
                status, body = await self._answer(reader)
                writer.write(_response(status, body))
                await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self._open -= 1
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[HTTPStatus, Mapping[str, Any]]:
        if self._open > _MOST_CONNECTIONS:
            return HTTPStatus.SERVICE_UNAVAILABLE, {"detail": "too many at once"}
        try:
            path, headers, body = await _request(reader)
            self._check(headers, body)
            return await self._take(path, body)
        except _Refused as refused:
            return refused.status, {"detail": refused.words}

    def _check(self, headers: Mapping[str, str], body: bytes) -> None:
        """Hold a delivery against the secret, when there is one."""
        if not self._secret:
            return
        found = _SIGNATURE.fullmatch(headers.get("barrio-signature", ""))
        if found is None:
            raise _Refused(HTTPStatus.UNAUTHORIZED, "the delivery is not signed")
        wanted = hmac.new(self._secret.encode(), f"{found[1]}.".encode() + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted, found[2]):
            raise _Refused(HTTPStatus.UNAUTHORIZED, "the signature is not that of this body")
        if abs(self._now_s() - int(found[1])) > OLDEST_S:
            raise _Refused(HTTPStatus.UNAUTHORIZED, "the delivery was signed long ago")

    async def _take(self, path: str, body: bytes) -> tuple[HTTPStatus, Mapping[str, Any]]:
        event, delivery, data = _told(body)
        if path == ORDERS and event.endswith("requested"):
            order = self._ordered(delivery, data)
            await asyncio.sleep(ACKNOWLEDGED_AFTER_S)
            return HTTPStatus.OK, {"acknowledged": True, "reference": order.reference}
        if path not in {ORDERS, NOTICES}:
            raise _Refused(HTTPStatus.NOT_FOUND, f"nobody takes orders at {path}")
        self.notices += 1
        return HTTPStatus.OK, {}

    def _ordered(self, delivery: str, data: Mapping[str, Any]) -> Order:
        known = self.orders.get(delivery)
        if known is not None:
            return known
        device, fill_to = data.get("tank"), data.get("fill_to_percent")
        if not isinstance(device, str) or not isinstance(fill_to, int | float):
            raise _Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "an order has a tank and fill_to_percent")
        if len(self.orders) >= _MOST_ORDERS:
            raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, "no more orders today")
        reference = f"P-{_FIRST_REFERENCE + len(self.orders):06d}"
        order = self.orders[delivery] = Order(device, min(1.0, max(0.0, fill_to / 100.0)), reference)
        lorry = asyncio.create_task(self._send(order), name=f"lorry {reference}")
        self._lorries.add(lorry)
        lorry.add_done_callback(self._lorries.discard)
        return order

    async def _send(self, order: Order) -> None:
        await asyncio.sleep(ACKNOWLEDGED_AFTER_S + DELIVERED_AFTER_S)
        self._deliver(order.device, order.fill_to)


async def _request(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    """Return path, headers by their names in lower case, and body of a request (RFC 9112)."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.LimitOverrunError:
        raise _Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the head is too long") from None
    first, *lines = head.split("\r\n")
    method, _, rest = first.partition(" ")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)
    }
    if method != "POST":
        raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED, "orders are posted")
    length = headers.get("content-length", "")
    if not (length.isascii() and length.isdigit()):
        raise _Refused(HTTPStatus.LENGTH_REQUIRED, "the length of the body is not known")
    if len(length) > 9 or int(length) > _LONGEST_BODY:
        raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too long")
    return rest.partition(" ")[0].partition("?")[0], headers, await reader.readexactly(int(length))


def _told(body: bytes) -> tuple[str, str, Mapping[str, Any]]:
    """Return the event of a delivery, its id, and what is told."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("data"), dict):
        raise _Refused(HTTPStatus.BAD_REQUEST, "the body is not a delivery: an object with event and data")
    return str(found.get("event", "")), str(found.get("delivery", "")), found["data"]


def _response(status: HTTPStatus, body: Mapping[str, Any]) -> bytes:
    payload = json.dumps(body).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(payload)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + payload
