"""The address space of a simulated OPC UA server: what the points of its devices name, each made once.

Nodes stand in a folder of the device that names them first, or where a browse path leads; methods below their object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import BadNodeIdExists, BadNoMatch

from barrio.simulator.desk import RefusedError
from barrio.simulator.opcua_values import Cell, Value, cannot
from connectors.opcua.addresses import BrowsePath, address_of, method_of
from connectors.opcua.config import WRITTEN

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from asyncua.common.node import Node
    from asyncua.server.server import Server

    from barrio.simulator.desk import Desk
    from connectors.opcua.addresses import Address
    from connectors.opcua.nodes import NodeAddress
    from twin.model.district import Device

_SHORTEST_PATH = 2
_TYPES = {
    bool: ua.VariantType.Boolean,
    int: ua.VariantType.Int64,
    float: ua.VariantType.Double,
    str: ua.VariantType.String,
}


class Plan:
    """What a server is going to hold: gathered by `add`, made by `build`."""

    def __init__(self, server: Server, desk: Desk) -> None:
        self._server = server
        self._desk = desk
        self._values: dict[Address, list[Cell]] = {}
        self._methods: dict[tuple[NodeAddress, NodeAddress], list[Cell]] = {}
        self._folders: dict[str, Node] = {}

    async def add(self, device: Device) -> None:
        """Take in a device's points and make its folder."""
        spaces: list[str | int] = []
        for cell in (Cell(device, point) for point in device.points.values()):
            if not cell.point.readable:
                self._methods.setdefault(method_of(device, cell.point), []).append(cell)
                continue
            address = address_of(device, cell.point)
            self._values.setdefault(address, []).append(cell)
            spaces += [] if isinstance(address, BrowsePath) else [address.namespace]
        index = await self._index(next((one for one in spaces if isinstance(one, str)), "urn:barrio"))
        name = ua.QualifiedName(device.id, ua.Int16(index))
        self._folders[device.id] = await self._server.nodes.objects.add_object(_node(device.id, index), name)

    async def build(self) -> list[tuple[Value, ua.NodeId]]:
        """Make all nodes; StartError, with file and line, for one that cannot be made."""
        made = []
        for address, cells in self._values.items():
            try:
                made.append(await self._variable(address, cells))
            except BadNodeIdExists:
                raise cannot(cells[0].point, f"{address} is the server's own") from None
        for (owner, method), cells in self._methods.items():
            await self._method(owner, method, cells)
        return made

    async def _variable(self, address: Address, cells: Sequence[Cell]) -> tuple[Value, ua.NodeId]:
        value = Value(cells)
        parent, node, name = await self._place(address, cells[0])
        kind = None
        if value.layout is not None:
            await value.layout.define(self._server, node.NamespaceIndex, f"Type of {address}")
            kind = value.layout.type
        held = value.variant(lambda cell: self._desk.raw(cell.device, cell.point))
        variable = await parent.add_variable(node, name, held, datatype=kind)
        if value.writable:
            await variable.set_writable()
        return value, variable.nodeid

    async def _place(self, address: Address, cell: Cell) -> tuple[Node, ua.NodeId, ua.QualifiedName]:
        """Return parent, id and browse name of a variable."""
        if isinstance(address, BrowsePath):
            return await self._at_the_end_of(address, cell)
        index = await self._index(address.namespace)
        name = ua.QualifiedName(cell.point.name, ua.Int16(index))
        return self._folders[cell.device.id], _node(address.identifier, index), name

    async def _at_the_end_of(self, path: BrowsePath, cell: Cell) -> tuple[Node, ua.NodeId, ua.QualifiedName]:
        """Walk a path, making objects where there are none yet."""
        steps = [ua.QualifiedName(name, ua.Int16(await self._index(space))) for space, name in path.elements]
        if len(steps) < _SHORTEST_PATH or steps[0] != ua.QualifiedName("Objects", ua.Int16(0)):
            raise cannot(cell.point, "its path does not begin with /Objects and end below it")
        *inner, last = steps[1:]
        here, text = self._server.nodes.objects, "/Objects"
        for step in inner:
            text += f"/{step.Name}"
            try:
                here = await here.get_child(step)
            except BadNoMatch:
                here = await here.add_object(_node(text, step.NamespaceIndex), step)
        return here, _node(f"{text}/{last.Name}", last.NamespaceIndex), last

    async def _method(self, owner: NodeAddress, method: NodeAddress, cells: Sequence[Cell]) -> None:
        """Make a method and, where nobody made it, the object that it is called on."""
        parent = self._server.get_node(_node(owner.identifier, await self._index(owner.namespace)))
        if parent.nodeid not in self._server.iserver.aspace:
            name = ua.QualifiedName(str(owner.identifier), ua.Int16(parent.nodeid.NamespaceIndex))
            parent = await self._folders[cells[0].device.id].add_object(parent.nodeid, name)
        node = _node(method.identifier, await self._index(method.namespace))
        name = ua.QualifiedName(str(method.identifier), ua.Int16(node.NamespaceIndex))
        inputs = [
            cells[0].type if one == WRITTEN else _TYPES[type(one)] for one in cells[0].address.arguments
        ]
        try:
            await parent.add_method(node, name, self._called(cells), inputs, [])
        except BadNodeIdExists:
            raise cannot(cells[0].point, f"{method} is something else already") from None

    def _called(self, cells: Sequence[Cell]) -> Callable[..., Awaitable[ua.StatusCode]]:
        """Return what a call does: it sets the first point whose fixed arguments are those that came."""

        async def call(_owner: ua.NodeId, *arguments: ua.Variant) -> ua.StatusCode:
            given = [one.Value for one in arguments]
            for cell in cells:
                wanted = cell.address.arguments
                if len(wanted) == len(given) and all(
                    a in (WRITTEN, b) for a, b in zip(wanted, given, strict=True)
                ):
                    return self._set(cell, given)
            return _status(StatusCodes.BadInvalidArgument)

        return call

    def _set(self, cell: Cell, given: Sequence[Any]) -> ua.StatusCode:
        try:
            for one, value in zip(cell.address.arguments, given, strict=True):
                if one == WRITTEN:
                    self._desk.write(cell.device, cell.point, value)
        except RefusedError:
            return _status(StatusCodes.BadOutOfRange)
        return ua.StatusCode()

    async def _index(self, space: str | int) -> int:
        return space if isinstance(space, int) else await self._server.register_namespace(space)


def _status(code: int) -> ua.StatusCode:
    return ua.StatusCode(ua.UInt32(code))


def _node(identifier: object, index: int) -> ua.NodeId:
    # asyncua's annotations ask for its own names of int and str, which it makes at run time.
    return ua.NodeId(cast("Any", identifier), cast("Any", index))
