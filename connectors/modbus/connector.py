"""The connector and its links: devices grouped by the way to them, one connection each. `session` does the polling."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np

from connectors.modbus import transport
from connectors.modbus.checks import faults
from connectors.modbus.config import ModbusOptions, ModbusPoint, options_of, unit_of
from connectors.modbus.discover import discover
from connectors.modbus.explain import explain
from connectors.modbus.learning import DevicePlan
from connectors.modbus.pdu import Refused, read
from connectors.modbus.polling import Unit
from connectors.modbus.session import Session
from connectors.modbus.writing import Order
from twin.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic import BaseModel

    from connectors.abilities import Draft, Outcome, Setting
    from connectors.base import Link, Sink
    from connectors.home import Home
    from twin.model.bound import BoundDevice
    from twin.model.district import Device
    from twin.model.protocol import Endpoint


class ModbusLink:
    """One connection and the units behind it."""

    def __init__(self, devices: Sequence[BoundDevice], home: Home) -> None:
        """Take devices that are reached the same way."""
        self._devices = tuple(devices)
        self._plans = [DevicePlan(bound, home) for bound in self._devices]
        self._dialler = transport.dialler(self._devices)
        self._session: Session | None = None

    @property
    def name(self) -> str:
        """The peer, as in endpoints."""
        return self._dialler.way.name

    @property
    def devices(self) -> Sequence[BoundDevice]:
        """The devices that this link reads."""
        return self._devices

    @property
    def security(self) -> str:
        """How the peer is spoken to, for health."""
        return self._dialler.security

    def units(self) -> list[Unit]:
        """Return the units to poll, of whom nothing is known yet."""
        return [
            Unit(
                bound,
                unit_of(bound.device.endpoint),
                np.array([point.id for point in bound.points], np.int32),
                options_of(bound.device),
                plan,
            )
            for bound, plan in zip(self._devices, self._plans, strict=True)
        ]

    async def run(self, sink: Sink) -> None:
        """Poll until cancelled; `TransientError` when the peer is away or no unit behind it answers."""
        self._session = Session(self._dialler, self.units(), sink)
        try:
            await self._session.run()
        finally:
            self._session = None

    async def write(self, settings: Sequence[Setting]) -> Sequence[Outcome]:
        """Set points of one device and read them back; an outcome for each setting, in order.

        `TransientError` when the link is down: then nothing was sent.
        """
        session = self._session
        if session is None or not session.is_up:
            raise TransientError(self.name, "the link is down, nothing was sent")
        if not settings:
            return ()
        order = Order(self._unit_of(session, settings), settings, asyncio.get_running_loop().create_future())
        session.enqueue(order)
        return await order.done

    async def probe(self) -> str:
        """Read the first block of the first device; `TransientError` when there is no answer."""
        plan, bound = self._plans[0], self._devices[0]
        block = plan.any_block
        unit = unit_of(bound.device.endpoint)
        connection = await self._dialler.dial()
        try:
            request = read(unit, block.table, block.start, block.count)
            await connection.ask(request, options_of(bound.device).timeout)
        except Refused as refusal:
            said = f"with {refusal.words}"
        else:
            said = f"{block.table} {block.start} to {block.start + block.count - 1}"
        finally:
            connection.close()
        return f"unit {unit} answered {said}"

    def _unit_of(self, session: Session, settings: Sequence[Setting]) -> Unit:
        """Return the unit whose points are to be set; ValueError when they are not of one device of this link."""
        wanted = {setting.point.id for setting in settings}
        for unit in session.units:
            if wanted <= {point.id for point in unit.bound.points}:
                return unit
        message = f"{self.name}: the points to write are not of one device of this link"
        raise ValueError(message)


class ModbusConnector:
    """Modbus over TCP, TLS and serial lines."""

    @property
    def name(self) -> str:
        """Name in profiles and of the entry point."""
        return "modbus"

    @property
    def schemes(self) -> Mapping[str, int]:
        """`modbus+tcp://HOST:502/UNIT` and the others, see `transport`."""
        return transport.SCHEMES

    @property
    def point_model(self) -> type[BaseModel]:
        """Model of a point's address."""
        return ModbusPoint

    @property
    def options_model(self) -> type[BaseModel]:
        """Model of `options`."""
        return ModbusOptions

    def check(self, device: Device) -> Iterable[tuple[str, str]]:
        """Yield what the schemas cannot see."""
        yield from transport.faults(device)
        yield from faults(device)

    def explain(self, device: BoundDevice, home: Home) -> str:
        """Return the requests that read a device, with their cost, and what was learned about it."""
        return explain(device, home)

    async def discover(self, endpoint: Endpoint, options: Mapping[str, object], home: Home) -> Draft:  # noqa: ARG002 (of the ability; no secrets here)
        """Look at a device and draft a profile; `TransientError` when it is away."""
        return await discover(endpoint, options)

    def links(self, devices: Sequence[BoundDevice], home: Home) -> Sequence[Link]:
        """Return one link for each way: host and port, or serial line."""
        ways: dict[transport.Way, list[BoundDevice]] = {}
        for bound in devices:
            ways.setdefault(transport.way_to(bound.device), []).append(bound)
        return [ModbusLink(members, home) for members in ways.values()]
