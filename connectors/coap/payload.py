"""Payloads to frames and values to payloads. Pure: the simulator writes with what the connector reads with."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import cbor2
import numpy as np

from connectors.coap import senml
from connectors.coap.config import CoapPoint, Format, address_of
from twin.frame import Frame
from twin.quality import Reason

if TYPE_CHECKING:
    from twin.frame import Ids
    from twin.model.bound import BoundPoint
    from twin.model.district import Point
    from twin.model.spec import StateKey

MOST_BYTES = 65_536
_MOST_WORDS = 60
_MOST_BITS = 128
_EXACT = 2**53
_NUMBER = re.compile(
    r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?(?:nan|inf|infinity)", re.ASCII | re.IGNORECASE
)
_INTEGER = re.compile(r"[+-]?\d{1,400}", re.ASCII)
_TRUTH = {"true": True, "false": False}


class Wire(StrEnum):
    """The five ways of writing that are understood."""

    TEXT = "text"
    JSON = "json"
    CBOR = "cbor"
    SENML_JSON = "senml+json"
    SENML_CBOR = "senml+cbor"


# CoAP Content-Formats registry: RFC 7252, section 12.3; RFC 8949, section 9.4; RFC 8428, section 12.3.
CONTENT_FORMATS: Mapping[Wire, int] = {
    Wire.TEXT: 0,
    Wire.JSON: 50,
    Wire.CBOR: 60,
    Wire.SENML_JSON: 110,
    Wire.SENML_CBOR: 112,
}
_WIRES = {number: wire for wire, number in CONTENT_FORMATS.items()}


class NoValue(ValueError):
    """Raised where an answer holds no usable value for a point; `reason` and `words` go into the frame."""

    def __init__(self, reason: Reason, words: str) -> None:
        self.reason = reason
        self.words = words
        super().__init__(words)


def shown(found: object) -> str:
    """Return what a device sent in at most 60 printable characters, for words that people read."""
    plain = "".join(char if char.isprintable() else "?" for char in _text_of(found)[: 2 * _MOST_WORDS])
    return plain if len(plain) <= _MOST_WORDS else plain[: _MOST_WORDS - 1] + "…"


def _text_of(found: object) -> str:
    """Return text of a bounded size: `repr` of a huge integer fails, and that of a structure has no bound."""
    if isinstance(found, str | bytes):
        return found if isinstance(found, str) else repr(found[: 2 * _MOST_WORDS])
    if isinstance(found, int) and found.bit_length() > _MOST_BITS:
        return f"an integer of {found.bit_length()} bits"
    if found is None or isinstance(found, bool | int | float):
        return repr(found)
    if isinstance(found, Mapping | Sequence):
        kind = "map" if isinstance(found, Mapping) else "list"
        return f"a {kind} of {len(found)}" if found else f"an empty {kind}"
    return f"a {type(found).__name__}"


class Reader:
    """Reads the answers of one resource of one device into frames."""

    def __init__(self, points: Sequence[BoundPoint], fallback: Format | None = None) -> None:
        self._points = [(bound, address_of(bound.point)) for bound in points]
        self._fallback = fallback
        self.ids: Ids = np.array([bound.id for bound in points], np.int32)

    def read(self, payload: bytes, content_format: int | None, received: int) -> Frame:
        """Return the frame of an answer: each point its value, or NaN with the reason and words.

        `content_format` is the option's number, None where there was none; `received` is ns UTC.
        """
        answer = _Answer(payload, content_format, received)
        sheet = _Sheet(len(self._points))
        for at, (bound, address) in enumerate(self._points):
            try:
                raw, time_ns = answer.find(bound.point, address, address.format or self._fallback)
                value, reason = _settle(bound, raw, textual=answer.textual)
            except NoValue as none:
                sheet.refuse(at, none.reason, none.words)
            else:
                sheet.put(at, value, reason, time_ns)
        return sheet.frame(self.ids, received)

    def refused(self, reason: Reason, words: str, received: int) -> Frame:
        """Return a frame in which every point is bad for the same reason."""
        sheet = _Sheet(len(self._points))
        for at in range(len(self._points)):
            sheet.refuse(at, reason, words)
        return sheet.frame(self.ids, received)


class _Sheet:
    """A frame in the making."""

    def __init__(self, count: int) -> None:
        self._values = np.full(count, math.nan)
        self._reasons = [Reason.GOOD] * count
        self._times = [0] * count
        self._details: dict[int, str] = {}

    def put(self, at: int, value: float, reason: Reason, time_ns: int) -> None:
        self._values[at] = value
        self._reasons[at] = reason
        self._times[at] = time_ns

    def refuse(self, at: int, reason: Reason, words: str) -> None:
        self._reasons[at] = reason
        self._details[at] = words

    def frame(self, ids: Ids, received: int) -> Frame:
        quality = np.array(self._reasons, np.uint8) if any(self._reasons) else None
        first = self._times[0] if self._times else 0
        same = all(time == first for time in self._times)
        return Frame(
            ids=ids,
            values=self._values,
            received=received,
            time=first if same else np.array(self._times, np.int64),
            quality=quality,
            details=self._details,
        )


class _Answer:
    """One payload, decoded at most once in each way of writing."""

    def __init__(self, payload: bytes, content_format: int | None, received: int) -> None:
        self._payload = payload
        self._content_format = content_format
        self._received = received
        self._decoded: dict[Wire, Any] = {}
        self.textual = False

    def find(self, point: Point, address: CoapPoint, wanted: Format | None) -> tuple[object, int]:
        """Return what stands at the address, and the device's own time of it (0: none)."""
        wire = self._wire(address, wanted)
        self.textual = wire is Wire.TEXT
        decoded = self._decode(wire)
        if wire in {Wire.SENML_JSON, Wire.SENML_CBOR}:
            return _from_record(decoded, point, address)
        return _follow(decoded, address.key), 0

    def _wire(self, address: CoapPoint, wanted: Format | None) -> Wire:
        named = None if self._content_format is None else _WIRES.get(self._content_format)
        if wanted is Format.SENML:
            return named if named in {Wire.SENML_JSON, Wire.SENML_CBOR} else self._guess_senml()
        if wanted is not None:
            return Wire(wanted.value)
        if named is not None:
            return named
        if self._content_format is not None:
            raise NoValue(
                Reason.UNDECODABLE, f"Content-Format {self._content_format} is not one that barrio reads"
            )
        return self._guess_senml() if address.name else self._guess(address)

    def _guess_senml(self) -> Wire:
        return Wire.SENML_JSON if self._payload.lstrip()[:1] in {b"[", b"{"} else Wire.SENML_CBOR

    def _guess(self, address: CoapPoint) -> Wire:
        """Without Content-Format: a key needs a structure, and JSON begins with a bracket; the rest is text."""
        if address.key is None:
            return Wire.TEXT
        return Wire.JSON if self._payload.lstrip()[:1] in {b"[", b"{"} else Wire.CBOR

    def _decode(self, wire: Wire) -> Any:
        if wire not in self._decoded:
            self._decoded[wire] = decode(wire, self._payload, self._received)
        return self._decoded[wire]


