"""What a person writes for Modbus: a point's address, the options of a device, and what is wrong with them.

Addresses are those on the wire, counted from 0: a manual's "40001" is `holding:0`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, cast

from pydantic import AfterValidator, BeforeValidator, Field

from twin.model.spec import Seconds, Spec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twin.model.district import Device, Point
    from twin.model.protocol import Endpoint

LAST_ADDRESS = 65535
LAST_UNIT = 255
MOST_REGISTERS = 125
MOST_BITS = 2000
_REGISTER = re.compile(r"(coil|discrete|input|holding):(\d{1,5})")


class Table(StrEnum):
    """The four tables of a Modbus device."""

    COIL = "coil"
    DISCRETE = "discrete"
    INPUT = "input"
    HOLDING = "holding"

    @property
    def of_bits(self) -> bool:
        """Whether an address of this table is one bit rather than one register of 16."""
        return self in {Table.COIL, Table.DISCRETE}

    @property
    def read_only(self) -> bool:
        """Whether the standard gives no way to write to this table."""
        return self in {Table.DISCRETE, Table.INPUT}


class ValueType(StrEnum):
    """What a point's bits or registers hold."""

    BOOL = "bool"
    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    INT64 = "int64"
    UINT64 = "uint64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"

    @property
    def registers(self) -> int:
        """Number of registers (or bits, for bool) that a value takes."""
        return 1 if self is ValueType.BOOL else int(self.value.lstrip("uintfloa")) // 16

    @property
    def is_float(self) -> bool:
        """Whether it is an IEEE 754 number."""
        return self in {ValueType.FLOAT32, ValueType.FLOAT64}


class Order(StrEnum):
    """Order in which the bytes of a value travel, A being the most significant of a 32-bit value.

    16-bit values know only whether their two bytes are swapped (BADC, DCBA). For 64 bits the same two questions are
    asked: are the bytes of each register swapped (BADC, DCBA), do the registers come last first (CDAB, DCBA).
    """

    ABCD = "ABCD"
    CDAB = "CDAB"
    BADC = "BADC"
    DCBA = "DCBA"

    @property
    def swaps_bytes(self) -> bool:
        """Whether the two bytes of each register are swapped."""
        return self in {Order.BADC, Order.DCBA}

    @property
    def last_word_first(self) -> bool:
        """Whether the least significant register comes first."""
        return self in {Order.CDAB, Order.DCBA}


def _check_register(value: str) -> str:
    match = _REGISTER.fullmatch(value)
    if match is None or int(match[2]) > LAST_ADDRESS:
        message = f"expected coil, discrete, input or holding, a colon and 0 to {LAST_ADDRESS}"
        raise ValueError(message)
    return value


def _parse_pattern(value: object) -> object:
    """Return the integer of `0x7FC00000` or `"0x8000"`; anything else is left to pydantic."""
    return int(value, 16) if isinstance(value, str) and re.fullmatch(r"0[xX][0-9a-fA-F]+", value) else value


Pattern = Annotated[int, BeforeValidator(_parse_pattern)]


class ModbusPoint(Spec):
    """Address of one point in a Modbus device."""

    register_: Annotated[str, AfterValidator(_check_register)] = Field(
        alias="register",
        description="Table and address from 0, for example holding:0, input:12, coil:3, discrete:0",
    )
    type: ValueType | None = Field(
        default=None,
        description="What the registers hold; uint16 when left out, bool for coils, discretes and `bit`",
    )
    order: Order | None = Field(
        default=None,
        description="Order of the bytes on the wire: ABCD, CDAB, BADC or DCBA; the option's when left out",
    )
    bit: int | None = Field(
        default=None, ge=0, le=15, description="One bit of a register, 0 the least significant"
    )
    null_values: tuple[Pattern, ...] = Field(
        default=(),
        description="Raw patterns, as integers or hex, by which the device says that it has no value",
    )
    poll: Seconds | None = Field(
        default=None, description="Period of this point's polls; the profile's when left out"
    )

    @property
    def table(self) -> Table:
        """The table that the point lives in."""
        return Table(self.register_.partition(":")[0])

    @property
    def address(self) -> int:
        """The first register or bit, from 0."""
        return int(self.register_.partition(":")[2])

    @property
    def value_type(self) -> ValueType:
        """What the point holds, with the default settled."""
        if self.type is not None:
            return self.type
        return ValueType.BOOL if self.table.of_bits or self.bit is not None else ValueType.UINT16

    @property
    def width(self) -> int:
        """Number of registers or bits that the value takes."""
        return self.value_type.registers


