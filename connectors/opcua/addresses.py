"""Text to where points live: node ids, browse paths, methods, notifiers. Pure, and without the OPC UA library."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from connectors.opcua.nodes import NodeAddress, fill, node_of, parse_node

if TYPE_CHECKING:
    from connectors.opcua.config import OpcUaOptions, OpcUaPoint
    from twin.model.district import Device, Point

_ELEMENT = re.compile(
    r"/(?:nsu=(?P<uri>[^;]+);|(?P<index>[0-9]{1,5}):|(?!nsu=))(?P<name>(?:[^/&]|&.)+)", re.DOTALL
)
_ESCAPED = re.compile(r"&(.)", re.DOTALL)
_STANDARD = frozenset({"Objects", "Types", "Views"})
_SERVER = 2253
_MOST_ELEMENTS = 50
_LAST_INDEX = 0xFFFF
_FORM = "expected /Objects/Boiler/Temperature, names of other namespaces as nsu=URI;Name or 0:Name"


@dataclass(frozen=True, slots=True)
class BrowsePath:
    """Browse names from the root folder on, each with the URI or the index of its namespace."""

    elements: tuple[tuple[str | int, str], ...]

    def __str__(self) -> str:
        """Return the path with its names alone."""
        return "".join(f"/{name}" for _, name in self.elements)


Address = NodeAddress | BrowsePath


def parse_path(text: str, namespace: str = "") -> BrowsePath:
    """Return the path that `text` names; `namespace` is the URI of names that say none, after the standard folders.

    Reserved letters in names are written `&/` and `&&` (OPC 10000-4, A.2). ValueError, with what was found and what was
    meant, when it names none.
    """
    found = list(_ELEMENT.finditer(text))
    if not found or sum(len(match[0]) for match in found) != len(text) or len(found) > _MOST_ELEMENTS:
        raise ValueError(f"{text!r} is not a browse path, {_FORM}")
    return BrowsePath(tuple(_element(match, at, namespace) for at, match in enumerate(found)))


def _element(match: re.Match[str], at: int, namespace: str) -> tuple[str | int, str]:
    name = _ESCAPED.sub(r"\1", match["name"])
    if match["uri"]:
        return match["uri"], name
    if match["index"]:
        index = int(match["index"])
        if index > _LAST_INDEX:
            raise ValueError(f"{index}: is no namespace index, expected 0 to {_LAST_INDEX}")
        return index, name
    if not namespace or (at == 0 and name in _STANDARD):
        return 0, name
    return namespace, name


def address_of(device: Device, point: Point) -> Address:
    """Return where `point` of `device` is read; ValueError when that cannot be made out."""
    address = cast("OpcUaPoint", point.address)
    if address.path:
        options = cast("OpcUaOptions", device.options)
        return parse_path(_filled(device, address.path), options.namespace)
    return node_of(device, point)


def method_of(device: Device, point: Point) -> tuple[NodeAddress, NodeAddress]:
    """Return object and method of a point that is called; ValueError when one cannot be made out."""
    address = cast("OpcUaPoint", point.address)
    namespace = cast("OpcUaOptions", device.options).namespace
    owner, method = (
        parse_node(_filled(device, text), namespace) for text in (address.object, address.method)
    )
    return owner, method


def notifiers_of(device: Device) -> list[NodeAddress]:
    """Return the nodes whose events `device` wants, none where it wants none; ValueError as above."""
    options = cast("OpcUaOptions", device.options)
    if options.events is True:
        return [NodeAddress(_SERVER)]
    return [parse_node(_filled(device, text), options.namespace) for text in options.events or ()]


def _filled(device: Device, text: str) -> str:
    prefix = cast("OpcUaOptions", device.options).prefix
    return fill(text, {"device": device.id, "prefix": device.id if prefix is None else prefix})
