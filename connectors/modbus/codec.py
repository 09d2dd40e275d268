"""Bytes of a block -> values. Pure, and vectorised: what is known beforehand is an index array, made once per block.

Bits travel eight to a byte, the first in the least significant bit (MODBUS Application Protocol V1.1b3, 6.1); registers
as `wire` says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from connectors.modbus.config import Order, ValueType, address_of
from connectors.modbus.parts import EXACT, Bytes, Column, Doubt, Factors, Index, Text
from connectors.modbus.wire import (
    FORMATS,
    byte_position,
    decode,
    encode,
    masks,
    text_positions,
    wire_positions,
)
from twin.quality import FIRST_BAD, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.modbus.config import ModbusPoint
    from connectors.modbus.plan import Block
    from twin.frame import Ids, Qualities, Values
    from twin.model.bound import BoundPoint

__all__ = ["EXACT", "BlockCodec", "Decoded", "decode", "encode", "masks"]


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """What a block said: as in `Frame`, float64[n], uint8[n] or None when all are good, words by position."""

    values: Values
    quality: Qualities | None
    details: Mapping[int, str]


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
        points = sorted(block.points, key=lambda bound: (_form(bound), block.offset(bound)))
        self.ids: Ids = np.array([bound.id for bound in points], np.int32)
        self.points: tuple[BoundPoint, ...] = tuple(points)
        self._size = len(points)
        self._bits = np.array([block.offset(bound) for bound in points], np.intp)
        self._columns = () if self._of_bits else _columns(points, block, default_order)
        self._texts = tuple(_texts(points, block, default_order))
        self._factors = _factors(points, block, default_order)
        self._states = _compile_states(points)

    def decode(self, payload: bytes) -> Decoded:
        """Return the readings in `payload`, the registers or packed bits without header and byte count.

        The caller has checked its size against the block's `payload_size`.
        """
        raw = np.frombuffer(payload, np.uint8)
        doubts: list[Doubt] = []
        if self._of_bits:
            values = np.unpackbits(raw, bitorder="little").take(self._bits).astype(np.float64)
        else:
            values = self._registers(raw, doubts)
        if self._states is None and not doubts:
            return Decoded(values, None, {})
        return self._judged(values, doubts)

    def _registers(self, raw: Bytes, doubts: list[Doubt]) -> Values:
        values = np.empty(self._size)
        for column in self._columns:
            found = column.gather(raw)
            if column.may_signal:
                # A signalling NaN is no fault of ours: it becomes a quiet one, and ingest names it.
                with np.errstate(invalid="ignore"):
                    values[column.where] = found
            else:
                values[column.where] = found if column.is_plain else column.numbers(found, doubts)
            if column.has_nulls:
                doubts += column.nulls(found)
        if self._factors is not None:
            doubts += self._factors.apply(raw, values)
        for text in self._texts:
            values[text.at], reason, words = text.read(raw)
            if reason is not Reason.GOOD:
                doubts.append(Doubt(np.array([text.at], np.intp), reason, words))
        return values

    def _judged(self, values: Values, doubts: list[Doubt]) -> Decoded:
        quality = np.zeros(self._size, np.uint8)
        details: dict[int, str] = {}
        for at, reason, _ in doubts:
            quality[at] = reason
        for at, reason, words in doubts:
            if words:
                details |= dict.fromkeys(at[quality[at] == reason].tolist(), words)
        values[quality >= FIRST_BAD] = math.nan
        if self._states is not None:
            details |= _settle_states(self._states, values, quality)
        return Decoded(values, quality if quality.any() else None, details)


def _form(bound: BoundPoint) -> tuple[str, bool]:
    """Return what decides how a point is decoded: the type to be gathered, and whether a part of it is the value."""
    address = address_of(bound.point)
    kind = ValueType.UINT16 if address.value_type is ValueType.BOOL else address.value_type
    return kind.value, address.field is not None


def _columns(points: Sequence[BoundPoint], block: Block, default: Order) -> tuple[Column, ...]:
    columns = []
    start = 0
    for (kind, _), members in groupby(points, key=_form):
        mine = [address_of(bound.point) for bound in members]
        if kind != ValueType.STRING:
            columns.append(_column(ValueType(kind), mine, start, block, default))
        start += len(mine)
    return tuple(columns)


def _column(
    kind: ValueType, addresses: Sequence[ModbusPoint], start: int, block: Block, default: Order
) -> Column:
    index = [
        2 * (address.address - block.start) + position
        for address in addresses
        for position in _positions(kind, address, address.order or default)
    ]
    nulls = [(at, pattern) for at, address in enumerate(addresses) for pattern in address.null_values]
    patterns = [(at, pattern % (1 << kind.bits)) for at, pattern in nulls if isinstance(pattern, int)]
    unsigned = f"<u{kind.bits // 8}"
    fields = [address.field for address in addresses if address.field is not None]
    is_exact = kind.is_float or kind.bits < 64
    return Column(
        where=slice(start, start + len(addresses)),
        kind=kind,
        dtype=np.dtype(FORMATS[kind]),
        index=np.array(index, np.intp),
        is_plain=is_exact and not (fields or kind.is_bcd),
        may_signal=kind in {ValueType.FLOAT16, ValueType.FLOAT32},
        has_nulls=bool(nulls),
        nan_at=np.array([at for at, pattern in nulls if isinstance(pattern, str)], np.intp),
        null_at=np.array([at for at, _ in patterns], np.intp),
        null_patterns=np.array([pattern for _, pattern in patterns], unsigned),
        shifts=np.array([low for low, _ in fields], unsigned) if fields else None,
        masks=np.array([(1 << size) - 1 for _, size in fields], unsigned) if fields else None,
    )


def _positions(kind: ValueType, address: ModbusPoint, order: Order) -> tuple[int, ...]:
    if kind.is_byte and address.byte is not None:
        return (byte_position(address.byte, order),)
    return wire_positions(kind, order)


def _texts(points: Sequence[BoundPoint], block: Block, default: Order) -> Iterator[Text]:
    for at, bound in enumerate(points):
        address = address_of(bound.point)
        if address.value_type is ValueType.STRING:
            positions = np.array(text_positions(address.width, address.order or default), np.intp)
            table: dict[object, float] = {raw: bound.state(raw) for raw in bound.state_ids}
            yield Text(at, positions + 2 * block.offset(bound), table)


def _factors(points: Sequence[BoundPoint], block: Block, default: Order) -> Factors | None:
    at, index = [], []
    for position, bound in enumerate(points):
        address = address_of(bound.point)
        if address.factor_address is not None:
            at.append(position)
            first = 2 * (address.factor_address - block.start)
            index += [first + byte for byte in wire_positions(ValueType.INT16, address.order or default)]
    return Factors(np.array(at, np.intp), np.array(index, np.intp)) if at else None


def _compile_states(points: Sequence[BoundPoint]) -> _States | None:
    at = [
        position
        for position, bound in enumerate(points)
        if bound.state_ids and address_of(bound.point).value_type is not ValueType.STRING
    ]
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