class ModbusOptions(Spec):
    """`options` of a Modbus profile or device."""

    timeout: Seconds = Field(default=3.0, description="An answer that takes longer counts as none")
    connect_timeout: Seconds = Field(
        default=3.0, description="A connection that takes longer counts as refused"
    )
    max_registers: int = Field(
        default=MOST_REGISTERS, ge=1, le=MOST_REGISTERS, description="Registers in one request"
    )
    max_bits: int = Field(
        default=MOST_BITS, ge=1, le=MOST_BITS, description="Coils or discretes in one request"
    )
    max_gap: int = Field(
        default=16,
        ge=0,
        le=MOST_BITS,
        description="Unused addresses bridged by one request; 0 for devices with holes",
    )
    order: Order = Field(
        default=Order.ABCD, description="Order of bytes of the points that do not name their own"
    )


@dataclass(frozen=True, slots=True)
class _Subject:
    """A point under check, with everything that its faults depend on."""

    name: str
    point: Point
    address: ModbusPoint
    options: ModbusOptions


def address_of(point: Point) -> ModbusPoint:
    """Return the point's address as the model that it is."""
    return cast("ModbusPoint", point.address)


def options_of(device: Device) -> ModbusOptions:
    """Return the device's options as the model that they are."""
    return cast("ModbusOptions", device.options)


def unit_of(endpoint: Endpoint) -> int:
    """Return the unit id that an endpoint's path names, 1 when it names none; ValueError when it cannot be one."""
    text = endpoint.path.removeprefix("/")
    if not text:
        return 1
    if not (text.isascii() and text.isdigit()) or int(text) > LAST_UNIT:
        message = f"the path is the unit id, 0 to {LAST_UNIT}, found {endpoint.path!r}"
        raise ValueError(message)
    return int(text)


def faults(device: Device) -> Iterator[tuple[str, str]]:
    """Yield `(path, message)` for everything about `device` that the models alone cannot see."""
    try:
        unit_of(device.endpoint)
    except ValueError as error:
        yield "endpoint", str(error)
    for name, point in device.points.items():
        subject = _Subject(name, point, address_of(point), options_of(device))
        for key, message in (*_extent(subject), *_type(subject), *_extras(subject)):
            yield f"points.{name}.{key}", message


def _extent(subject: _Subject) -> Iterator[tuple[str, str]]:
    address, options = subject.address, subject.options
    last = address.address + address.width - 1
    if last > LAST_ADDRESS:
        yield (
            "register",
            f"{address.value_type} takes {address.width} registers and would end at {last}, beyond {LAST_ADDRESS}",
        )
    if not address.table.of_bits and address.width > options.max_registers:
        yield (
            "type",
            f"{address.value_type} takes {address.width} registers, max_registers allows {options.max_registers}",
        )


def _type(subject: _Subject) -> Iterator[tuple[str, str]]:
    address = subject.address
    is_bool = address.value_type is ValueType.BOOL
    if address.table.of_bits:
        if not is_bool:
            yield "type", f"a {address.table} is one bit: its type is bool, found {address.value_type}"
        if address.bit is not None:
            yield "bit", f"a {address.table} is one bit already, `bit` is for registers"
    elif address.bit is not None:
        if not is_bool and address.width > 1:
            yield "bit", f"`bit` picks from one register of 16 bits, found type {address.value_type}"
        elif not is_bool:
            yield "type", f"with `bit` the type is bool, found {address.value_type}"
    elif is_bool:
        yield (
            "bit",
            "a bool in a register needs `bit: 0` to `bit: 15`; for a whole register use uint16 with states",
        )


def _extras(subject: _Subject) -> Iterator[tuple[str, str]]:
    address = subject.address
    if address.order is not None and address.table.of_bits:
        yield "order", f"a {address.table} has no order of bytes"
    yield from _null_values(address)
    yield from _states(subject)
    if subject.point.writable and address.table.read_only:
        yield "writable", f"{address.table} is a table that cannot be written; coil and holding can"


def _null_values(address: ModbusPoint) -> Iterator[tuple[str, str]]:
    if address.null_values and address.table.of_bits:
        yield "null_values", f"a {address.table} has two values, none is left to mean `not available`"
        return
    bits = 16 * address.width
    for pattern in address.null_values:
        if not -(1 << (bits - 1)) <= pattern < 1 << bits:
            yield "null_values", f"{pattern:#x} does not fit into {bits} bits"


def _states(subject: _Subject) -> Iterator[tuple[str, str]]:
    states, kind = subject.point.states, subject.address.value_type
    if states and kind.is_float:
        yield "states", f"states need an integer or a bool, found type {kind}"
    if states == subject.point.quantity.states_by_default:
        # Whoever leaves them out means as many of the codes as the table can hold.
        return
    for raw in states:
        if isinstance(raw, str):
            yield "states", f"codes of states are integers in Modbus, found {raw!r}"
        elif kind is ValueType.BOOL and raw not in {0, 1}:
            yield "states", f"a bool is 0 or 1, found code {raw}"
