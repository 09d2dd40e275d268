"""Text to node ids, values and times to readings: pure, and without the OPC UA library, so that checks are quick."""

from __future__ import annotations

import base64
import binascii
import difflib
import math
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote
from uuid import UUID

from twin.quality import FIRST_BAD, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.opcua.config import OpcUaOptions, OpcUaPoint
    from twin.model.bound import BoundPoint
    from twin.model.district import Device, Point

# Severity is the two high bits of a status code: 00 good, 01 uncertain, 10 and 11 bad (OPC 10000-4, StatusCode).
UNCERTAIN = 0x4000_0000
BAD = 0x8000_0000

_NODE = re.compile(
    r"(?:(?P<space>nsu?)=(?P<namespace>[^;]*);)?(?P<kind>[isgb])=(?P<identifier>.+)", re.DOTALL
)
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_FORMS = "expected nsu=URI;s=NAME (or i=NUMBER, g=GUID, b=BASE64)"
_LONGEST = 4096
_UINT16 = 0xFFFF
_UINT32 = 0xFFFF_FFFF
_EXACT = 2**53
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS = 365 * 250  # beyond, int64 nanoseconds end; servers send year 9999 for "no time"

Identifier = int | str | UUID | bytes
Judged = tuple[float, int, str]


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


def ns_of(moment: datetime | None) -> int:
    """Return ns since 1970 UTC, 0 for none and for what servers send instead of none (years 1601 and 9999)."""
    if moment is None:
        return 0
    age = moment - _EPOCH
    if not 0 <= age.days < _DAYS:
        return 0
    return (age.days * 86_400 + age.seconds) * 1_000_000_000 + age.microseconds * 1000


def status_name(status: int) -> str:
    """Return the standard's name of a status code without its info bits; hexadecimal where it has none."""
    from asyncua.ua.status_codes import code_to_name_doc

    named = code_to_name_doc.get(status & 0xFFFF_0000)
    return named[0] if named else f"status 0x{status:08X}"


def status_words(status: int) -> str:
    """Return the standard's name of a status code and what the standard says of it."""
    from asyncua.ua.status_codes import code_to_name_doc

    named = code_to_name_doc.get(status & 0xFFFF_0000)
    return ": ".join(word for word in named if word) if named else status_name(status)


def judge(bound: BoundPoint, raw: object, status: int) -> Judged:
    """Return `(value, reason, words)` for what the server gave for a point.

    The value is NaN exactly when the reason is bad. A bad status hides whatever value came with it; an uncertain
    one is kept with its name.
    """
    if status >= BAD:
        return math.nan, Reason.BAD_STATUS, status_name(status)
    value, reason, words = _value_of(bound, raw)
    if status >= UNCERTAIN and reason < FIRST_BAD:
        return value, Reason.UNCERTAIN_STATUS, status_name(status)
    return value, reason, words


def _value_of(bound: BoundPoint, raw: object) -> Judged:
    address = cast("OpcUaPoint", bound.point.address)
    if address.method:
        return math.nan, Reason.NOT_AVAILABLE, "a method is called, it has no value"
    try:
        raw = pick(address, raw)
    except Unfit as error:
        return math.nan, error.reason, str(error)
    if raw is None:
        return math.nan, Reason.NOT_AVAILABLE, "the server has no value"
    return _state(bound, raw) if bound.state_ids else _number(raw)


@dataclass(frozen=True, slots=True)
class Opaque:
    """A structure that could not be decoded, with the reason."""

    words: str


class Unfit(ValueError):
    """Raised when a value has not the shape that the profile wants: no such element, no such field."""

    def __init__(self, reason: Reason, words: str) -> None:
        self.reason = reason
        super().__init__(words)


def pick(address: OpcUaPoint, raw: object) -> object:
    """Return the element and the field of a node's value that a point wants; `Unfit` where there is none."""
    if address.index is not None and raw is not None:
        raw = _element(raw, address.index)
    for name in address.field.split(".") if address.field else ():
        if raw is None:
            return None
        raw = _member(raw, name)
    return raw


def _element(raw: object, index: int) -> object:
    if not isinstance(raw, list):
        raise Unfit(Reason.WRONG_TYPE, f"the profile wants element {index} of an array, found {_shown(raw)}")
    if index >= len(raw):
        raise Unfit(Reason.WRONG_TYPE, f"an array of {len(raw)} has no element {index}")
    return cast("object", raw[index])


def _member(raw: object, name: str) -> object:
    """Return a field of a structure: a dict as `structures` decodes it, or a dataclass of the library."""
    if isinstance(raw, dict):
        known = list(raw)
    else:
        if isinstance(raw, Opaque):
            raise Unfit(Reason.UNDECODABLE, raw.words)
        known = list(getattr(type(raw), "__dataclass_fields__", ()))
    if not known:
        raise Unfit(
            Reason.WRONG_TYPE, f"the profile wants the field {name} of a structure, found {_shown(raw)}"
        )
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        meant = f" (did you mean {near[0]}?)" if near else ""
        raise Unfit(Reason.WRONG_TYPE, f"the structure has no field {name[:60]}{meant}")
    return cast("object", raw[name] if isinstance(raw, dict) else getattr(raw, name))


def _state(bound: BoundPoint, raw: object) -> Judged:
    code = getattr(raw, "Text", raw)  # LocalizedText
    if not isinstance(code, (bool, int, float, str)):
        return math.nan, Reason.WRONG_TYPE, f"a state is a number or a text, found {_shown(raw)}"
    value = bound.state(cast("int | str", code))
    if math.isnan(value):
        return value, Reason.UNKNOWN_STATE, f"the profile has no state {_shown(code)}"
    return value, Reason.GOOD, ""


def _number(raw: object) -> Judged:
    if not isinstance(raw, (bool, int, float)):
        return math.nan, Reason.WRONG_TYPE, f"a number is wanted, found {_shown(raw)}"
    value = float(raw)
    if not math.isfinite(value):
        return math.nan, Reason.NOT_A_NUMBER, f"found {raw}"
    if isinstance(raw, int) and abs(raw) > _EXACT:
        return value, Reason.IMPRECISE, f"exactly {raw}"
    return value, Reason.GOOD, ""


def _shown(raw: object) -> str:
    if isinstance(raw, list):
        return f"an array of {len(raw)} (say which element by `index`)"
    text = repr(raw)
    return f"{type(raw).__name__} {text if len(text) <= 60 else text[:57] + '...'}"
