"""Simulated CoAP devices that push: they post what they measure to where the platform listens.

Nothing listens here. A device posts once in its poll period, and soon again while the platform does not take it.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

import aiocoap

from barrio.simulator.coap import plain
from connectors.coap import exchange
from connectors.coap.config import address_of
from connectors.coap.exchange import NoAnswer
from connectors.coap.line import line_to
from connectors.coap.listen import endpoint_name
from connectors.coap.payload import CONTENT_FORMATS, encode
from connectors.payloads.decoding import Wire

if TYPE_CHECKING:
    from collections.abc import Sequence

    from barrio.simulator.desk import Desk
    from connectors.coap.line import Line
    from twin.model.district import Device

_ANSWER_WITHIN_S = 10.0
_AGAIN_S = 2.0
_SPREAD_S = 0.004


class CoapPushers:
    """All devices that push to one address of the platform."""

    def __init__(self, devices: Sequence[Device], desk: Desk, host: str, port: int) -> None:
        self.devices = devices
        self._desk = desk
        self._host, self._port = host, port
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to push."""
        self._task = asyncio.create_task(self._run(), name=f"pushers to {self._port}")

    async def stop(self) -> None:
        """Push no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def publish(self) -> None:
        """Nobody asked to be told: the devices speak when they like."""

    async def _run(self) -> None:
        async with line_to(self._host, self._port) as line, asyncio.TaskGroup() as tasks:
            for number, device in enumerate(self.devices):
                tasks.create_task(self._keep_pushing(line, device, number * _SPREAD_S))

    async def _keep_pushing(self, line: Line, device: Device, first_s: float) -> None:
        await asyncio.sleep(first_s)
        while True:
            wait_s = await self._push(line, device)
            await asyncio.sleep(wait_s)

    async def _push(self, line: Line, device: Device) -> float:
        """Post once; returns the wait until the next time, in seconds."""
        message = self._message(device)
        if message is None:
            return _AGAIN_S
        try:
            answer = await exchange.ask(line, message, _ANSWER_WITHIN_S)
        except NoAnswer:
            return _AGAIN_S
        return device.poll_s if answer.code.is_successful() else max(_AGAIN_S, answer.opt.max_age or 0)

    def _message(self, device: Device) -> aiocoap.Message | None:
        """Return what a device posts now, None while it is silent or all of its sensors fail."""
        points = [point for point in device.points.values() if not self._desk.failing(device, [point])]
        if not points or self._desk.silent(device):
            return None
        values = {
            address_of(point).name or point.name: plain(point, self._desk.raw(device, point))
            for point in points
        }
        name = quote(endpoint_name(device), safe="")
        made = exchange.request(f"/readings?ep={name}", self._host, aiocoap.POST)
        made.payload = encode(Wire.SENML_JSON, values, time_ns=time.time_ns())
        made.opt.content_format = CONTENT_FORMATS[Wire.SENML_JSON]
        return made