def decode(wire: Wire, payload: bytes, now_ns: int = 0) -> Any:
    """Return what a payload holds: text, a JSON or CBOR value, or a list of `senml.Record`.

    `now_ns` is what SenML's relative times refer to. NoValue when the payload is not what it should be.
    """
    if not payload:
        raise NoValue(Reason.NOT_AVAILABLE, "an empty answer")
    if len(payload) > MOST_BYTES:
        raise NoValue(Reason.UNDECODABLE, f"{len(payload)} bytes, more than the {MOST_BYTES} that are read")
    try:
        return _DECODERS[wire](payload, now_ns)
    except senml.SenmlError as error:
        raise NoValue(Reason.UNDECODABLE, shown(str(error))) from error
    except (ValueError, ArithmeticError, RecursionError, cbor2.CBORDecodeError) as error:
        raise NoValue(Reason.UNDECODABLE, f"not {wire}: {shown(payload)}") from error


def _text(payload: bytes, _now_ns: int) -> str:
    return payload.decode("utf-8").strip().rstrip("\0")


def _json(payload: bytes, _now_ns: int) -> Any:
    return json.loads(payload.decode("utf-8"))


def _cbor(payload: bytes, _now_ns: int) -> Any:
    return cbor2.loads(payload, semantic_decoders=_REFUSED_TAGS)


def _refuse_tag(_value: object, _immutable: object) -> object:
    raise NoValue(Reason.UNDECODABLE, "a tag that no reading needs")


