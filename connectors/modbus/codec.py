"""Bytes of a block <-> values. Pure, and vectorised: what is known beforehand is an index array, made once per block.

Registers travel most significant byte first (MODBUS Application Protocol V1.1b3, 4.2); how devices put larger values
into several registers is their own affair, see `Order`. Bits travel eight to a byte, the first in the least significant
bit (V1.1b3, 6.1).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from connectors.modbus.config import Order, ValueType, address_of
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connectors.modbus.config import ModbusPoint
    from connectors.modbus.plan import Block
    from twin.frame import Ids, Qualities, Values
    from twin.model.bound import BoundPoint

Index = npt.NDArray[np.intp]
Bytes = npt.NDArray[np.uint8]

EXACT = 2**53
"""Integers up to here are kept exactly by a float64."""

_FORMATS = {
    ValueType.INT16: "<h",
    ValueType.UINT16: "<H",
    ValueType.INT32: "<i",
    ValueType.UINT32: "<I",
    ValueType.INT64: "<q",
    ValueType.UINT64: "<Q",
    ValueType.FLOAT32: "<f",
    ValueType.FLOAT64: "<d",
}


def wire_positions(kind: ValueType, order: Order) -> tuple[int, ...]:
    """Return where on the wire each byte of a value travels, the least significant byte first."""
    positions = []
    for significance in reversed(range(2 * kind.registers)):
        word, half = divmod(significance, 2)
        word = kind.registers - 1 - word if order.last_word_first else word
        half = 1 - half if order.swaps_bytes else half
        positions.append(2 * word + half)
    return tuple(positions)


def encode(kind: ValueType, order: Order, value: float) -> bytes:
    """Return the registers of `value` as they travel; the reverse of what a block decodes.

    ValueError when it is not a number of that type, or a bool, which is no register.
    """
    if kind is ValueType.BOOL:
        message = "a bool is a bit, not a register"
        raise ValueError(message)
    try:
        little = struct.pack(_FORMATS[kind], value if kind.is_float else _integer(value))
    except (struct.error, OverflowError) as error:
        message = f"{value!r} does not fit into {kind}"
        raise ValueError(message) from error
    wire = bytearray(len(little))
    for byte, position in zip(little, wire_positions(kind, order), strict=True):
        wire[position] = byte
    return bytes(wire)


def _integer(value: float) -> int:
    if value != int(value):
        message = f"{value!r} is not an integer"
        raise ValueError(message)
    return int(value)


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """What a block said: as in `Frame`, float64[n], uint8[n] or None when all are good, words by position."""

    values: Values
    quality: Qualities | None
    details: Mapping[int, str]


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """The points of one type, next to each other in the frame at `where`; `index` gathers their bytes."""

    where: slice
    kind: ValueType
    dtype: np.dtype[Any]
    index: Index
    null_at: Index
    null_patterns: npt.NDArray[Any]
    shifts: npt.NDArray[np.uint16]

    def gather(self, raw: Bytes) -> npt.NDArray[Any]:
        """Return the raw values as numbers of `dtype`, before anything is made of them."""
        return raw.take(self.index).view(self.dtype)

    def nulls(self, found: npt.NDArray[Any]) -> Index:
        """Return positions in the frame whose raw pattern means `not available`."""
        raw = found.view(self.null_patterns.dtype)
        hit = np.flatnonzero(raw.take(self.null_at) == self.null_patterns)
        return self.null_at.take(hit) + np.intp(self.where.start)


@dataclass(frozen=True, slots=True, eq=False)
class _States:
    """The points with states: `at` are their positions, `tables` map raw codes to state ids."""

    at: Index
    tables: tuple[Mapping[float, float], ...]


class BlockCodec:
    """Decoder of one block. `ids` is the frame's, int32[n]; values stand in that order, which is not the profile's."""

    def __init__(self, block: Block, default_order: Order) -> None:
        """Compile `block`; points that do not name an order have `default_order`."""
        self._of_bits = block.table.of_bits
        points = sorted(block.points, key=lambda bound: (_kind(bound).value, block.offset(bound)))
        self.ids: Ids = np.array([bound.id for bound in points], np.int32)
        self.points: tuple[BoundPoint, ...] = tuple(points)
        self._size = len(points)
        self._bits = np.array([block.offset(bound) for bound in points], np.intp)
        self._parts = () if self._of_bits else _parts(points, block, default_order)
        self._states = _compile_states(points)

    def decode(self, payload: bytes) -> Decoded:
        """Return the readings in `payload`, the registers or packed bits without header and byte count.

        The caller has checked its size against the block's `payload_size`.
        """
        raw = np.frombuffer(payload, np.uint8)
        doubts: list[tuple[Index, Reason]] = []
        if self._of_bits:
            values = np.unpackbits(raw, bitorder="little").take(self._bits).astype(np.float64)
        else:
            values = self._registers(raw, doubts)
        if self._states is None and not doubts:
            return Decoded(values, None, {})
        return self._judged(values, doubts)

    def _registers(self, raw: Bytes, doubts: list[tuple[Index, Reason]]) -> Values:
        values = np.empty(self._size)
        for part in self._parts:
            found = part.gather(raw)
            if part.kind is ValueType.BOOL:
                values[part.where] = (found >> part.shifts) & 1
            elif part.kind is ValueType.FLOAT32:
                # A signalling NaN is no fault of ours: it becomes a quiet one, and ingest names it.
                with np.errstate(invalid="ignore"):
                    values[part.where] = found
            else:
                values[part.where] = found
            if part.kind in {ValueType.INT64, ValueType.UINT64}:
                doubts += _too_large(found, part.where.start)
            if part.null_at.size:
                doubts += _some(part.nulls(found), Reason.NOT_AVAILABLE)
        return values

    def _judged(self, values: Values, doubts: list[tuple[Index, Reason]]) -> Decoded:
        quality = np.zeros(self._size, np.uint8)
        for at, reason in doubts:
            quality[at] = reason
        values[quality == Reason.NOT_AVAILABLE] = math.nan
        details = {} if self._states is None else _settle_states(self._states, values, quality)
        return Decoded(values, quality if quality.any() else None, details)


def _kind(bound: BoundPoint) -> ValueType:
    return address_of(bound.point).value_type


def _parts(points: Sequence[BoundPoint], block: Block, default: Order) -> tuple[_Part, ...]:
    parts = []
    start = 0
    for kind, members in groupby(points, key=_kind):
        mine = list(members)
        parts.append(_part(kind, mine, start, block, default))
        start += len(mine)
    return tuple(parts)


def _part(kind: ValueType, points: Sequence[BoundPoint], start: int, block: Block, default: Order) -> _Part:
    gathered = ValueType.UINT16 if kind is ValueType.BOOL else kind
    addresses = [address_of(bound.point) for bound in points]
    index = [
        2 * (address.address - block.start) + position
        for address in addresses
        for position in wire_positions(gathered, address.order or default)
    ]
    nulls = [(at, _unsigned(pattern, gathered)) for at, pattern in _null_pairs(addresses)]
    return _Part(
        where=slice(start, start + len(points)),
        kind=kind,
        dtype=np.dtype(_FORMATS[gathered]),
        index=np.array(index, np.intp),
        null_at=np.array([at for at, _ in nulls], np.intp),
        null_patterns=np.array([pattern for _, pattern in nulls], f"<u{2 * gathered.registers}"),
        shifts=np.array([address.bit or 0 for address in addresses], np.uint16),
    )


def _null_pairs(addresses: Sequence[ModbusPoint]) -> list[tuple[int, int]]:
    return [(at, pattern) for at, address in enumerate(addresses) for pattern in address.null_values]


def _unsigned(pattern: int, kind: ValueType) -> int:
    return pattern % (1 << 16 * kind.registers)


def _some(at: Index, reason: Reason) -> list[tuple[Index, Reason]]:
    return [(at, reason)] if at.size else []


def _too_large(found: npt.NDArray[Any], start: int) -> list[tuple[Index, Reason]]:
    return _some(np.flatnonzero((found > EXACT) | (found < -EXACT)) + start, Reason.IMPRECISE)


def _compile_states(points: Sequence[BoundPoint]) -> _States | None:
    at = [position for position, bound in enumerate(points) if bound.state_ids]
    if not at:
        return None
    return _States(np.array(at, np.intp), tuple(_state_table(points[position]) for position in at))


def _state_table(bound: BoundPoint) -> Mapping[float, float]:
    return {float(raw): bound.state(raw) for raw in bound.state_ids if not isinstance(raw, str)}


def _settle_states(states: _States, values: Values, quality: Qualities) -> dict[int, str]:
    """Replace raw codes by state ids in place; returns words for the codes that the profile does not name."""
    details = {}
    codes = values[states.at].tolist()
    for position, code, table in zip(states.at.tolist(), codes, states.tables, strict=True):
        if math.isnan(code):
            continue
        found = table.get(code)
        values[position] = math.nan if found is None else found
        if found is None:
            quality[position] = Reason.UNKNOWN_STATE
            details[position] = f"state {code:.0f} is not in the profile"
    return details
