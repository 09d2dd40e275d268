"""Which requests carry out settings of one device. Pure.

Registers that touch go in one request (function 16), coils too (15); a single one by 6 or 5. Bits of a register are
joined in one mask (22). With `read_write` function 23 writes and reads back in one go.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from connectors.modbus import pdu
from connectors.modbus.config import address_of
from connectors.modbus.wire import Unfit, encode, masks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from connectors.abilities import Setting
    from connectors.modbus.config import ModbusOptions
    from connectors.modbus.pdu import Request
    from connectors.modbus.registers import Order as ByteOrder
    from connectors.modbus.registers import Table

Words = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """What one setting (or several bits of one register) puts where: registers, or one coil as 0 or 1.

    `mask` has the bits of the register that are written; None when all are.
    """

    at: tuple[int, ...]
    table: Table
    start: int
    words: Words
    mask: int | None = None

    @property
    def stop(self) -> int:
        """The address after the last."""
        return self.start + len(self.words)


@dataclass(frozen=True, slots=True)
class Step:
    """Requests that belong together, and which settings (positions) they carry out."""

    part: Part
    requests: tuple[Request, ...]
    answers_with_values: bool = False


def parts_of(settings: Sequence[Setting], order: ByteOrder) -> tuple[list[Part], dict[int, str]]:
    """Return what is to be put where, and words for the settings (by position) whose value does not fit."""
    parts, unfit = [], {}
    for at, setting in enumerate(settings):
        try:
            parts.append(_part(at, setting, order))
        except Unfit as error:
            unfit[at] = str(error)
    return parts, unfit


def steps_of(unit: int, parts: Sequence[Part], options: ModbusOptions) -> list[Step]:
    """Return what is to be sent for the parts of one device, by table and address."""
    return [_step(unit, part, options) for part in _merged(_joined_bits(parts), options)]


def _part(at: int, setting: Setting, order: ByteOrder) -> Part:
    address = address_of(setting.point.point)
    if not address.table.of_bits and (address.field is not None or address.value_type.is_byte):
        and_mask, or_mask = masks(address, setting.raw, order)
        return Part((at,), address.table, address.address, (or_mask,), ~and_mask & 0xFFFF)
    words = encode(address, setting.raw, order)
    held = (int(words),) if isinstance(words, bool) else tuple(words)
    return Part((at,), address.table, address.address, held)


def _joined_bits(parts: Sequence[Part]) -> Iterator[Part]:
    """Yield parts, those that set bits of one register joined; a later setting of a bit wins."""
    joined: dict[int, Part] = {}
    for part in parts:
        if part.mask is None:
            yield part
        elif (before := joined.get(part.start)) is None or before.mask is None:
            joined[part.start] = part
        else:
            word = before.words[0] & ~part.mask | part.words[0]
            joined[part.start] = replace(
                before, at=before.at + part.at, words=(word,), mask=before.mask | part.mask
            )
    yield from joined.values()


def _merged(parts: Iterator[Part], options: ModbusOptions) -> Iterator[Part]:
    """Yield parts by table and address, those that touch merged as far as one request goes."""
    run: Part | None = None
    for part in sorted(parts, key=lambda part: (part.table, part.mask is not None, part.start)):
        if run is not None and _may_join(run, part, options):
            run = replace(run, at=run.at + part.at, words=run.words + part.words)
            continue
        if run is not None:
            yield run
        run = part
    if run is not None:
        yield run


def _may_join(run: Part, part: Part, options: ModbusOptions) -> bool:
    if options.single_writes or run.table is not part.table or run.mask is not None or part.mask is not None:
        return False
    return run.stop == part.start and len(run.words) + len(part.words) <= _most(part, options)


def _most(part: Part, options: ModbusOptions) -> int:
    if part.table.of_bits:
        return min(options.max_write_bits, options.max_bits)
    most = min(options.max_write_registers, options.max_registers)
    return min(most, pdu.MOST_READ_WRITTEN) if options.read_write else most


def _step(unit: int, part: Part, options: ModbusOptions) -> Step:
    start, words = part.start, part.words
    if part.mask is not None:
        return Step(part, (pdu.mask_register(unit, start, ~part.mask & 0xFFFF, words[0]),))
    if part.table.of_bits:
        if len(words) == 1 or options.single_writes:
            ones = (pdu.write_coil(unit, start + at, on=bool(word)) for at, word in enumerate(words))
            return Step(part, tuple(ones))
        return Step(part, (pdu.write_coils(unit, start, [bool(word) for word in words]),))
    if options.read_write:
        return Step(part, (pdu.write_then_read(unit, start, words),), answers_with_values=True)
    if len(words) == 1 or options.single_writes:
        ones = (pdu.write_register(unit, start + at, word) for at, word in enumerate(words))
        return Step(part, tuple(ones))
    return Step(part, (pdu.write_registers(unit, start, words),))
