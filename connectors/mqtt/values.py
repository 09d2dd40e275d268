"""What stands in a decoded payload, and what it is as a reading. Pure; knows no protocol."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import cbor2

from connectors.mqtt.config import Clock
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
_PER_SECOND = {
    Clock.SECONDS: 1,
    Clock.MILLISECONDS: 10**3,
    Clock.MICROSECONDS: 10**6,
    Clock.NANOSECONDS: 10**9,
}
# 2255; beyond it nanoseconds do not fit into 64 bits.
_LAST_S = 9_000_000_000


def follow(found: Any, key: str | None) -> object:
    """Return what stands at a key (`steps`); KeyError with words for a person where nothing does."""
    if key is not None and isinstance(found, Mapping) and key in found:
        return found[key]
    for step in steps(key):
        found = _step(found, step, key)
    return found


def _step(found: Any, step: str, key: str | None) -> object:
    if isinstance(found, Mapping):
        if step in found:
            return cast("object", found[step])
        held = shown(", ".join(shown(name) for name in list(found)[:8]) or "none")
        raise KeyError(f"no key {key!r} in the message, it has: {held}")
    if isinstance(found, Sequence) and not isinstance(found, str | bytes) and _INDEX.fullmatch(step):
        if int(step) < len(found):
            return cast("object", found[int(step)])
        raise KeyError(f"no key {key!r} in the message, the list ends at {len(found)}")
    raise KeyError(f"no key {key!r} in the message, it is {shown(found)}")


def settle(
    bound: BoundPoint, raw: object, *, textual: bool, null_values: Sequence[object] = ()
) -> tuple[float, Reason]:
    """Return a raw value as frames carry it, with a reason that is good or uncertain; NoValue when it is none.

    `textual` says that a number may be written as text, `null_values` by what the device says that it has none.
    """
    if raw is None or raw is cbor2.undefined or (textual and raw == ""):
        raise NoValue(Reason.NOT_AVAILABLE, "the message holds no value")
    if null_values and is_null(raw, null_values):
        raise NoValue(Reason.NOT_AVAILABLE, f"the device writes {shown(raw)} for no value")
    if bound.state_ids:
        return _state(bound, raw), Reason.GOOD
    return _number(_plain(raw) if textual else raw)


def is_null(raw: object, null_values: Sequence[object]) -> bool:
    """Whether a raw value is one of those by which a device says that it has none; 1 is not true."""
    plain = _plain(raw)
    return any(
        null in (raw, plain) and isinstance(plain, bool) is isinstance(null, bool) for null in null_values
    )


def _plain(raw: object) -> object:
    """Return the number that a text writes, anything else as it is."""
    if isinstance(raw, str) and _NUMBER.fullmatch(raw):
        return int(raw) if _INTEGER.fullmatch(raw) else float(raw)
    return raw


def _number(raw: object) -> tuple[float, Reason]:
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal):
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
        plain = _plain(raw)
        truth = _TRUTH.get(raw.lower())
        return [raw, *([plain] if isinstance(plain, int) else []), *([] if truth is None else [truth])]
    if isinstance(raw, float):
        return [int(raw)] if raw.is_integer() else []
    return [raw] if isinstance(raw, bool | int) else []


def time_of(raw: object, clock: Clock | None) -> int:
    """Return ns UTC of a device's time; NoValue when it is none that can be. A local time without zone is none."""
    if isinstance(raw, str) and clock in {None, Clock.ISO}:
        return _iso(raw)
    number = _plain(raw)
    if isinstance(number, bool) or not isinstance(number, int | float) or clock is Clock.ISO:
        raise NoValue(Reason.UNDECODABLE, f"no time: {shown(raw)}")
    per_second = _PER_SECOND[clock or Clock.SECONDS]
    if not 0 < number <= _LAST_S * per_second:
        raise NoValue(Reason.UNDECODABLE, f"no time in {clock or Clock.SECONDS} since 1970: {shown(raw)}")
    if isinstance(number, int):
        return number * (10**9 // per_second)
    # A float of this size is good to a quarter of a microsecond; more digits would be invented.
    return round(number * (10**6 / per_second)) * 1_000


def _iso(raw: str) -> int:
    try:
        moment = datetime.fromisoformat(raw.strip())
    except ValueError:
        raise NoValue(Reason.UNDECODABLE, f"no time: {shown(raw)}") from None
    if moment.tzinfo is None:
        raise NoValue(Reason.UNDECODABLE, f"a time without its zone: {shown(raw)}")
    since = moment.timestamp()
    if not 0 < since <= _LAST_S:
        raise NoValue(Reason.UNDECODABLE, f"no time after 1970: {shown(raw)}")
    return round(since * 1e6) * 1_000


def is_number(raw: object) -> bool:
    """Whether a raw value is a number, or a text that writes one."""
    plain = _plain(raw)
    return isinstance(plain, int | float) and not isinstance(plain, bool)
