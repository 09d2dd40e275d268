"""What is wrong with a device that the models alone cannot see: each combination that no device could mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.modbus.config import SERIAL, address_of, options_of, unit_of
from connectors.modbus.registers import LAST_ADDRESS, NAN, Table, ValueType
from twin.model.source import shown, suggest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.modbus.config import ModbusOptions, ModbusPoint
    from twin.model.district import Device, Point

Found = tuple[str, str]
"""The key that has to change, and what is wrong with it."""

# What an option is about; elsewhere it would be read and have no effect.
_SERIAL_OPTIONS = frozenset({"baudrate", "parity", "stopbits", "bytesize"})


@dataclass(frozen=True, slots=True)
class _Subject:
    """A point under check, with everything that its faults depend on."""

    point: Point
    address: ModbusPoint
    options: ModbusOptions

    @property
    def kind(self) -> ValueType:
        return self.address.value_type

    @property
    def is_number(self) -> bool:
        """Whether the point is a number that can be scaled, not a bool, a text or a state."""
        return self.kind not in {ValueType.BOOL, ValueType.STRING} and not self.point.states


def faults(device: Device) -> Iterator[Found]:
    """Yield `(path, message)` for everything about `device` that the models alone cannot see."""
    try:
        unit_of(device.endpoint)
    except ValueError as error:
        yield "endpoint", str(error)
    yield from _options(device)
    for name, point in device.points.items():
        subject = _Subject(point, address_of(point), options_of(device))
        checks = (_extent, _type, _part, _length, _order, _null_values, _factor, _states, _writable)
        for check in checks:
            for key, message in check(subject):
                yield f"points.{name}.{key}", message


def _options(device: Device) -> Iterator[Found]:
    options, scheme = options_of(device), device.endpoint.scheme
    for name in sorted(_SERIAL_OPTIONS & options.model_fields_set):
        if scheme != SERIAL:
            yield f"options.{name}", f"serves only {SERIAL}://, found {scheme}://"
    if options.single_writes and options.read_write:
        yield (
            "options.read_write",
            "a device that knows only single writes (single_writes) does not know function 23",
        )


def _extent(subject: _Subject) -> Iterator[Found]:
    address, most = subject.address, subject.options.max_registers
    start, stop = address.span
    if stop - 1 > LAST_ADDRESS:
        yield (
            "register",
            f"{address.value_type} takes {address.width} registers and would end at {stop - 1}, beyond {LAST_ADDRESS}",
        )
    if address.table.of_bits:
        return
    if address.width > most:
        yield (
            "length" if address.length else "type",
            f"{address.value_type} takes {address.width} registers, max_registers allows {most}",
        )
    elif stop - start > most:
        yield (
            "scale_factor",
            f"is {stop - start} registers away with its point, max_registers allows {most} in one request",
        )


def _type(subject: _Subject) -> Iterator[Found]:
    address, kind = subject.address, subject.kind
    is_bool = kind is ValueType.BOOL
    if address.table.of_bits:
        if not is_bool:
            yield "type", f"a {address.table} is one bit: its type is bool, found {kind}"
    elif address.bit is not None:
        if not is_bool and address.width > 1:
            yield (
                "bit",
                f"`bit` picks from one register of 16 bits, found type {kind}; `bits` picks from wider ones",
            )
        elif not is_bool:
            yield "type", f"with `bit` the type is bool, found {kind}"
    elif is_bool and address.bits is None:
        yield (
            "bit",
            "a bool in a register needs `bit: 0` to `bit: 15`; for a whole register use uint16 with states",
        )


def _part(subject: _Subject) -> Iterator[Found]:
    """Yield what is wrong with `bit`, `bits` and `byte`, each of which picks from a register."""
    address, kind = subject.address, subject.kind
    given = {"bit": address.bit, "bits": address.bits, "byte": address.byte}
    picks = [name for name, pick in given.items() if pick is not None]
    if address.table.of_bits:
        yield from (
            (name, f"a {address.table} is one bit already, `{name}` is for registers") for name in picks
        )
        return
    if len(picks) > 1:
        yield picks[-1], f"a point is one part of a register, found `{picks[0]}` as well"
        return
    if address.bits is not None:
        yield from _bits(address)
    if address.byte is not None and not kind.is_byte:
        yield "byte", f"`byte` says where an int8 or uint8 is, found type {kind}"
    if address.byte is None and kind.is_byte:
        yield "byte", f"{kind} is half a register: say `byte: high` or `byte: low`"


def _bits(address: ModbusPoint) -> Iterator[Found]:
    kind = address.value_type
    if kind not in {ValueType.UINT16, ValueType.UINT32, ValueType.UINT64}:
        hint = suggest(f"u{kind}", [ValueType.UINT16, ValueType.UINT32, ValueType.UINT64])
        yield "type", f"`bits` picks from a uint16, uint32 or uint64, found type {kind}{hint}"
    elif address.field and sum(address.field) > kind.bits:
        yield "bits", f"a {kind} has bits 0 to {kind.bits - 1}, found {address.bits}"


def _length(subject: _Subject) -> Iterator[Found]:
    is_string = subject.kind is ValueType.STRING
    if is_string and subject.address.length is None:
        yield "length", "a string needs `length`, the number of its registers (two characters each)"
    elif not is_string and subject.address.length is not None:
        yield "length", f"only a string has a length, {subject.kind} has its own"


def _order(subject: _Subject) -> Iterator[Found]:
    if subject.address.order is not None and subject.address.table.of_bits:
        yield "order", f"a {subject.address.table} has no order of bytes"


def _null_values(subject: _Subject) -> Iterator[Found]:
    address, kind = subject.address, subject.kind
    if not address.null_values:
        return
    if address.table.of_bits:
        yield "null_values", f"a {address.table} has two values, none is left to mean `not available`"
        return
    if kind is ValueType.STRING:
        yield "null_values", "a string has no pattern for `not available`: name its text in `states`"
        return
    # Those of a bit are of its register.
    bits = 16 if kind is ValueType.BOOL else kind.bits
    for pattern in address.null_values:
        if isinstance(pattern, str):
            if not kind.is_float:
                yield "null_values", f"{NAN} is a float's, found type {kind}"
        elif not -(1 << (bits - 1)) <= pattern < 1 << bits:
            yield "null_values", f"{pattern:#x} does not fit into {bits} bits"


def _factor(subject: _Subject) -> Iterator[Found]:
    address = subject.address
    if address.scale_factor is None:
        return
    if address.factor_table is not address.table:
        meant = f"{address.table}:{address.factor_address}"
        yield (
            "scale_factor",
            f"must be a {address.table} like its point, found {shown(address.scale_factor)} (did you mean {meant}?)",
        )
    elif address.table.of_bits or not subject.is_number:
        what = "a state" if subject.point.states and not address.table.of_bits else f"a {subject.kind}"
        yield "scale_factor", f"scales numbers, {what} is none"
    elif address.address <= (address.factor_address or 0) < address.address + address.width:
        yield "scale_factor", f"{address.scale_factor} holds the value itself"


def _states(subject: _Subject) -> Iterator[Found]:
    states, kind = subject.point.states, subject.kind
    if kind is ValueType.STRING:
        yield from _texts(subject)
        return
    if states and kind.is_float:
        yield "states", f"states need an integer or a bool, found type {kind}"
        return
    if states == subject.point.quantity.states_by_default:
        # Whoever leaves them out means as many of the codes as the table can hold.
        return
    low, high = _codes(subject.address)
    for raw in states:
        if isinstance(raw, str):
            yield "states", f"codes of states are integers in Modbus, found {shown(raw)}{_unquoted(raw)}"
        elif not low <= raw <= high:
            yield "states", _beyond(subject.address, raw, low, high)


def _texts(subject: _Subject) -> Iterator[Found]:
    states = subject.point.states
    if not states or states == subject.point.quantity.states_by_default:
        yield (
            "states",
            "readings are numbers: a string needs `states`, its texts with the states that they mean",
        )
        return
    most = 2 * (subject.address.length or 1)
    for raw in states:
        if not isinstance(raw, str):
            yield (
                "states",
                f"the codes of a string are texts, found {shown(raw)} (did you mean {str(raw)!r}?)",
            )
        elif len(raw.encode()) > most:
            yield (
                "states",
                f"{shown(raw)} has more than the {most} bytes of {subject.address.length} registers",
            )
        elif raw != raw.rstrip(" ") or "\0" in raw:
            yield "states", f"spaces and NULs at the end of a string are padding, found {shown(raw)}"


def _codes(address: ModbusPoint) -> tuple[int, int]:
    """Return the least and the greatest code that the point can have."""
    if address.value_type.is_float:
        return 0, 0
    if address.bits is not None and address.field:
        return 0, (1 << address.field[1]) - 1
    return address.value_type.limits


def _beyond(address: ModbusPoint, raw: int, low: int, high: int) -> str:
    if address.value_type is ValueType.BOOL:
        return f"a bool is 0 or 1, found code {raw}"
    what = f"bits {address.bits} hold" if address.bits else f"a {address.value_type} holds"
    return f"{what} {low} to {high}, found code {raw}"


def _unquoted(raw: str) -> str:
    return f" (did you mean {int(raw)}, without quotes?)" if raw.isascii() and raw.isdigit() else ""


def _writable(subject: _Subject) -> Iterator[Found]:
    address = subject.address
    if not subject.point.writable:
        return
    if address.table.read_only:
        meant = Table.COIL if address.table.of_bits else Table.HOLDING
        yield (
            "writable",
            f"{address.table} is a table that cannot be written (did you mean {meant}:{address.address}?)",
        )
    if address.scale_factor is not None:
        yield (
            "writable",
            "what the device scales by itself (scale_factor) cannot be written, give it a `scale`",
        )
    field = address.field
    if field is not None and address.width > 1:
        yield (
            "writable",
            f"a part of a {subject.kind} cannot be written in one step, only a part of one register",
        )
    most = 1 if subject.options.single_writes else subject.options.max_write_registers
    if address.width > most:
        option = "single_writes" if subject.options.single_writes else "max_write_registers"
        yield (
            "writable",
            f"{subject.kind} takes {address.width} registers in one write, {option} allows {most}",
        )
