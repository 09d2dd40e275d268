"""Datagrams to messages and back, strictly: what RFC 7252 calls a format error never becomes a message. Pure."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import aiocoap
from aiocoap import error as coap_error
from aiocoap.numbers.codes import EMPTY
from aiocoap.numbers.types import ACK, CON, NON, RST

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER = 4
LONGEST_TOKEN = 8
MARKER = 0xFF
_RESERVED = 15
_LAST_OPTION = 65_535  # RFC 7252, section 12.2
_EXTENDED = {13: (1, 13), 14: (2, 269)}
# More than any message needs; each option costs, so their number is a way to keep us busy.
_MOST_OPTIONS = 64

OSCORE = 9
BLOCK2 = 23
BLOCK1 = 27
# Critical options (odd numbers) that mean something in a response: RFC 7252, table 4; RFC 7959; RFC 8613.
RESPONSE_OPTIONS = frozenset({OSCORE, BLOCK2, BLOCK1})
# In a request as well: If-Match 1, Uri-Host 3, If-None-Match 5, Uri-Port 7, Uri-Path 11, Uri-Query 15, Accept 17.
REQUEST_OPTIONS = frozenset({1, 3, 5, 7, 11, 15, 17, OSCORE, BLOCK2, BLOCK1})


class NotCoap(ValueError):
    """Raised for a datagram that is no CoAP message; its words are some of a few, so that they can be counted."""


def decode(data: bytes) -> aiocoap.Message:
    """Return the message of a datagram; NotCoap when it is none (RFC 7252, section 3)."""
    payload_at = _check(data)
    has_payload = payload_at < len(data)
    try:
        message = aiocoap.Message.decode(data[:payload_at])
    except (coap_error.Error, ValueError, IndexError, struct.error) as error:
        raise NotCoap("an option that cannot be read") from error
    if has_payload:
        message.payload = data[payload_at + 1 :]
    return message


def _check(data: bytes) -> int:
    """Return where the payload marker stands, or the length when there is none."""
    if len(data) < HEADER:
        raise NotCoap("shorter than a header")
    first, code = data[0], data[1]
    if first >> 6 != 1:
        raise NotCoap("another version")
    token = first & 0x0F
    if token > LONGEST_TOKEN:
        raise NotCoap("a token above 8 bytes")
    if code == 0 and (token or len(data) > HEADER):
        raise NotCoap("an empty message that is not empty")
    return _payload_at(data, HEADER + token)


def _payload_at(data: bytes, at: int) -> int:
    if at > len(data):
        raise NotCoap("shorter than its token")
    number = 0
    for _ in range(_MOST_OPTIONS):
        if at == len(data):
            return at
        if data[at] == MARKER:
            if at + 1 == len(data):
                raise NotCoap("a payload marker without payload")
            return at
        delta, at = _after_option(data, at)
        number += delta
        if number > _LAST_OPTION:
            raise NotCoap(f"an option number above {_LAST_OPTION}")
    if at == len(data) or data[at] == MARKER:
        return at
    raise NotCoap(f"more than {_MOST_OPTIONS} options")


def _after_option(data: bytes, at: int) -> tuple[int, int]:
    """Return how far an option's number is from the one before, and where the option ends."""
    delta, length = data[at] >> 4, data[at] & 0x0F
    at += 1
    if _RESERVED in {delta, length}:
        raise NotCoap("a reserved option delta or length")
    delta, at = _extended(data, at, delta)
    length, at = _extended(data, at, length)
    at += length
    if at > len(data):
        raise NotCoap("an option that is cut off")
    return delta, at


def _extended(data: bytes, at: int, nibble: int) -> tuple[int, int]:
    """Return a delta or a length with the bytes that belong to it, and where they end."""
    size, base = _EXTENDED.get(nibble, (0, nibble))
    return int.from_bytes(data[at : at + size], "big") + base, at + size


def misunderstood(message: aiocoap.Message, understood: frozenset[int]) -> Iterator[int]:
    """Yield the critical options (odd numbers) that must be understood and are not (RFC 7252, section 5.4.1)."""
    for option in message.opt.option_list():
        if option.number % 2 and option.number not in understood:
            yield int(option.number)


def empty(kind: int, mid: int) -> bytes:
    """Return an empty message: an acknowledgement or a reset."""
    return bytes([0x40 | kind << 4, 0]) + mid.to_bytes(2, "big")


def encode(message: aiocoap.Message, kind: int, mid: int, token: bytes) -> bytes:
    """Return the datagram of a message."""
    message.mtype, message.mid, message.token = aiocoap.Type(kind), mid, token
    message.direction = aiocoap.message.Direction.OUTGOING
    data: bytes = message.encode()
    return data


__all__ = [
    "ACK",
    "CON",
    "EMPTY",
    "NON",
    "REQUEST_OPTIONS",
    "RESPONSE_OPTIONS",
    "RST",
    "NotCoap",
    "decode",
    "empty",
    "encode",
    "misunderstood",
]
