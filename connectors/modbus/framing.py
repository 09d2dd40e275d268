"""How a request and its answer are wrapped: with a header over TCP and TLS, with a checksum on a line.

Pure, one object a connection. `feed` is given what came and returns the payload once the answer is complete, None
before; it raises what `Request.payload` raises, and `WrongReply` for bytes that answer nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from connectors.modbus.pdu import EXCEPTION, WrongReply

if TYPE_CHECKING:
    from connectors.modbus.pdu import Request

_HEADER = 7
_LONGEST_PDU = 253


class Framing(Protocol):
    """One way to wrap."""

    numbered: bool
    """Whether an answer says which request it answers; where it does not, a late one could meet the next."""

    def wrap(self, request: Request) -> bytes:
        """Return the bytes to send; from now on its answer is expected, and what came before is forgotten."""

    def feed(self, data: bytes) -> bytes | None:
        """Take bytes that came."""


class Mbap:
    """Header with transaction, length and unit (MODBUS Messaging on TCP/IP Implementation Guide V1.0b, 3.1.3)."""

    numbered = True

    def __init__(self, peer: str) -> None:
        self._peer = peer
        self._number = 0
        self._buffer = b""
        self._right = b""
        self._size = 0
        self._request: Request

    def wrap(self, request: Request) -> bytes:
        """Return the bytes to send."""
        # Never 0, which some devices answer to everything.
        self._number = self._number % 0xFFFF + 1
        number = self._number.to_bytes(2, "big")
        self._request = request
        self._buffer = b""
        self._right = number + request.mbap_right
        self._size = _HEADER + request.answer_size
        return number + request.mbap_sent

    def feed(self, data: bytes) -> bytes | None:
        """Take bytes that came."""
        if self._buffer:
            data = self._buffer + data
        if len(data) == self._size and data.startswith(self._right):
            return data[len(self._right) :]
        return self._judge(data)

    def _judge(self, data: bytes) -> bytes | None:
        """Tell apart what is not yet complete, an exception response, and everything that is wrong."""
        if len(data) < _HEADER:
            self._buffer = data
            return None
        length = int.from_bytes(data[4:6], "big")
        self._check_header(data, length)
        end = _HEADER - 1 + length
        if len(data) < end:
            self._buffer = data
            return None
        if len(data) > end:
            raise WrongReply(self._peer, "the answer goes on after its end")
        return self._request.payload(data[_HEADER:], self._peer)

    def _check_header(self, data: bytes, length: int) -> None:
        if data[2:4] != b"\0\0":
            raise WrongReply(self._peer, "answered in another protocol than Modbus")
        if not 2 <= length <= _LONGEST_PDU + 1:
            raise WrongReply(self._peer, f"announced {length} bytes, 2 to {_LONGEST_PDU + 1} are possible")
        if data[:2] != self._right[:2]:
            raise WrongReply(self._peer, "answered another request")
        if data[6] != self._request.unit:
            raise WrongReply(self._peer, f"unit {data[6]} answered, unit {self._request.unit} was asked")


class Rtu:
    """Unit and checksum around the PDU (MODBUS over Serial Line V1.02, 2.5.1): no number, no length.

    How long an answer is follows from what was asked, from how it begins and from whether it is an exception.
    """

    numbered = False

    def __init__(self, peer: str) -> None:
        self._peer = peer
        self._buffer = b""
        self._request: Request

    def wrap(self, request: Request) -> bytes:
        """Return the bytes to send."""
        self._request = request
        self._buffer = b""
        body = bytes([request.unit]) + request.pdu
        return body + crc(body)

    def feed(self, data: bytes) -> bytes | None:
        """Take bytes that came."""
        data = self._buffer = self._buffer + data
        request = self._request
        if data[0] != request.unit:
            raise WrongReply(self._peer, f"unit {data[0]} answered, unit {request.unit} was asked")
        if len(data) < 2:
            return None
        refused = data[1] == request.function | EXCEPTION
        if not refused and not _begins_alike(data[1:], request.answer_head):
            raise WrongReply(self._peer, request.difference(data[1:]))
        due = 2 if refused else request.due(data[1:])
        if due > _LONGEST_PDU:
            raise WrongReply(self._peer, f"announced {due} bytes, up to {_LONGEST_PDU} are possible")
        size = due + 3
        if not due or len(data) < size:
            return None
        if len(data) > size:
            raise WrongReply(self._peer, "the answer goes on after its end")
        if crc(data[:-2]) != data[-2:]:
            raise WrongReply(self._peer, "the checksum of the answer is wrong")
        return request.payload(data[1:-2], self._peer)


def _begins_alike(one: bytes, other: bytes) -> bool:
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]


def _remainder(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0xA001 if byte & 1 else 0)
    return byte


_REMAINDERS = tuple(_remainder(byte) for byte in range(256))


def crc(body: bytes) -> bytes:
    """Return the two bytes of the checksum, low byte first (MODBUS over Serial Line V1.02, 6.2.2)."""
    value = 0xFFFF
    for byte in body:
        value = value >> 8 ^ _REMAINDERS[(value ^ byte) & 0xFF]
    return value.to_bytes(2, "little")
