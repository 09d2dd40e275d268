"""A draft of a profile from what a device answered. Pure; nothing is guessed: what is not certain is left to choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connectors.coap.payload import WIRES
from connectors.drafts import CHOOSE, Names, as_key, plain_id, quoted
from connectors.payloads import senml
from connectors.payloads.decoding import PACKS, NoValue, Wire, decode, shown
from twin.model import units
from twin.model.catalogue import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.coap.config import CoapOptions
    from connectors.coap.linkformat import CoreLink
    from twin.model.protocol import Endpoint

_MOST_LEAVES = 32
_DEEPEST = 4
_MOST_NAMED = 4
_FORMATS = {Wire.TEXT: "text", Wire.JSON: "json", Wire.CBOR: "cbor"} | dict.fromkeys(PACKS, "senml")


@dataclass(frozen=True, slots=True)
class Seen:
    """What one resource answered: Content-Format (None: none) and payload, or `words` why it gave nothing."""

    link: CoreLink
    content_format: int | None
    payload: bytes
    observable: bool = False
    words: str = ""


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One value of a resource, as a point in the making."""

    name: str
    keys: Mapping[str, str]
    value: object
    unit: str = ""
    remark: str = ""


def drafted(endpoint: Endpoint, options: CoapOptions, seen: Sequence[Seen]) -> str:
    """Return the text of a profile: a point for each value that was seen, its quantity where that is certain."""
    names = Names()
    lines = [line for one in seen for line in _lines(one, names)]
    head = [
        "profile: draft  # name the file after it",
        "protocol: coap",
        "kind: Device  # what it is, such as WeatherStation",
        f"source: {quoted(f'asked at {endpoint.peer}')}",
        "poll: 60s",
        *_options(options),
        "points:" if any(not line.lstrip().startswith("#") for line in lines) else "points: {}",
    ]
    return "\n".join([*head, *lines, ""])


def _options(options: CoapOptions) -> Iterator[str]:
    if options.oscore is not None:
        yield "# options.oscore belongs into the device's overrides: each device has ids and a secret of its own"
    if options.psk is not None:
        yield "# options.psk_identity and options.psk belong into the device's overrides"


def _lines(one: Seen, names: Names) -> Iterator[str]:
    about = _about(one)
    if one.words:
        yield f"  # {shown(one.link.target)}: {_comment(one.words)}{about}"
        return
    wire = _wire(one)
    if wire is None:
        yield f"  # {shown(one.link.target)}: Content-Format {one.content_format} is not one that barrio reads{about}"
        return
    try:
        decoded = decode(wire, one.payload, 0)
    except NoValue as none:
        yield f"  # {shown(one.link.target)}: {_comment(none.words)}{about}"
        return
    yield from (_line(leaf, one, wire, names, about) for leaf in _leaves(wire, decoded, one.link.target))


def _wire(one: Seen) -> Wire | None:
    return Wire.TEXT if one.content_format is None else WIRES.get(one.content_format)


def _about(one: Seen) -> str:
    """Return what the device itself says of a resource, as the rest of a comment."""
    said = [
        f"{name}={_comment(one.link.attributes[name])}"
        for name in ("rt", "if")
        if name in one.link.attributes
    ]
    listed = "obs" in one.link.attributes
    if one.observable:
        said.append("observable")
    elif listed:
        said.append("listed as observable, and was not")
    return "".join(f"; {words}" for words in said)


def _line(leaf: _Leaf, one: Seen, wire: Wire, names: Names, about: str) -> str:
    quantity, candidates = _quantity(leaf)
    keys = {"quantity": quantity, "resource": one.link.target, "format": _FORMATS[wire], **leaf.keys}
    if leaf.unit and quantity != CHOOSE:
        keys["unit"] = leaf.unit
    if not one.observable:
        keys["observe"] = "false"
    body = ", ".join(f"{key}: {_yaml(key, value)}" for key, value in keys.items())
    remarks = f"{_comment(shown(leaf.value))}{leaf.remark}{about}"
    offer = f"; in its unit: {', '.join(candidates)}" if candidates else ""
    return f"  {as_key(names.make(leaf.name))}: {{{body}}}  # was {remarks}{offer}"


def _yaml(key: str, value: str) -> str:
    """Return a scalar of a flow mapping; what the device wrote always stands in quotes."""
    return value if key in {"quantity", "format", "observe"} else quoted(value)


def _comment(text: str) -> str:
    return shown(text).replace("#", "")


def _leaves(wire: Wire, decoded: Any, target: str) -> Iterator[_Leaf]:
    if wire in PACKS:
        yield from _records(decoded)
    elif wire is Wire.TEXT or not isinstance(decoded, dict | list):
        yield _Leaf(target, {}, decoded)
    else:
        found: list[tuple[tuple[str, ...], object]] = []
        _walk(decoded, (), found)
        for steps, value in found:
            pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
            simple = len(steps) == 1 and "." not in steps[0] and not steps[0].startswith("/")
            yield _Leaf(f"{target}_{'_'.join(steps)}", {"key": steps[0] if simple else pointer}, value)


def _walk(found: Any, steps: tuple[str, ...], into: list[tuple[tuple[str, ...], object]]) -> None:
    if len(into) >= _MOST_LEAVES or len(steps) > _DEEPEST:
        return
    if isinstance(found, dict):
        for key, value in found.items():
            _walk(value, (*steps, str(key)[:64]), into)
    elif isinstance(found, list):
        for at, value in enumerate(found[:_MOST_LEAVES]):
            _walk(value, (*steps, str(at)), into)
    elif found is not None:
        into.append((steps, found))


def _records(records: Sequence[senml.Record]) -> Iterator[_Leaf]:
    newest = {record.name: record for record in records if record.value is not None}
    for record in list(newest.values())[:_MOST_LEAVES]:
        unit = senml.UCUM.get(record.unit or "", record.unit or "")
        remark = f" {_comment(record.unit)}" if record.unit else ""
        # The base name often holds an address of this one device; the rest of the name is what its kind shares.
        name = record.own or record.name
        yield _Leaf(name or "value", {"name": name} if name else {}, record.value, unit, remark)


def _quantity(leaf: _Leaf) -> tuple[str, Sequence[str]]:
    """Return the quantity that name and unit leave no doubt about, else `CHOOSE` and some that have the unit."""
    if not leaf.unit or isinstance(leaf.value, str | bytes):
        return CHOOSE, ()
    fitting = [
        name for name, quantity in CATALOGUE.items() if quantity.unit and _converts(leaf.unit, quantity.unit)
    ]
    named = plain_id(leaf.name)
    if named in fitting:
        return named, ()
    if len(fitting) == 1:
        return fitting[0], ()
    return CHOOSE, fitting[:_MOST_NAMED]


def _converts(unit: str, wanted: str) -> bool:
    try:
        units.conversion(unit, wanted)
    except units.UnitError:
        return False
    return True
