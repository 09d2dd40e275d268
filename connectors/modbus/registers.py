"""What registers are and what they hold: tables, types, orders of bytes, and how they are written in files."""

from __future__ import annotations

import math
import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from twin.model.source import shown, suggest

LAST_ADDRESS = 65535
NAN = "nan"
_REGISTER = re.compile(r"(coil|discrete|input|holding):([0-9]{1,5})")
_FIELD = re.compile(r"([0-9]{1,2})(?:-([0-9]{1,2}))?")
_MANUAL = re.compile(r"([0134])(?:[0-9]{4}|[0-9]{5})")
_HEX = re.compile(r"0[xX][0-9a-fA-F]{1,16}")


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

    @property
    def function(self) -> int:
        """Function code that reads it: 1 to 4 (MODBUS Application Protocol V1.1b3, 6.1 to 6.4)."""
        return {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}[self]


# A manual's five or six digits begin with the table's number (as in V1.1b3, 4.4, where data are numbered from 1).
_MANUAL_TABLES = {"0": Table.COIL, "1": Table.DISCRETE, "3": Table.INPUT, "4": Table.HOLDING}


class ValueType(StrEnum):
    """What a point's bits or registers hold."""

    BOOL = "bool"
    INT8 = "int8"
    UINT8 = "uint8"
    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    INT64 = "int64"
    UINT64 = "uint64"
    FLOAT16 = "float16"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    BCD16 = "bcd16"
    BCD32 = "bcd32"
    STRING = "string"

    @property
    def bits(self) -> int:
        """Number of bits of one value: 1 for a bool, 0 for a string, whose length the point says."""
        digits = self.value.lstrip("abcdefghijklmnopqrstuvwxyz")
        return int(digits) if digits else int(self is ValueType.BOOL)

    @property
    def registers(self) -> int:
        """Number of registers (or bits, for bool) that a value takes, 0 for a string."""
        return (self.bits + 15) // 16

    @property
    def is_float(self) -> bool:
        """Whether it is an IEEE 754 number."""
        return self in {ValueType.FLOAT16, ValueType.FLOAT32, ValueType.FLOAT64}

    @property
    def is_bcd(self) -> bool:
        """Whether it is a decimal digit for each four bits."""
        return self in {ValueType.BCD16, ValueType.BCD32}

    @property
    def is_byte(self) -> bool:
        """Whether it is half a register."""
        return self in {ValueType.INT8, ValueType.UINT8}

    @property
    def is_signed(self) -> bool:
        """Whether it is an integer that may be negative."""
        return self.value.startswith("int")

    @property
    def limits(self) -> tuple[int, int]:
        """Least and greatest value of an integer type, a BCD or a bool; ValueError for others."""
        if self.is_float or self is ValueType.STRING:
            raise ValueError(f"a {self} is no integer")
        if self.is_bcd:
            return 0, int(10 ** (self.bits // 4)) - 1
        if self.is_signed:
            return -(1 << self.bits - 1), (1 << self.bits - 1) - 1
        return 0, (1 << self.bits) - 1


class Order(StrEnum):
    """Order in which the bytes of a value travel, A being the most significant of a 32-bit value.

    16-bit values and strings know only whether the two bytes of each register are swapped (BADC, DCBA). For 64 bits
    the same two questions are asked: are the bytes of each register swapped (BADC, DCBA), do the registers come last
    first (CDAB, DCBA).
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


class Half(StrEnum):
    """Which byte of a register an 8-bit value is, after `order` has put them right."""

    HIGH = "high"
    LOW = "low"


def _check_register(value: str) -> str:
    match = _REGISTER.fullmatch(value)
    if match is None or int(match[2]) > LAST_ADDRESS:
        raise ValueError(
            f"expected coil, discrete, input or holding, a colon and 0 to {LAST_ADDRESS}{_meant(value)}"
        )
    return value


def _meant(value: str) -> str:
    """Return what somebody may have meant: a manual's number, or a table with a slip of the pen."""
    if (match := _MANUAL.fullmatch(value)) and 1 <= (number := int(value[1:])) <= LAST_ADDRESS + 1:
        return f" (a manual's {value} is {_MANUAL_TABLES[match[1]]}:{number - 1})"
    name, colon, address = value.partition(":")
    tables = [table.value for table in Table]
    hint = suggest(name.lower(), tables) if colon and name not in tables else ""
    return hint.replace("?", f":{address}?") if address.isdigit() and int(address) <= LAST_ADDRESS else hint


def _check_field(value: str) -> str:
    match = _FIELD.fullmatch(value)
    low, high = (int(match[1]), int(match[2] or match[1])) if match else (0, 64)
    if low > high <= 63:
        raise ValueError(f"write the lower bit first: {high}-{low}")
    if high > 63:
        raise ValueError(f"expected the lowest and the highest bit, such as 4-7, found {shown(value)}")
    return value


def _parse_text(value: object) -> object:
    """Return `"4"` for 4, as YAML reads a field of one bit, or a manual's number where a register belongs."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _parse_pattern(value: object) -> object:
    """Return the integer of `0x7FC00000` or `"0x8000"`, "nan" for NaN; anything else is left to pydantic."""
    if isinstance(value, float) and math.isnan(value):
        return NAN
    if not isinstance(value, str):
        return value
    return NAN if value.lower() == NAN else int(value, 16) if _HEX.fullmatch(value) else value


def _check_pattern(value: int | str) -> int | str:
    if isinstance(value, str) and value != NAN:
        raise ValueError(
            f"expected an integer, a hexadecimal number such as 0x8000, or nan, found {shown(value)}"
        )
    return value


Register = Annotated[str, BeforeValidator(_parse_text), AfterValidator(_check_register)]
BitField = Annotated[str, BeforeValidator(_parse_text), AfterValidator(_check_field)]
Pattern = Annotated[int | str, BeforeValidator(_parse_pattern), AfterValidator(_check_pattern)]


def field_of(text: str) -> tuple[int, int]:
    """Return the lowest bit and the number of bits of a checked `bits: 4-7`."""
    low, _, high = text.partition("-")
    return int(low), int(high or low) - int(low) + 1
