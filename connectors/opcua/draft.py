"""The draft of a profile, from what a server says of its variables: pure text.

What the server does not say is not guessed: a point whose quantity is not certain says `CHOOSE`, so that the draft
fails `barrio check` until a person has chosen.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from connectors.drafts import CHOOSE, Names, as_key, quoted, remark
from twin.model import units
from twin.model.catalogue import CATALOGUE
from twin.model.quantities import Aggregation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from connectors.opcua.nodes import NodeAddress
    from twin.model.quantities import Quantity

_MOST_SUGGESTED = 6
_MOST_LEFT_OUT = 50
_MOST_STATES = 200
_LONGEST_STATE = 64
_LONGEST_DESCRIPTION = 300


class Kind(StrEnum):
    """What a variable, or a field of a structure, holds."""

    NUMBER = "number"
    FLAG = "flag"
    STATES = "states"
    STRUCTURE = "structure"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Type:
    """A data type: `fields` of a structure by name, `states` of an enumeration by code."""

    kind: Kind
    name: str = ""
    states: Mapping[int, str] = field(default_factory=dict)
    fields: Mapping[str, Type] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of a server; `path` are the browse names from Objects to it, `unit` is UCUM, "" if unknown."""

    path: tuple[str, ...]
    node: NodeAddress
    type: Type
    unit: str = ""
    unit_name: str = ""
    low: float = math.nan
    high: float = math.nan
    length: int | None = None
    writable: bool = False
    description: str = ""


def draft(endpoint: str, product: str, options: Mapping[str, object], variables: Sequence[Variable]) -> str:
    """Return the text of a profile for `variables`; `options` are those with which they were read."""
    names = Names()
    points: list[str] = []
    left_out: list[str] = []
    for one in variables:
        lines = list(_points(one, names))
        points += lines
        if not lines:
            left_out.append(f"{'/'.join(one.path)} ({one.type.name or one.type.kind})")
    lines = [
        f"# A draft by `barrio discover opcua`. Say what the device is (kind), and choose where it says {CHOOSE}.",
        "profile: discovered-opcua",
        "protocol: opcua",
        "kind: Device",
        f"source: {quoted(remark(f'browsed at {endpoint}: {product}', _LONGEST_DESCRIPTION))}",
        f"options: {{{', '.join(f'{key}: {_scalar(value)}' for key, value in options.items())}}}",
        "points:",
        *(f"  {line}" for line in points),
    ]
    if left_out:
        lines += ["", "# Left out, because they hold no number, flag or state:"]
        lines += [f"#   {remark(one)}" for one in left_out[:_MOST_LEFT_OUT]]
        if len(left_out) > _MOST_LEFT_OUT:
            lines.append(f"#   and {len(left_out) - _MOST_LEFT_OUT} more")
    return "\n".join(lines) + "\n"


def _points(one: Variable, names: Names) -> Iterator[str]:
    """Yield the lines of a variable's points: one, or one for each field of a structure."""
    if one.type.kind is not Kind.STRUCTURE:
        if one.type.kind is not Kind.OTHER:
            yield _point(one, one.type, "", names)
        return
    for name, inner in one.type.fields.items():
        if inner.kind not in (Kind.STRUCTURE, Kind.OTHER):
            yield _point(one, inner, name, names)


def _point(one: Variable, kind: Type, inner: str, names: Names) -> str:
    name = _name((*one.path, inner) if inner else one.path, names)
    quantity, notes = _quantity(inner or one.path[-1], kind, one.unit)
    keys = [f"quantity: {quantity.name if quantity else CHOOSE}", f"node: {quoted(_braced(str(one.node)))}"]
    if inner:
        keys.append(f"field: {quoted(_braced(inner))}")
    if one.length is not None:
        keys.append("index: 0")
        notes.append(f"an array of {one.length or 'any length'}: one point for each element that is wanted")
    if kind.kind is Kind.NUMBER:
        keys += _number_keys(one, quantity, notes)
    if kind.states:
        keys.append(f"states: {{{', '.join(_states(kind))}}}")
    if one.writable:
        keys.append("writable: true")
    if one.description:
        keys.append(f"description: {quoted(remark(one.description, _LONGEST_DESCRIPTION))}")
    comment = f"  # {remark('; '.join(notes))}" if notes else ""
    return f"{as_key(name)}: {{{', '.join(keys)}}}{comment}"


