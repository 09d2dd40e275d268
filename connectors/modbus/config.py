"""What a person writes for Modbus: a point's address, and the options of a device. What can be wrong: `checks`.

Addresses are those on the wire, counted from 0: a manual's "40001" is `holding:0`.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal, cast

from pydantic import BeforeValidator, Field

from connectors.modbus.registers import BitField, Half, Order, Pattern, Register, Table, ValueType, field_of
from twin.model.spec import Seconds, Spec, parse_duration

if TYPE_CHECKING:
    from twin.model.district import Device, Point
    from twin.model.protocol import Endpoint

__all__ = [
    "ModbusOptions",
    "ModbusPoint",
    "Order",
    "Table",
    "ValueType",
    "address_of",
    "options_of",
    "order_of",
    "unit_of",
]

SERIAL = "modbus+rtu"
"""Scheme of endpoints on a serial line of this machine."""

LAST_UNIT = 255
# MODBUS over Serial Line V1.02, 2.2: 0 is a broadcast, which nobody answers; 248 to 255 are reserved.
UNITS_ON_LINE = (1, 247)
# MODBUS Application Protocol V1.1b3: 6.1 to 6.4 (reads), 6.11 (0x7B0 coils), 6.12 (0x7B registers), 6.17 (0x79).
MOST_REGISTERS = 125
MOST_BITS = 2000
MOST_WRITE_REGISTERS = 123
MOST_WRITE_BITS = 1968
MOST_READ_WRITE_REGISTERS = 121

Pause = Annotated[float, BeforeValidator(parse_duration), Field(ge=0, le=60)]
File = Annotated[str, Field(min_length=1, max_length=1000)]


class ModbusPoint(Spec):
    """Address of one point in a Modbus device."""

    register_: Register = Field(
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
        default=None, ge=0, le=15, description="One bit of a register as a bool, 0 the least significant"
    )
    bits: BitField | None = Field(
        default=None,
        description="Some bits of an unsigned integer as a smaller one: 4-7, lowest first, 0 the least significant",
    )
    byte: Half | None = Field(
        default=None, description="Which byte of the register an int8 or uint8 is: high or low"
    )
    length: int | None = Field(
        default=None, ge=1, le=MOST_REGISTERS, description="Number of registers of a string"
    )
    null_values: tuple[Pattern, ...] = Field(
        default=(),
        max_length=100,
        description="Raw patterns, as integers, hex or nan, by which the device says that it has no value",
    )
    scale_factor: Register | None = Field(
        default=None,
        description="Register of the same table that holds the power of ten of the value, as SunSpec has it",
    )
    poll: Seconds | None = Field(
        default=None, description="Period of this point's polls; the profile's when left out"
    )

    @cached_property
    def table(self) -> Table:
        """The table that the point lives in."""
        return Table(self.register_.partition(":")[0])

    @cached_property
    def address(self) -> int:
        """The first register or bit of the value, from 0."""
        return int(self.register_.partition(":")[2])

    @property
    def factor_table(self) -> Table | None:
        """The table that the scale factor is said to live in."""
        return None if self.scale_factor is None else Table(self.scale_factor.partition(":")[0])

    @property
    def factor_address(self) -> int | None:
        """The register that holds the power of ten."""
        return None if self.scale_factor is None else int(self.scale_factor.partition(":")[2])

    @cached_property
    def value_type(self) -> ValueType:
        """What the point holds, with the default settled; for a field of bits, what it is a part of."""
        if self.type is not None:
            return self.type
        return ValueType.BOOL if self.table.of_bits or self.bit is not None else ValueType.UINT16

    @property
    def width(self) -> int:
        """Number of registers or bits that the value takes."""
        return (self.length or 1) if self.value_type is ValueType.STRING else self.value_type.registers

    @property
    def field(self) -> tuple[int, int] | None:
        """Lowest bit and number of bits, where the point is a part of a register by `bit` or `bits`."""
        if self.bits is not None:
            return field_of(self.bits)
        return None if self.bit is None else (self.bit, 1)

    @cached_property
    def span(self) -> tuple[int, int]:
        """First address and the one after the last that are read together: the value and its scale factor."""
        start, stop, factor = self.address, self.address + self.width, self.factor_address
        return (start, stop) if factor is None else (min(start, factor), max(stop, factor + 1))


class ModbusOptions(Spec):
    """`options` of a Modbus profile or device."""

    # With these and the supervisor's longest wait a device is read again within 5 s of its return.
    timeout: Seconds = Field(default=2.0, description="An answer that takes longer counts as none")
    connect_timeout: Seconds = Field(
        default=2.0, description="A connection that takes longer counts as refused"
    )
    delay: Pause = Field(default=0.0, description="Least time between an answer and the next request")
    max_registers: int = Field(
        default=MOST_REGISTERS, ge=1, le=MOST_REGISTERS, description="Registers in one request"
    )
    max_bits: int = Field(
        default=MOST_BITS, ge=1, le=MOST_BITS, description="Coils or discretes in one request"
    )
    max_gap: int | None = Field(
        default=None,
        ge=0,
        le=MOST_BITS,
        description="Unused addresses bridged by one request, 0 for none; as many as cost less than another"
        " request when left out",
    )
    retry_after: Seconds = Field(
        default=3600.0, description="Registers that the device refused are tried again after this time"
    )
    max_write_registers: int = Field(
        default=MOST_WRITE_REGISTERS,
        ge=1,
        le=MOST_WRITE_REGISTERS,
        description="Registers in one write (function 16)",
    )
    max_write_bits: int = Field(
        default=MOST_WRITE_BITS, ge=1, le=MOST_WRITE_BITS, description="Coils in one write (function 15)"
    )
    single_writes: bool = Field(
        default=False, description="The device knows only writes of one register or coil (functions 6 and 5)"
    )
    read_write: bool = Field(
        default=False, description="Write registers and read them back in one request (function 23)"
    )
    order: Order = Field(
        default=Order.ABCD, description="Order of bytes of the points that do not name their own"
    )
    baudrate: int = Field(default=9600, ge=300, le=4_000_000, description="Serial line: bits per second")
    parity: Literal["N", "E", "O"] = Field(
        default="E", description="Serial line: none, even (as the standard has it) or odd"
    )
    stopbits: Literal[1, 2] = Field(default=1, description="Serial line: stop bits")
    bytesize: Literal[8] = Field(default=8, description="Serial line: bits of a character, 8 in RTU")
    ca: File | None = Field(default=None, description="TLS: file of the authority that signed the device")
    certificate: File | None = Field(default=None, description="TLS: file of our own certificate")
    key: File | None = Field(default=None, description="TLS: file of our own private key")
    server_name: Annotated[str, Field(min_length=1, max_length=253)] | None = Field(
        default=None, description="TLS: name in the device's certificate; the endpoint's host when left out"
    )
    insecure: Annotated[str, Field(max_length=200)] = Field(
        default="", description="Why it is all right that nobody is authenticated; health shows it"
    )


def address_of(point: Point) -> ModbusPoint:
    """Return the point's address as the model that it is."""
    return cast("ModbusPoint", point.address)


def options_of(device: Device) -> ModbusOptions:
    """Return the device's options as the model that they are."""
    return cast("ModbusOptions", device.options)


def order_of(point: Point, device: Device) -> Order:
    """Return the order of a point's bytes, its own or the device's."""
    return address_of(point).order or options_of(device).order


def unit_of(endpoint: Endpoint) -> int:
    """Return the unit id that an endpoint's path names, 1 when it names none; ValueError when it cannot be one.

    On a serial line it stands after the device file, and is always named: `modbus+rtu:///dev/ttyUSB0/7`.
    """
    on_line = endpoint.scheme == SERIAL
    text = endpoint.path.rpartition("/")[2] if on_line else endpoint.path.removeprefix("/")
    if not text and not on_line:
        return 1
    first, last = UNITS_ON_LINE if on_line else (0, LAST_UNIT)
    if not (text.isascii() and text.isdigit() and len(text) <= 3) or not first <= int(text) <= last:
        where = "after the device file stands" if on_line else "the path is"
        raise ValueError(f"{where} the unit id, {first} to {last}, found {endpoint.path!r}")
    return int(text)
