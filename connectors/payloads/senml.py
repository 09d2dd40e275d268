"""SenML (RFC 8428): packs of records in JSON and CBOR, to resolved records and back. Pure."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from twin.model import units

Value = bool | float | int | str | bytes

_VERSION = 10
# A record takes some 15 µs and as little as three bytes of CBOR.
MOST_RECORDS = 5_000
# RFC 8428, section 4.5.3: a time below this is relative to now.
_FIRST_ABSOLUTE_S = 2**28
# RFC 8428, table 4: integer labels of CBOR.
LABELS: Mapping[int, str] = {
    -1: "bver",
    -2: "bn",
    -3: "bt",
    -4: "bu",
    -5: "bv",
    -6: "bs",
    0: "n",
    1: "u",
    2: "v",
    3: "vs",
    4: "vb",
    5: "s",
    6: "t",
    7: "ut",
    8: "vd",
}
_NUMBERS = {label: number for number, label in LABELS.items()}
_TEXTS = frozenset({"bn", "bu", "n", "u", "vs"})
_REALS = frozenset({"bt", "bv", "bs", "v", "s", "t", "ut", "bver"})

# RFC 8428, section 12.1, where the symbol is not the UCUM code itself. Note 2 there: `%` is a ratio, not a percentage.
UCUM: Mapping[str, str] = {
    "/": "1",
    "%": "1",
    "%RH": "%",
    "%EL": "%",
    "EL": "s",
    "count": "1",
    "beats": "1",
    "1/s": "/s",
    "1/min": "/min",
    "beat/min": "/min",
    "lat": "deg",
    "lon": "deg",
    "pH": "[pH]",
    "dBW": "dB[W]",
    "Bspl": "B[SPL]",
}


@dataclass(frozen=True, slots=True)
class Record:
    """One resolved record.

    `own` is the name without the base name. `value` is None where the record holds only a sum. `time_ns` is ns UTC,
    0 where the device gave no time.
    """

    name: str
    own: str
    unit: str | None
    value: Value | None
    total: float | None
    time_ns: int


class SenmlError(ValueError):
    """Raised when a pack does not follow RFC 8428; the message is for a person."""


def resolve(pack: object, now_ns: int) -> list[Record]:
    """Return the records of a decoded pack with base fields applied and absolute times (RFC 8428, section 4.6).

    `pack` is what the JSON or CBOR holds. Records that carry only base fields are left out. SenmlError when the pack
    is not one, or has a field that must be understood and is not.
    """
    if not isinstance(pack, Sequence) or isinstance(pack, str | bytes):
        message = "a SenML pack is a list of records"
        raise SenmlError(message)
    if len(pack) > MOST_RECORDS:
        message = f"{len(pack)} records, more than the {MOST_RECORDS} that are read"
        raise SenmlError(message)
    base: dict[str, Any] = {}
    records = []
    for entry in pack:
        fields = _fields(entry)
        base.update({label: value for label, value in fields.items() if label.startswith("b")})
        if not fields.keys().isdisjoint(("v", "vs", "vb", "vd", "s")):
            records.append(_record(fields, base, now_ns))
    return records


def _fields(entry: object) -> dict[str, Any]:
    if not isinstance(entry, Mapping):
        message = "a SenML record is a map"
        raise SenmlError(message)
    fields: dict[str, Any] = {}
    for label, value in entry.items():
        name = LABELS.get(label, "") if type(label) is int else label
        if not isinstance(name, str):
            message = "a SenML label is a text or an integer"
            raise SenmlError(message)
        fields[name] = _checked(name, value)
    return fields


def _checked(label: str, value: object) -> object:
    if label in _TEXTS and not isinstance(value, str):
        message = f"SenML field {label} holds no text"
        raise SenmlError(message)
    if label.endswith("_"):
        message = f"SenML field {label[:40]} must be understood and is not"
        raise SenmlError(message)
    return _real(label, value) if label in _REALS else value


def _real(label: str, value: object) -> float:
    """Return a number; CBOR may hold it as a decimal fraction (RFC 8428, section 6)."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | Fraction):
        message = f"SenML field {label} holds no number"
        raise SenmlError(message)
    number = value if isinstance(value, int | float) else float(value)
    if label == "bver" and number > _VERSION:
        message = f"SenML version {number} is not understood, only {_VERSION}"
        raise SenmlError(message)
    return number


