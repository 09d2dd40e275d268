"""Simulated OPC UA servers: one for each peer, a folder for each device behind it.

asyncua fills the standard address space in 1.3 s (2.6 s with the cyclic collector in the way); it is filled once in a
process and copied for each server, which takes 0.06 s.
"""

from __future__ import annotations

import asyncio
import gc
import math
import threading
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

from barrio.simulator.desk import Desk, Raw, RefusedError
from barrio.simulator.server import busy
from connectors.opcua.codec import node_of
from twin.model.quantities import Aggregation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from connectors.opcua.codec import Identifier, NodeAddress
    from twin.model.district import Device, Point

_fill: Callable[[NodeManagementService], None] = standard_address_space.fill_address_space
_filling = threading.Lock()
_standard: AddressSpace | None = None
# Whole numbers that a double holds exactly, so that the ends do not overflow the node's type.
_MOST = {ua.VariantType.Int32: 2.0**31 - 1, ua.VariantType.Int64: 2.0**53}


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
    """A point's node with what was last written to it."""

    device: Device
    point: Point
    node: ua.NodeId
    type: ua.VariantType
    raw: Raw | None = None
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
        self._items = []
        for device in self.devices:
            await self._add(server, device)
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
            if item.point.writable:
                self._take(space, item)
            await self._show(space, item, now)

    async def _add(self, server: Server, device: Device) -> None:
        addresses = {point.name: node_of(device, point) for point in device.points.values()}
        space = next(
            (one.namespace for one in addresses.values() if isinstance(one.namespace, str)), "urn:barrio"
        )
        index = await server.register_namespace(space)
        folder = await server.nodes.objects.add_object(_node(device.id, index), f"{index}:{device.id}")
        for point in device.points.values():
            node = await _node_id(server, addresses[point.name])
            kind = variant_type(point)
            raw = typed(kind, self._desk.raw(device, point))
            name = f"{node.NamespaceIndex}:{point.name}"
            variable = await folder.add_variable(node, name, raw, kind)
            if point.writable:
                await variable.set_writable()
            self._items.append(_Item(device, point, node, kind, raw))

    def _take(self, space: AddressSpace, item: _Item) -> None:
        """Keep what a client wrote since the last look."""
        held = space.read_attribute_value(item.node, AttributeIds.Value)
        found = held.Value.Value if held.Value is not None else None
        if found is None or found == item.raw:
            return
        item.raw = found
        try:
            self._desk.write(item.device, item.point, found)
        except RefusedError:
            item.raw = None  # written over by the next value shown

    async def _show(self, space: AddressSpace, item: _Item, now: datetime) -> None:
        status = self._status(item)
        raw = typed(item.type, self._desk.raw(item.device, item.point))
        if raw == item.raw and status == item.status:
            return
        item.raw, item.status = raw, status
        value = _held(ua.Variant(raw, item.type), status, now)
        (await space.write_attribute_value(item.node, AttributeIds.Value, value)).check()

    def _status(self, item: _Item) -> int:
        """The status of a value: a silent device behind a server is one that the server cannot reach."""
        if self._desk.silent(item.device):
            return StatusCodes.BadNoCommunication
        if self._desk.failing(item.device, [item.point]):
            return StatusCodes.BadDeviceFailure
        return StatusCodes.Good


def variant_type(point: Point) -> ua.VariantType:
    """Return the type of a point's node: states by their codes, counts as integers, everything else as double."""
    if point.quantity.aggregation is Aggregation.STATE:
        code = next(iter(point.states), 0)
        if isinstance(code, bool):
            return ua.VariantType.Boolean
        return ua.VariantType.String if isinstance(code, str) else ua.VariantType.Int32
    counts = point.quantity.unit.startswith("{") and point.scale == 1.0 and point.offset == 0.0
    return ua.VariantType.Int64 if counts else ua.VariantType.Double


def typed(kind: ua.VariantType, raw: Raw) -> Raw:
    """Return a raw value as the type of its node."""
    if kind is ua.VariantType.Boolean:
        return bool(raw)
    if kind is ua.VariantType.String:
        return str(raw)
    if kind is ua.VariantType.Double:
        return float(raw)
    most = _MOST[kind]
    return round(min(most, max(-most, float(raw)))) if math.isfinite(float(raw)) else round(most)


async def _node_id(server: Server, address: NodeAddress) -> ua.NodeId:
    space = address.namespace
    index = space if isinstance(space, int) else await server.register_namespace(space)
    return _node(address.identifier, index)


def _node(identifier: Identifier, index: int) -> ua.NodeId:
    # asyncua's annotations ask for its own names of int and str, which it makes at run time.
    return ua.NodeId(cast("Any", identifier), cast("Any", index))


def _held(value: ua.Variant, status: int, now: datetime) -> ua.DataValue:
    stamp = cast("Any", now)
    return ua.DataValue(value, ua.StatusCode(cast("Any", status)), stamp, stamp)


def _keep_time(server: Server) -> None:
    """Answer the server's own time when it is asked, without a task that ticks."""
    node = _node(ObjectIds.Server_ServerStatus_CurrentTime, 0)
    server.iserver.aspace.set_attribute_value_callback(node, AttributeIds.Value, _time_now)


def _time_now(node: ua.NodeId, attribute: AttributeIds) -> ua.DataValue:
    del node, attribute
    now = datetime.now(UTC)
    return _held(ua.Variant(now, ua.VariantType.DateTime), StatusCodes.Good, now)
