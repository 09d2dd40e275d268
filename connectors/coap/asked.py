"""A request as a site answers it, whatever protected it on the way."""

from __future__ import annotations

from dataclasses import dataclass

import aiocoap

from connectors.payloads.decoding import shown

# Exponents of blocks: what fits into the room that an answer has, at most 64 bytes; 1,024 without such a limit.
_SMALL, _LARGE = 2, 6
# What stands around a slice: header 4, ETag 5, Content-Format 2, Block2 at most 4, the marker.
_AROUND = 16


@dataclass(frozen=True, slots=True)
class Asked:
    """A request after its protection was taken off; `proven` is the name that the protection proves.

    `room` is how many bytes its answer may have, None without limit.
    """

    message: aiocoap.Message
    source: str
    proven: str | None
    room: int | None

    @property
    def exponent(self) -> int:
        """Exponent of the largest block that an answer may have (16 bytes at least fit in three times any question)."""
        if self.room is None:
            return _LARGE
        left = self.room - _AROUND - len(self.message.token)
        return max(0, min(_SMALL, left.bit_length() - 5))


def refuse(code: aiocoap.Code, words: str) -> aiocoap.Message:
    """Return an answer that says no, in at most 60 characters."""
    return aiocoap.Message(code=code, payload=shown(words).encode())
