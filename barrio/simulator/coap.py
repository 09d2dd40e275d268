"""Simulated CoAP devices: one UDP port for each peer, a resource for each path that the profiles name.

Resources are observable (RFC 7641). A notification goes out when a value has changed, at most once in the device's
poll period, and before the last one's Max-Age has passed.
"""

from __future__ import annotations

import asyncio
import math
import socket
import time
from typing import TYPE_CHECKING

import aiocoap
from aiocoap import resource
from aiocoap.numbers.codes import Code

from barrio.simulator.desk import Desk, Raw, RefusedError
from barrio.simulator.server import busy
from connectors.coap.config import options_of, resources_of
from connectors.coap.payload import CONTENT_FORMATS, serve
from connectors.payloads.decoding import NoValue, Wire, decode, steps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connectors.coap.config import CoapPoint
    from twin.model.district import Device, Point

MAX_AGE_S = 30
_NO_RESPONSE = 26  # RFC 7967: every class of response suppressed
_TRANSPORT = "simplesocketserver"
"""Not aiocoap's `udp6`: it asks for the errors of the network, and libuv stops to read a socket that has one waiting.
A platform that was killed would leave behind devices that never answer again."""

_WIRES = {number: wire for wire, number in CONTENT_FORMATS.items()}


class _Resource(resource.ObservableResource):  # type: ignore[misc]
    """One path of a device."""

    def __init__(self, device: Device, points: Sequence[tuple[Point, CoapPoint]], desk: Desk) -> None:
        super().__init__()
        self._device = device
        self._points = points
        self._desk = desk
        self._told: Mapping[str, Raw] = {}
        self._told_at_s = 0.0

    async def render_get(self, request: aiocoap.Message) -> aiocoap.Message:
        del request
        if self._desk.silent(self._device):
            return aiocoap.Message(code=Code.SERVICE_UNAVAILABLE, no_response=_NO_RESPONSE)
        if self._failing():
            return aiocoap.Message(code=Code.INTERNAL_SERVER_ERROR, payload=b"sensor failure")
        return self._message(self._values())

    async def render_put(self, request: aiocoap.Message) -> aiocoap.Message:
        try:
            found = self._written(request)
            for point, raw in found:
                self._desk.write(self._device, point, raw)
        except (RefusedError, NoValue) as error:
            return aiocoap.Message(code=Code.BAD_REQUEST, payload=str(error).encode())
        self._told_at_s = 0.0
        return aiocoap.Message(code=Code.CHANGED)

    def tell(self, now_s: float) -> None:
        """Notify the observers when there is something to say."""
        quiet_s = now_s - self._told_at_s
        if not self._observations or quiet_s < self._device.poll_s or self._desk.silent(self._device):
            return
        values = self._values()
        if values == self._told and quiet_s < MAX_AGE_S / 2 and not self._failing():
            return
        self._told, self._told_at_s = values, now_s
        if self._failing():
            self.updated_state(aiocoap.Message(code=Code.INTERNAL_SERVER_ERROR, payload=b"sensor failure"))
            return
        for observation in self._observations:
            observation.trigger(self._message(values))

    def _failing(self) -> bool:
        return self._desk.failing(self._device, [point for point, _ in self._points])

    def _values(self) -> dict[str, Raw]:
        return {point.name: plain(point, self._desk.raw(self._device, point)) for point, _ in self._points}

    def _message(self, values: Mapping[str, Raw]) -> aiocoap.Message:
        fallback = options_of(self._device).format
        number, payload = serve(self._points, values, fallback=fallback, time_ns=time.time_ns())
        return aiocoap.Message(code=Code.CONTENT, payload=payload, content_format=number, max_age=MAX_AGE_S)

    def _written(self, request: aiocoap.Message) -> list[tuple[Point, Raw]]:
        """Return the points that a request writes, with their raw values."""
        wire = _WIRES.get(int(request.opt.content_format or 0), Wire.TEXT)
        held = decode(wire, request.payload)
        if wire in {Wire.SENML_JSON, Wire.SENML_CBOR}:
            named = {record.own or record.name: record.value for record in held}
            found = [(point, named[address.name or point.name]) for point, address in self._points
                     if (address.name or point.name) in named]  # fmt: skip
        elif isinstance(held, dict):
            found = [(point, value) for point, address in self._points
                     if (value := _at(held, address)) is not None]  # fmt: skip
        else:
            found = [(point, held) for point, _ in self._points]
        if not found or (len(found) > 1 and not isinstance(held, dict | list)):
            raise RefusedError("the request names no value of this resource")
        return [(point, _number(point, value)) for point, value in found]