# References to values (28, 29) let a hundred bytes stand for a structure that no memory holds; regular expressions and
# MIME messages (35, 36) are compiled and parsed for nothing. IANA registry "CBOR Tags".
_REFUSED_TAGS = dict.fromkeys((28, 29, 35, 36), _refuse_tag)


_DECODERS: Mapping[Wire, Callable[[bytes, int], Any]] = {
    Wire.TEXT: _text,
    Wire.JSON: _json,
    Wire.CBOR: _cbor,
    Wire.SENML_JSON: lambda payload, now_ns: senml.resolve(_json(payload, now_ns), now_ns),
    Wire.SENML_CBOR: lambda payload, now_ns: senml.resolve(_cbor(payload, now_ns), now_ns),
}


def _from_record(records: Sequence[senml.Record], point: Point, address: CoapPoint) -> tuple[object, int]:
    record = senml.find(records, address.name)
    if record is None:
        wanted = repr(address.name) if address.name else "the only one"
        names = shown(", ".join(dict.fromkeys(record.name for record in records)) or "none")
        raise NoValue(Reason.NOT_AVAILABLE, f"no record {wanted} in the answer, it has: {names}")
    if record.value is None:
        raise NoValue(Reason.NOT_AVAILABLE, "the record holds a sum and no value")
    if record.unit is not None and isinstance(record.value, int | float):
        _check_unit(record.unit, point, address)
    return record.value, record.time_ns


def _check_unit(unit: str, point: Point, address: CoapPoint) -> None:
    if (
        not point.quantity.unit
        or unit == address.senml_unit
        or senml.fits(unit, point.quantity.unit, point.scale, point.offset)
    ):
        return
    factor = "" if point.scale == 1 else f" after times {point.scale:g}"
    offset = "" if point.offset == 0 else f" plus {point.offset:g}"
    words = (
        f"the device's unit is {shown(unit)!r}, the profile's makes {point.quantity.unit!r}{factor}{offset}"
    )
    raise NoValue(Reason.UNDECODABLE, words)


@lru_cache(maxsize=4096)
def steps(key: str | None) -> tuple[str, ...]:
    """Return the steps of a key: a JSON pointer (RFC 6901) where it begins with `/`, else parted by dots."""
    if key is None:
        return ()
    if key.startswith("/"):
        return tuple(part.replace("~1", "/").replace("~0", "~") for part in key[1:].split("/"))
    return tuple(key.split("."))


def _follow(found: Any, key: str | None) -> object:
    if key is not None and isinstance(found, Mapping) and key in found:
        return found[key]
    for step in steps(key):
        found = _step(found, step, key)
    return found


def _step(found: Any, step: str, key: str | None) -> object:
    index = int(step) if _INTEGER.fullmatch(step) and len(step) < 10 else None
    if isinstance(found, Mapping):
        for place in (step, index):
            if place is not None and place in found:
                return cast("object", found[place])
        held = shown(", ".join(shown(name) for name in list(found)[:8]) or "none")
        raise NoValue(Reason.NOT_AVAILABLE, f"no key {key!r} in the answer, it has: {held}")
    if (
        isinstance(found, Sequence)
        and not isinstance(found, str | bytes)
        and index is not None
        and index >= 0
    ):
        if index < len(found):
            return cast("object", found[index])
        raise NoValue(Reason.NOT_AVAILABLE, f"no key {key!r} in the answer, the list ends at {len(found)}")
    raise NoValue(Reason.NOT_AVAILABLE, f"no key {key!r} in the answer, it is {shown(found)}")


def _settle(bound: BoundPoint, raw: object, *, textual: bool) -> tuple[float, Reason]:
    """Return the value of a point as frames carry it, with a reason that is good or uncertain."""
    if raw is None or raw is cbor2.undefined or (textual and not raw):
        raise NoValue(Reason.NOT_AVAILABLE, "the answer holds no value")
    if bound.state_ids:
        return _state(bound, raw), Reason.GOOD
    if textual and isinstance(raw, str) and _NUMBER.fullmatch(raw):
        raw = int(raw) if _INTEGER.fullmatch(raw) else float(raw)
    return _number(raw)


def _number(raw: object) -> tuple[float, Reason]:
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal | Fraction):
        raise NoValue(Reason.WRONG_TYPE, f"no number: {shown(raw)}")
    try:
        value = float(raw)
    except OverflowError:
        raise NoValue(Reason.WRONG_TYPE, "an integer too large for a number") from None
    inexact = isinstance(raw, int) and abs(raw) > _EXACT and int(value) != raw
    return value, Reason.IMPRECISE if inexact else Reason.GOOD


