"""What a device says of itself: Read Device Identification (MODBUS Application Protocol V1.1b3, 6.21). Pure.

Function 43 with MEI type 14 reads objects, each an id, a length and a text; what does not fit into one answer is asked
for by the id at which the answer says that it goes on.
"""

from __future__ import annotations

from dataclasses import dataclass

from connectors.modbus.pdu import Request

ENCAPSULATED, DEVICE_IDENTIFICATION = 43, 14
BASIC, REGULAR = 1, 2
NAMES = {
    0: "vendor",
    1: "product code",
    2: "revision",
    3: "vendor's URL",
    4: "product name",
    5: "model name",
    6: "application",
}
"""Objects of the basic and the regular category."""

# Of an answer: what was asked (function, MEI type, category), conformity, whether more follows, from where, objects.
_HEAD = 3
_FIXED = 7
_MORE_FOLLOWS = 0xFF
_KINDS_OF_ACCESS = 0x80


class Identify(Request):
    """Ask for the objects of a category, from one object on; the payload is what `part_of` reads."""

    __slots__ = ()

    def __init__(self, unit: int, category: int, first: int = 0) -> None:
        head = bytes([ENCAPSULATED, DEVICE_IDENTIFICATION, category])
        super().__init__(unit, head + bytes([first]), head, _FIXED - _HEAD)

    def due(self, pdu: bytes) -> int:
        """Return the length that the objects in `pdu` add up to, 0 while they are not all known."""
        if len(pdu) < _FIXED:
            return 0
        at = _FIXED
        for _ in range(pdu[_FIXED - 1]):
            if len(pdu) < at + 2:
                return 0
            at += 2 + pdu[at + 1]
        return at

    def payload(self, pdu: bytes, peer: str) -> bytes:
        """Return what follows the category, where the objects fill the answer; raises as `Request.payload` does."""
        if pdu.startswith(self.answer_head) and self.due(pdu) == len(pdu):
            return pdu[_HEAD:]
        return super().payload(pdu, peer)


@dataclass(frozen=True, slots=True)
class Part:
    """One answer: texts by object, the object at which more follows (None: nothing does), and how much there is."""

    texts: dict[int, str]
    goes_on_at: int | None
    conformity: int


def part_of(payload: bytes) -> Part:
    """Return what the payload of `Identify` says, as far as it goes."""
    conformity, more, following, count = payload[:4]
    texts, rest = {}, payload[4:]
    for _ in range(count):
        if len(rest) < 2:
            break
        number, size = rest[:2]
        texts[number] = rest[2 : 2 + size].decode("utf-8", "replace").strip(" \0")
        rest = rest[2 + size :]
    goes_on = following if more == _MORE_FOLLOWS and following not in texts else None
    return Part(texts, goes_on, conformity & ~_KINDS_OF_ACCESS)
