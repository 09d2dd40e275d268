"""What stands in a decoded payload, and what it is as a reading. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import cbor2

from connectors.payloads.decoding import NoValue, shown, steps
from twin.quality import Reason

if TYPE_CHECKING:
    from twin.model.bound import BoundPoint
    from twin.model.spec import StateKey

_EXACT = 2**53
_NUMBER = re.compile(
    r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?(?:nan|inf|infinity)", re.ASCII | re.IGNORECASE
)
_INTEGER = re.compile(r"[+-]?\d{1,400}", re.ASCII)
_INDEX = re.compile(r"\d{1,9}", re.ASCII)
_TRUTH = {"true": True, "false": False}


class Missing(NoValue):
    """Raised where a payload does not have the place that a profile names."""

    def __init__(self, words: str) -> None:
        super().__init__(Reason.NOT_AVAILABLE, words)


def follow(found: Any, key: str | None) -> object:
    """Return what stands at a key (`steps`); Missing where nothing does. CBOR may have integers for keys."""
    if key is not None and isinstance(found, Mapping) and key in found:
        return found[key]
    for step in steps(key):
        found = _step(found, step, key)
    return found


def _step(found: Any, step: str, key: str | None) -> object:
    index = int(step) if _INDEX.fullmatch(step) else None
    if isinstance(found, Mapping):
        for place in (step, index):
            if place is not None and place in found:
                return cast("object", found[place])
        held = shown(", ".join(shown(name) for name in list(found)[:8]) or "none")
        raise Missing(f"no key {key!r} in the answer, it has: {held}")
    if index is not None and isinstance(found, Sequence) and not isinstance(found, str | bytes):
        if index < len(found):
            return cast("object", found[index])
        raise Missing(f"no key {key!r} in the answer, the list ends at {len(found)}")
    raise Missing(f"no key {key!r} in the answer, it is {shown(found)}")


def settle(
    bound: BoundPoint, raw: object, *, textual: bool, null_values: Sequence[object] = ()
) -> tuple[float, Reason]:
    """Return a raw value as frames carry it, with a reason that is good or uncertain; NoValue when it is none.

    `textual` says that a number may be written as text, `null_values` by what the device says that it has none.
    """
    if raw is None or raw is cbor2.undefined or (textual and raw == ""):
        raise NoValue(Reason.NOT_AVAILABLE, "the answer holds no value")
    if null_values and is_null(raw, null_values):
        raise NoValue(Reason.NOT_AVAILABLE, f"the device writes {shown(raw)} for no value")
    if bound.state_ids:
        return _state(bound, raw), Reason.GOOD
    return _number(plain(raw) if textual else raw)


def is_null(raw: object, null_values: Sequence[object]) -> bool:
    """Whether a raw value is one of those by which a device says that it has none; 1 is not true."""
    held = plain(raw)
    return any(
        null in (raw, held) and isinstance(held, bool) is isinstance(null, bool) for null in null_values
    )


def plain(raw: object) -> object:
    """Return the number that a text writes, anything else as it is."""
    if isinstance(raw, str) and _NUMBER.fullmatch(raw):
        return int(raw) if _INTEGER.fullmatch(raw) else float(raw)
    return raw


def _number(raw: object) -> tuple[float, Reason]:
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal | Fraction):
        raise NoValue(Reason.WRONG_TYPE, f"no number: {shown(raw)}")
    try:
        value = float(raw)
    except (OverflowError, ValueError):
        raise NoValue(Reason.WRONG_TYPE, "an integer too large for a number") from None
    inexact = isinstance(raw, int) and abs(raw) > _EXACT and int(value) != raw
    return value, Reason.IMPRECISE if inexact else Reason.GOOD


def _state(bound: BoundPoint, raw: object) -> float:
    for code in codes_of(raw):
        state = bound.state(code)
        if not math.isnan(state):
            return state
    if isinstance(raw, bool | int | float | str):
        raise NoValue(Reason.UNKNOWN_STATE, f"no state: {shown(raw)}")
    raise NoValue(Reason.WRONG_TYPE, f"no state: {shown(raw)}")


def codes_of(raw: object) -> Sequence[StateKey]:
    """Return the codes that a raw value may mean: itself, and what a text or a whole number writes."""
    if isinstance(raw, str):
        held = plain(raw)
        truth = _TRUTH.get(raw.lower())
        return [raw, *([held] if isinstance(held, int) else []), *([] if truth is None else [truth])]
    if isinstance(raw, float):
        return [int(raw)] if raw.is_integer() else []
    return [raw] if isinstance(raw, bool | int) else []


def is_number(raw: object) -> bool:
    """Whether a raw value is a number, or a text that writes one."""
    held = plain(raw)
    return isinstance(held, int | float) and not isinstance(held, bool)
