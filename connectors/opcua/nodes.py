"""Text to node ids and back: pure, and without the OPC UA library, so that checks are quick."""

from __future__ import annotations

import base64
import binascii
import difflib
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.opcua.config import OpcUaOptions, OpcUaPoint
    from twin.model.district import Device, Point

_NODE = re.compile(
    r"(?:(?P<space>nsu?)=(?P<namespace>[^;]*);)?(?P<kind>[isgb])=(?P<identifier>.+)", re.DOTALL
)
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_FORMS = "expected nsu=URI;s=NAME (or i=NUMBER, g=GUID, b=BASE64)"
_LONGEST = 4096
_UINT16 = 0xFFFF
_UINT32 = 0xFFFF_FFFF

Identifier = int | str | UUID | bytes


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """A node of a server: `namespace` is a URI, or an index (0 is the standard's own namespace)."""

    identifier: Identifier
    namespace: str | int = 0

    def __str__(self) -> str:
        """Return the text form of OPC 10000-6, 5.1.12, with the namespace in front."""
        if isinstance(self.namespace, int):
            return f"ns={self.namespace};{_identifier_text(self.identifier)}"
        uri = self.namespace.replace("%", "%25").replace(";", "%3B")
        return f"nsu={uri};{_identifier_text(self.identifier)}"


def _identifier_text(identifier: Identifier) -> str:
    if isinstance(identifier, int):
        return f"i={identifier}"
    if isinstance(identifier, str):
        return f"s={identifier}"
    if isinstance(identifier, UUID):
        return f"g={identifier}"
    return f"b={base64.b64encode(identifier).decode()}"


def parse_node(text: str, namespace: str = "") -> NodeAddress:
    """Return the node that `text` names (OPC 10000-6, 5.1.12); `namespace` is the URI of nodes that name none.

    ValueError, with what was found and what was meant, when it names none. Only numbers may do without any
    namespace: they are the standard's own nodes, such as `i=2258`, the server's time.
    """
    match = _NODE.fullmatch(text)
    if match is None:
        message = f"{text!r} is not a node id, {_FORMS}"
        raise ValueError(message)
    identifier = _identifier(match["kind"], match["identifier"])
    if match["space"] is None:
        return NodeAddress(identifier, _default_namespace(text, identifier, namespace))
    return NodeAddress(identifier, _namespace(match["space"], match["namespace"]))


def _default_namespace(text: str, identifier: Identifier, namespace: str) -> str | int:
    if namespace:
        return namespace
    if isinstance(identifier, int):
        return 0
    message = f"{text!r} has no namespace: write nsu=URI; before it, or set the option `namespace`"
    raise ValueError(message)


def _namespace(space: str, text: str) -> str | int:
    if space == "nsu":
        if not text:
            raise ValueError("nsu= wants the URI of a namespace")
        return unquote(text)
    if not (text.isascii() and text.isdigit()) or int(text) > _UINT16:
        message = f"ns={text} is no namespace index, expected 0 to {_UINT16}; better name it by URI: nsu=URI;"
        raise ValueError(message)
    return int(text)


def _identifier(kind: str, text: str) -> Identifier:
    if kind == "i":
        return _number_identifier(text)
    if kind == "g":
        return _guid_identifier(text)
    if kind == "b":
        return _opaque_identifier(text)
    if len(text) > _LONGEST or any(unicodedata.category(letter) == "Cc" for letter in text):
        message = f"s= wants at most {_LONGEST} characters without control characters, found {text[:60]!r}"
        raise ValueError(message)
    return text


def _number_identifier(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > _UINT32:
        message = f"i= wants a number from 0 to {_UINT32}, found {text!r}"
        raise ValueError(message)
    return int(text)


def _guid_identifier(text: str) -> UUID:
    if re.fullmatch(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", text) is None:
        message = f"g= wants 8-4-4-4-12 hexadecimal digits, found {text!r}"
        raise ValueError(message)
    return UUID(text)


def _opaque_identifier(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        message = f"b= wants base64, found {text!r}"
        raise ValueError(message) from error


def fill(text: str, names: Mapping[str, str]) -> str:
    """Return `text` with `{name}` replaced; `{{` and `}}` are braces. ValueError for a name that is not in `names`."""

    def replace(match: re.Match[str]) -> str:
        found = match[0]
        if found in ("{{", "}}"):
            return found[0]
        if match[1] in names:
            return names[match[1]]
        message = (
            f"{found} in {text!r} stands for nothing, expected {' or '.join(f'{{{name}}}' for name in names)}"
        )
        near = difflib.get_close_matches(match[1] or "", list(names), 1)
        raise ValueError(f"{message} (did you mean {{{near[0]}}}?)" if near else message)

    return _PLACEHOLDER.sub(replace, text)


def node_of(device: Device, point: Point) -> NodeAddress:
    """Return the node where `point` of `device` lives; ValueError when its address names none.

    Connector and simulator both ask here, so that they cannot disagree.
    """
    options = cast("OpcUaOptions", device.options)
    address = cast("OpcUaPoint", point.address)
    prefix = device.id if options.prefix is None else options.prefix
    return parse_node(fill(address.node, {"device": device.id, "prefix": prefix}), options.namespace)


def sampling_of(device: Device, point: Point) -> float:
    """Return the sampling interval of a point, seconds: its own, else the device's, else the poll period."""
    own = cast("OpcUaPoint", point.address).sampling
    return own or cast("OpcUaOptions", device.options).sampling or device.poll_s
