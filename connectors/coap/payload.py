"""Payloads as CoAP carries them: content formats, and values to payloads. The simulator writes with this too."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import cbor2

from connectors.coap.config import CoapPoint, Format
from connectors.payloads import senml
from connectors.payloads.decoding import PACKS, Wire, steps

if TYPE_CHECKING:
    from twin.model.district import Point

# CoAP Content-Formats registry: RFC 7252, section 12.3; RFC 8949, section 9.4; RFC 8428, section 12.3.
CONTENT_FORMATS: Mapping[Wire, int] = {
    Wire.TEXT: 0,
    Wire.JSON: 50,
    Wire.CBOR: 60,
    Wire.SENML_JSON: 110,
    Wire.SENML_CBOR: 112,
}
WIRES = {number: wire for wire, number in CONTENT_FORMATS.items()}


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
    wire = wire_of(points, fallback)
    placed = {
        place_of(point, address, wire): values[point.name]
        for point, address in points
        if point.name in values
    }
    if not placed and wire is Wire.TEXT:
        return CONTENT_FORMATS[wire], b""
    return CONTENT_FORMATS[wire], encode(wire, placed, time_ns=time_ns)


def wire_of(points: Sequence[tuple[Point, CoapPoint]], fallback: Format | None) -> Wire:
    """Return the way of writing that a resource's points promise."""
    formats = [address.format for _, address in points if address.format]
    wanted = formats[0] if formats else fallback
    if wanted is Format.SENML or (wanted is None and any(address.name for _, address in points)):
        return Wire.SENML_JSON
    if wanted is None:
        return Wire.JSON if any(address.key for _, address in points) else Wire.TEXT
    return Wire(wanted.value)


def place_of(point: Point, address: CoapPoint, wire: Wire) -> str:
    """Return under which key or record name a point's value is written."""
    if wire in PACKS:
        return address.name or point.name
    return address.key or ""