def _state(bound: BoundPoint, raw: object) -> float:
    for code in _codes(raw):
        state = bound.state(code)
        if not math.isnan(state):
            return state
    if isinstance(raw, bool | int | float | str):
        raise NoValue(Reason.UNKNOWN_STATE, f"no state: {shown(raw)}")
    raise NoValue(Reason.WRONG_TYPE, f"no state: {shown(raw)}")


def _codes(raw: object) -> Sequence[StateKey]:
    """Return what a profile may call a state that arrived as `raw`: "1", 1 and 1.0 are one code."""
    if isinstance(raw, str):
        number = [int(raw)] if _INTEGER.fullmatch(raw) else []
        truth = [_TRUTH[raw.lower()]] if raw.lower() in _TRUTH else []
        return [raw, *number, *truth]
    if isinstance(raw, float) and raw.is_integer():
        return [int(raw)]
    return [raw] if isinstance(raw, bool | int) else []


def encode(
    wire: Wire,
    values: Mapping[str, senml.Value],
    *,
    base_name: str = "",
    time_ns: int = 0,
    units_of: Mapping[str, str] | None = None,
) -> bytes:
    """Return the payload that holds these values.

    `values` are by key (JSON, CBOR), by record name (SenML), or one value under "" (text, or a bare JSON or CBOR
    value). `base_name`, `time_ns` (0: none) and `units_of` (SenML symbols by name) are for SenML. ValueError when the
    way of writing cannot hold them.
    """
    if wire is Wire.TEXT:
        return _write_text(values)
    if wire is Wire.JSON:
        return json.dumps(_plant(values), ensure_ascii=False, separators=(",", ":")).encode()
    if wire is Wire.CBOR:
        return cbor2.dumps(_plant(values))
    pack = senml.build(values, base_name=base_name, time_ns=time_ns, units_of=units_of)
    if wire is Wire.SENML_JSON:
        return json.dumps(senml.to_json(pack), ensure_ascii=False, separators=(",", ":")).encode()
    return cbor2.dumps(senml.to_cbor(pack))


def _write_text(values: Mapping[str, senml.Value]) -> bytes:
    if len(values) != 1:
        message = f"text holds one value, not {len(values)}"
        raise ValueError(message)
    (value,) = values.values()
    if isinstance(value, bytes):
        return value
    return (str(value).lower() if isinstance(value, bool) else str(value)).encode()


def _plant(values: Mapping[str, senml.Value]) -> object:
    """Return the object in which each value stands at its key."""
    if set(values) == {""}:
        return values[""]
    root: dict[str, Any] = {}
    for key, value in values.items():
        *above, last = steps(key)
        place = root
        for step in above:
            place = place.setdefault(step, {})
        place[last] = value
    return root


def serve(
    points: Sequence[tuple[Point, CoapPoint]],
    values: Mapping[str, senml.Value],
    *,
    fallback: Format | None = None,
    time_ns: int = 0,
) -> tuple[int, bytes]:
    """Return Content-Format and payload of a resource as its profile promises it, for simulators and tests.

    `points` is one entry of `resources_of`; `values` are raw values by the point's name. Points without a value are
    left out of structures; text of none is empty.
    """
    wire = _wire_of(points, fallback)
    placed = {
        _place(point, address, wire): values[point.name] for point, address in points if point.name in values
    }
    if not placed and wire is Wire.TEXT:
        return CONTENT_FORMATS[wire], b""
    return CONTENT_FORMATS[wire], encode(wire, placed, time_ns=time_ns)


def _wire_of(points: Sequence[tuple[Point, CoapPoint]], fallback: Format | None) -> Wire:
    formats = [address.format for _, address in points if address.format]
    wanted = formats[0] if formats else fallback
    if wanted is Format.SENML or (wanted is None and any(address.name for _, address in points)):
        return Wire.SENML_JSON
    if wanted is None:
        return Wire.JSON if any(address.key for _, address in points) else Wire.TEXT
    return Wire(wanted.value)


def _place(point: Point, address: CoapPoint, wire: Wire) -> str:
    if wire in {Wire.SENML_JSON, Wire.SENML_CBOR}:
        return address.name or point.name
    return address.key or ""