def _record(fields: Mapping[str, Any], base: Mapping[str, Any], now_ns: int) -> Record:
    own = fields.get("n", "")
    total = None
    if "s" in fields or "bs" in base:
        total = float(fields.get("s", 0)) + float(base.get("bs", 0))
    return Record(
        name=base.get("bn", "") + own,
        own=own,
        unit=fields.get("u", base.get("bu")),
        value=_value(fields, base),
        total=total,
        time_ns=_time(float(base.get("bt", 0)) + float(fields.get("t", 0)), now_ns),
    )


def _value(fields: Mapping[str, Any], base: Mapping[str, Any]) -> Value | None:
    if "v" in fields:
        value: float = fields["v"] + base["bv"] if "bv" in base else fields["v"]
        return value
    for label, kind in (("vs", str), ("vb", bool)):
        if label in fields:
            if not isinstance(fields[label], kind):
                message = f"SenML field {label} holds no {kind.__name__}"
                raise SenmlError(message)
            held: Value = fields[label]
            return held
    return _data(fields["vd"]) if "vd" in fields else None


def _data(found: object) -> bytes:
    """Return a data value: bytes in CBOR, unpadded URL-safe base64 in JSON."""
    if isinstance(found, bytes):
        return found
    try:
        text = str(found)
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        message = "SenML field vd holds no base64"
        raise SenmlError(message) from error


def _time(seconds: float, now_ns: int) -> int:
    if not math.isfinite(seconds) or abs(seconds) > 2**33:
        message = f"SenML time {seconds} is no time"
        raise SenmlError(message)
    if seconds == 0:
        return 0
    # A float of this size is good to a quarter of a microsecond; more digits would be invented.
    since = round(seconds * 1e6) * 1_000
    return since if seconds >= _FIRST_ABSOLUTE_S else now_ns + since


class Pack:
    """The records of a pack by name, whole or without the base name."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = records
        self._by_name: dict[str, list[Record]] = {}
        for record in records:
            for name in {record.name, record.own}:
                self._by_name.setdefault(name, []).append(record)

    def of(self, name: str | None) -> Sequence[Record]:
        """Return the records of a name, oldest first; all when None asks for the only name that there is.

        What has no time of its own is the newest; of equal times the later in the pack is.
        """
        if name is None:
            found = self.records if len({record.name for record in self.records}) == 1 else ()
        else:
            found = self._by_name.get(name, ())
        return sorted(found, key=lambda record: record.time_ns or math.inf)


def find(records: Sequence[Record], name: str | None) -> Record | None:
    """Return the newest record of that name, whole or without its base name; the only one when None asks for it."""
    return next(reversed(Pack(records).of(name)), None)


def fits(unit: str, wanted: str, scale: float, offset: float) -> bool:
    """Whether a value in the SenML unit becomes `wanted` by this scale and offset: the profile means the same unit."""
    try:
        meant = units.conversion(UCUM.get(unit, unit), wanted)
    except units.UnitError:
        return False
    near = 1e-9 * max(1.0, abs(offset))
    return math.isclose(meant.scale, scale, rel_tol=1e-9) and math.isclose(meant.offset, offset, abs_tol=near)


def build(
    values: Mapping[str, Value],
    *,
    base_name: str = "",
    time_ns: int = 0,
    units_of: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Return a pack with JSON labels and one record a value; `time_ns` 0 leaves the time out.

    `units_of` gives SenML symbols by name.
    """
    records = [_entry(name, value, (units_of or {}).get(name)) for name, value in values.items()]
    base = {**({"bn": base_name} if base_name else {}), **({"bt": time_ns / 1e9} if time_ns else {})}
    return [{**base, **records[0]}, *records[1:]] if records else []


def _entry(name: str, value: Value, unit: str | None) -> dict[str, Any]:
    label = {bool: "vb", str: "vs", bytes: "vd"}.get(type(value), "v")
    named = {"n": name} if name else {}
    return {**named, **({"u": unit} if unit else {}), label: value}


def to_json(pack: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a pack as JSON can hold it: data as unpadded URL-safe base64."""
    return [{label: _jsonable(value) for label, value in entry.items()} for entry in pack]


def _jsonable(value: object) -> object:
    if isinstance(value, bytes):
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
    return value


def to_cbor(pack: Sequence[Mapping[str, Any]]) -> list[dict[int | str, Any]]:
    """Return a pack with the integer labels of CBOR."""
    return [{_NUMBERS.get(label, label): value for label, value in entry.items()} for entry in pack]
