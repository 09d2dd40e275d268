"""Requests and what answers them: the protocol data units, without any transport. Pure.

Function codes as in MODBUS Application Protocol V1.1b3, 6; exception responses as in 7. A request knows how its right
answer begins and how long it is, so that anything else is told apart by comparing bytes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from connectors.modbus.registers import Table
from twin.errors import PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Sequence

WRITE_COIL, WRITE_REGISTER, WRITE_COILS, WRITE_REGISTERS = 5, 6, 15, 16
MASK_REGISTER, READ_WRITE = 22, 23

MOST_WRITTEN_REGISTERS = 123
"""Registers in one request of function 16 (V1.1b3, 6.12)."""

MOST_WRITTEN_COILS = 0x7B0
"""Coils in one request of function 15 (V1.1b3, 6.11)."""

MOST_READ_WRITTEN = 121
"""Registers that function 23 writes in one request (V1.1b3, 6.17)."""

ILLEGAL_FUNCTION = 1
ACKNOWLEDGED = 5
_PATH_UNAVAILABLE, _TARGET_SILENT = 10, 11
EXCEPTION = 0x80

_EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "server device failure",
    5: "acknowledge",
    6: "server device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target device failed to respond",
}


class Unanswered(TransientError):
    """Raised when a request got no answer that can be used; the connection is not to be used again."""

    spoils_connection = True


class NoAnswer(Unanswered):
    """Raised when nothing that fits came in time."""


class WrongReply(Unanswered):
    """Raised when something came that does not answer what was asked."""


class ConnectionLost(Unanswered):
    """Raised when the peer hung up before it answered."""


class UnitAway(Unanswered):
    """Raised when a gateway says that the unit behind it does not answer: silence of the unit, not of the gateway."""

    spoils_connection = False

    def __init__(self, peer: str, words: str, code: int) -> None:
        self.code = code
        super().__init__(peer, words)

    @property
    def never_sent(self) -> bool:
        """Whether the gateway did not even try."""
        return self.code == _PATH_UNAVAILABLE


class Refused(PermanentError):
    """Raised when the device answered with an exception; `code` is its number."""

    def __init__(self, peer: str, code: int) -> None:
        self.code = code
        super().__init__(peer, exception_words(code))


class Request:
    """One request, made once and asked again and again.

    A right answer has `answer_size` bytes, begins with `answer_head`, and what follows is its payload.
    """

    __slots__ = ("answer_head", "answer_size", "function", "mbap_right", "mbap_sent", "pdu", "unit")

    def __init__(self, unit: int, pdu: bytes, answer_head: bytes, payload_size: int = 0) -> None:
        self.unit = unit
        self.pdu = pdu
        self.function = pdu[0]
        self.answer_head = answer_head
        self.answer_size = len(answer_head) + payload_size
        # What stands behind the transaction id when it travels over TCP.
        self.mbap_sent = struct.pack(">HHB", 0, len(pdu) + 1, unit) + pdu
        self.mbap_right = struct.pack(">HHB", 0, self.answer_size + 1, unit) + answer_head

    def due(self, pdu: bytes) -> int:  # noqa: ARG002 (requests whose answers say how long they are look at it)
        """Return how many bytes the right answer has that begins with `pdu`, 0 while that cannot be said."""
        return self.answer_size

    def payload(self, pdu: bytes, peer: str) -> bytes:
        """Return what `pdu` carries when it is a right answer.

        Raises `Refused` or `UnitAway` when it is an exception response, `WrongReply` when it is anything else.
        """
        if len(pdu) == self.answer_size and pdu.startswith(self.answer_head):
            return pdu[len(self.answer_head) :]
        if len(pdu) == 2 and pdu[0] == self.function | EXCEPTION:
            raise _exception(peer, pdu[1])
        raise WrongReply(peer, self.difference(pdu))

    def difference(self, pdu: bytes) -> str:
        """Return in words what is wrong with `pdu`, whose beginning is enough."""
        if pdu[0] & ~EXCEPTION != self.function:
            return f"answered function {pdu[0]}, function {self.function} was asked"
        head = self.answer_head
        if pdu[: len(head)] != head:
            return f"answered {pdu[: len(head)].hex(' ')}, {head.hex(' ')} was due"
        return f"answered {len(pdu)} bytes, {self.answer_size} were due"


def exception_words(code: int) -> str:
    """Return an exception code as a person reads it."""
    return f"exception {code}: {_EXCEPTIONS.get(code, 'not one of the standard')}"


def _exception(peer: str, code: int) -> Refused | UnitAway:
    if code in {_PATH_UNAVAILABLE, _TARGET_SILENT}:
        return UnitAway(peer, exception_words(code), code)
    return Refused(peer, code)


def read(unit: int, table: Table, start: int, count: int) -> Request:
    """Read `count` registers or bits (functions 1 to 4); the payload is registers or packed bits."""
    size = (count + 7) // 8 if table.of_bits else 2 * count
    return Request(
        unit, struct.pack(">BHH", table.function, start, count), bytes([table.function, size]), size
    )


def write_coil(unit: int, address: int, *, on: bool) -> Request:
    """Set one coil (function 5)."""
    pdu = struct.pack(">BHH", WRITE_COIL, address, 0xFF00 if on else 0)
    return Request(unit, pdu, pdu)


def write_coils(unit: int, start: int, on: Sequence[bool]) -> Request:
    """Set neighbouring coils (function 15)."""
    packed = sum(bit << at for at, bit in enumerate(on)).to_bytes((len(on) + 7) // 8, "little")
    head = struct.pack(">BHH", WRITE_COILS, start, len(on))
    return Request(unit, head + bytes([len(packed)]) + packed, head)


def write_register(unit: int, address: int, value: int) -> Request:
    """Set one register (function 6)."""
    pdu = struct.pack(">BHH", WRITE_REGISTER, address, value)
    return Request(unit, pdu, pdu)


def write_registers(unit: int, start: int, values: Sequence[int]) -> Request:
    """Set neighbouring registers (function 16)."""
    head = struct.pack(">BHH", WRITE_REGISTERS, start, len(values))
    return Request(unit, head + _counted(values), head)


def mask_register(unit: int, address: int, and_mask: int, or_mask: int) -> Request:
    """Set some bits of one register (function 22): (value AND and_mask) OR (or_mask AND NOT and_mask)."""
    pdu = struct.pack(">BHHH", MASK_REGISTER, address, and_mask, or_mask)
    return Request(unit, pdu, pdu)


def write_then_read(unit: int, start: int, values: Sequence[int]) -> Request:
    """Set neighbouring registers and read the same back in one go (function 23: the write comes first)."""
    count = len(values)
    pdu = struct.pack(">BHHHH", READ_WRITE, start, count, start, count) + _counted(values)
    return Request(unit, pdu, bytes([READ_WRITE, 2 * count]), 2 * count)


def _counted(values: Sequence[int]) -> bytes:
    return struct.pack(f">B{len(values)}H", 2 * len(values), *values)
