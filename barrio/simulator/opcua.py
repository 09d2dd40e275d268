"""Simulated OPC UA servers: one for each peer, a folder for each device behind it.

asyncua fills the standard address space in 1.3 s (2.6 s with the cyclic collector in the way); it is filled once in a
process and copied for each server, which takes 0.06 s.
"""

from __future__ import annotations

import asyncio
import gc
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from asyncua import ua
from asyncua.server.address_space import AddressSpace, AttributeValue, NodeData, NodeManagementService
from asyncua.server.internal_server import InternalServer
from asyncua.server.server import Server
from asyncua.server.standard_address_space import standard_address_space
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes

from barrio.simulator.desk import Desk, RefusedError
from barrio.simulator.opcua_plan import Plan
from barrio.simulator.server import busy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from barrio.simulator.opcua_values import Value
    from twin.model.district import Device

_fill: Callable[[NodeManagementService], None] = standard_address_space.fill_address_space
_filling = threading.Lock()
_standard: AddressSpace | None = None


def standard_space() -> AddressSpace:
    """Return the standard address space, filled once; never to be changed."""
    global _standard  # noqa: PLW0603 - a cache of the process, guarded by the lock
    with _filling:
        if _standard is None:
            collecting = gc.isenabled()
            gc.disable()
            try:
                space = AddressSpace()
                _fill(NodeManagementService(space))
                _standard = space
            finally:
                if collecting:
                    gc.enable()
        return _standard


class _Internal(InternalServer):
    """asyncua's server with a copy of the standard space instead of one of its own making."""

    async def load_standard_address_space(self, shelf_file: Path | None = None) -> None:
        del shelf_file
        space = await asyncio.to_thread(standard_space)
        for key in space.keys():  # noqa: SIM118 - an AddressSpace is no dict
            self.aspace[key] = _copy(space[key])


def _copy(node: NodeData) -> NodeData:
    copy = NodeData(node.nodeid)
    copy.attributes = {key: AttributeValue(held.value) for key, held in node.attributes.items()}  # type: ignore[arg-type]
    copy.references = list(node.references)
    copy.call = node.call
    return copy


@dataclass(slots=True)
class _Item:
    """A node with what it shows."""

    value: Value
    node: ua.NodeId
    shown: Any = None
    status: int = 0


class OpcUaServer:
    """One OPC UA peer."""

    def __init__(self, devices: Sequence[Device], desk: Desk, host: str, port: int) -> None:
        self.devices = devices
        self._desk = desk
        self._host, self._port = host, port
        self._server: Server | None = None
        self._items: list[_Item] = []

    async def start(self) -> None:
        """Build the address space and listen; StartError when the port is taken."""
        server = Server(iserver=_Internal())
        await server.init()
        server.set_server_name("Barrio field simulator")
        server.disable_clock()
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        server.set_endpoint(f"opc.tcp://{self._host}:{self._port}{self.devices[0].endpoint.path}")
        _keep_time(server)
        await self._build(server)
        try:
            await server.start()
        except OSError as error:
            raise busy("opc.tcp", self._host, self._port, error) from error
        self._server = server

    async def stop(self) -> None:
        """Close the port and every session."""
        if self._server is not None:
            server, self._server = self._server, None
            await server.stop()

    async def publish(self) -> None:
        """Take what was written, then write what has changed, each with its time."""
        if self._server is None:
            return
        now = datetime.now(UTC)
        space = self._server.iserver.aspace
        for item in self._items:
            if item.value.writable:
                self._take(space, item)
            await self._show(space, item, now)

    async def _build(self, server: Server) -> None:
        """Make a folder for each device, and in it what its points name; `StartError` for what cannot be."""
        plan = Plan(server, self._desk)
        for device in self.devices:
            await plan.add(device)
        self._items = [_Item(value, node) for value, node in await plan.build()]

    def _take(self, space: AddressSpace, item: _Item) -> None:
        """Keep what a client wrote since the last look."""
        held = space.read_attribute_value(item.node, AttributeIds.Value)
        found = held.Value.Value if held.Value is not None else None
        if item.shown is None or found is None or found == item.shown:
            return  # nothing was shown yet that a client could have written over
        item.shown = None  # what the device does not take is written over by the next value shown
        for cell, raw in item.value.written(found):
            with suppress(RefusedError):
                self._desk.write(cell.device, cell.point, raw)

    async def _show(self, space: AddressSpace, item: _Item, now: datetime) -> None:
        status = self._status(item)
        variant = item.value.variant(lambda cell: self._desk.raw(cell.device, cell.point))
        if variant.Value == item.shown and status == item.status:
            return
        item.shown, item.status = variant.Value, status
        (
            await space.write_attribute_value(item.node, AttributeIds.Value, _held(variant, status, now))
        ).check()

    def _status(self, item: _Item) -> int:
        """The status of a value: a silent device behind a server is one that the server cannot reach."""
        cells = item.value.cells.values()
        if any(self._desk.silent(cell.device) for cell in cells):
            return StatusCodes.BadNoCommunication
        if any(self._desk.failing(cell.device, [cell.point]) for cell in cells):
            return StatusCodes.BadDeviceFailure
        return StatusCodes.Good


def _held(value: ua.Variant, status: int, now: datetime) -> ua.DataValue:
    stamp = cast("Any", now)
    return ua.DataValue(value, ua.StatusCode(cast("Any", status)), stamp, stamp)


def _keep_time(server: Server) -> None:
    """Answer the server's own time when it is asked, without a task that ticks."""
    node = ua.NodeId(ua.Int32(ObjectIds.Server_ServerStatus_CurrentTime))
    server.iserver.aspace.set_attribute_value_callback(node, AttributeIds.Value, _time_now)


def _time_now(node: ua.NodeId, attribute: AttributeIds) -> ua.DataValue:
    del node, attribute
    now = datetime.now(UTC)
    return _held(ua.Variant(now, ua.VariantType.DateTime), StatusCodes.Good, now)