def _states(kind: Type) -> Iterator[str]:
    for code, state in kind.states.items():
        yield f"{str(bool(code)).lower() if kind.kind is Kind.FLAG else code}: {quoted(state)}"


def _number_keys(one: Variable, quantity: Quantity | None, notes: list[str]) -> Iterator[str]:
    if one.unit:
        yield f"unit: {quoted(one.unit)}"
    elif one.unit_name:
        notes.append(f"the server's unit is {one.unit_name!r}")
    if not (math.isfinite(one.low) and math.isfinite(one.high) and one.low < one.high):
        return
    if quantity is not None and not _overlaps(one, quantity):
        notes.append(f"the server's range {one.low:g} to {one.high:g} does not fit the quantity")
        return
    yield f"minimum: {one.low!r}"
    yield f"maximum: {one.high!r}"


def _overlaps(one: Variable, quantity: Quantity) -> bool:
    convert = units.conversion(one.unit or quantity.unit, quantity.unit)
    return max(convert(one.low), quantity.minimum) < min(convert(one.high), quantity.maximum)


def _quantity(name: str, kind: Type, unit: str) -> tuple[Quantity | None, list[str]]:
    """Return the quantity that name, type and unit agree on, None with notes for the person who chooses."""
    named = CATALOGUE.get(_snake(name))
    if kind.kind is Kind.NUMBER:
        if named is not None and unit and _converts(unit, named):
            return named, []
        return None, _suggestions(named, unit)
    states = set(kind.states.values())
    if named is not None and states and states <= set(named.states):
        return named, []
    notes = ["true and false"] if kind.kind is Kind.FLAG else []
    same = [one.name for one in CATALOGUE.values() if states and states <= set(one.states)]
    return None, notes + ([f"could be {', '.join(same[:_MOST_SUGGESTED])}"] if same else [])


def _suggestions(named: Quantity | None, unit: str) -> list[str]:
    if named is not None and not unit and named.aggregation is not Aggregation.STATE:
        return [f"{named.name} if its unit is {named.unit}"]
    if not unit:
        return ["the server gives no unit"]
    fits = [one.name for one in CATALOGUE.values() if _converts(unit, one)]
    more = ", …" if len(fits) > _MOST_SUGGESTED else ""
    return [f"in {unit}: {', '.join(fits[:_MOST_SUGGESTED])}{more}"] if fits else []


def _converts(unit: str, quantity: Quantity) -> bool:
    if quantity.aggregation is Aggregation.STATE:
        return False
    try:
        units.conversion(unit, quantity.unit)
    except units.UnitError:
        return False
    return True


def states_of(names: Iterable[tuple[int, str]]) -> dict[int, str]:
    """Return codes with names as a profile takes them: as the server writes them, in lower case with underscores."""
    found: dict[int, str] = {}
    for code, name in names:
        if len(found) == _MOST_STATES:
            break
        found[code] = _snake(name)[:_LONGEST_STATE] or f"state_{code}"
    return found


def _snake(name: str) -> str:
    parts = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"[^a-z0-9]+", "_", parts.lower()).strip("_")


def _name(path: Sequence[str], names: Names) -> str:
    """Return an id for a point: its browse name, with those above it as far as that is needed to tell it apart."""
    return names.make(*(_snake("_".join(path[-count:])) for count in range(1, len(path) + 1)))


def _braced(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _scalar(value: object) -> str:
    return quoted(value) if isinstance(value, str) else json.dumps(value, default=str)
