"""Values and times to readings: pure, and without the OPC UA library."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from twin.quality import FIRST_BAD, Reason

if TYPE_CHECKING:
    from connectors.opcua.config import OpcUaPoint
    from twin.model.bound import BoundPoint

# Severity is the two high bits of a status code: 00 good, 01 uncertain, 10 and 11 bad (OPC 10000-4, StatusCode).
UNCERTAIN = 0x4000_0000
BAD = 0x8000_0000

_EXACT = 2**53
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS = 365 * 250  # beyond, int64 nanoseconds end; servers send year 9999 for "no time"

Judged = tuple[float, int, str]


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
    try:
        raw = pick(cast("OpcUaPoint", bound.point.address), raw)
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