def _at(held: object, address: CoapPoint) -> object:
    for step in steps(address.key):
        held = held.get(step) if isinstance(held, dict) else None
    return held


def _number(point: Point, value: object) -> Raw:
    """Return what somebody wrote as a code or a number: text knows only digits."""
    if isinstance(value, str) and value not in point.states:
        try:
            number = float(value)
        except ValueError:
            raise RefusedError(f"{point.path} is a number, found {value!r}") from None
        return int(number) if number.is_integer() else number
    if isinstance(value, bool | int | float | str):
        return value
    raise RefusedError(f"{point.path} takes no {type(value).__name__}")


def plain(point: Point, raw: Raw) -> Raw:
    """Return a count as an integer, and no digits beyond what the scale can mean."""
    if not isinstance(raw, float) or not math.isfinite(raw):
        return raw
    if point.quantity.unit.startswith("{"):
        return round(raw)
    return float(f"{raw:.12g}")


class CoapServer:
    """One CoAP peer."""

    def __init__(self, devices: Sequence[Device], desk: Desk, host: str, port: int) -> None:
        self.devices = devices
        self._desk = desk
        self._host, self._port = host, port
        self._context: aiocoap.Context | None = None
        self._mute: socket.socket | None = None
        self._resources: list[_Resource] = []
        self._changing = asyncio.Lock()

    async def start(self) -> None:
        """Listen; StartError when the port is taken."""
        # aiocoap shares its port (SO_REUSEPORT) and would not notice that it is taken.
        self._bind().close()
        site = resource.Site()
        self._resources = []
        for device in self.devices:
            for path, points in resources_of(device).items():
                found = _Resource(device, points, self._desk)
                site.add_resource(_segments(device, path), found)
                self._resources.append(found)
        site.add_resource(
            [".well-known", "core"], resource.WKCResource(site.get_resources_as_linkheader, None)
        )
        self._context = await aiocoap.Context.create_server_context(
            site, bind=(self._host, self._port), transports=[_TRANSPORT]
        )

    async def stop(self) -> None:
        """Close the port; observers hear nothing more."""
        async with self._changing:
            await self._close()

    async def publish(self) -> None:
        """Notify observers, or fall silent as a device that has lost its power does."""
        silent = all(self._desk.silent(device) for device in self.devices)
        if silent != (self._mute is not None) and (self._context or self._mute):
            async with self._changing:
                await self._switch(silent=silent)
        now_s = time.monotonic()
        for found in self._resources if self._context else ():
            found.tell(now_s)

    async def _switch(self, *, silent: bool) -> None:
        await self._close()
        if silent:
            self._mute = self._bind()
        else:
            await self.start()

    async def _close(self) -> None:
        if self._mute is not None:
            self._mute.close()
            self._mute = None
        if self._context is not None:
            context, self._context = self._context, None
            await context.shutdown()

    def _bind(self) -> socket.socket:
        """Return a socket on the port that nobody reads."""
        found = socket.socket(socket.AF_INET6 if ":" in self._host else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            found.bind((self._host, self._port))
        except OSError as error:
            found.close()
            raise busy("coap", self._host, self._port, error) from error
        return found


def _segments(device: Device, path: str) -> list[str]:
    """Return the segments of a resource, below the path of the device's endpoint."""
    whole = device.endpoint.path.rstrip("/") + path.partition("?")[0]
    return whole.lstrip("/").split("/")
