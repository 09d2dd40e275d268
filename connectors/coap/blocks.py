"""Bodies in blocks (RFC 7959), bounded: whole answers for a client, uploads and slices for a server."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiocoap

from connectors.coap.exchange import NoAnswer, ask
from connectors.payloads.decoding import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.coap.exchange import Guard
    from connectors.coap.line import Line

_BERT = 7
# RFC 7252, section 4.8.2: EXCHANGE_LIFETIME; an upload that rests longer is given up (RFC 7959, section 2.4).
UPLOAD_LIFETIME_S = 247.0
MOST_UPLOADS = 64
_USUAL_EXPONENT = 6


def is_fitting(message: aiocoap.Message, have: int) -> bool:
    """Whether a block continues a body of `have` bytes, and is as large as it says."""
    block = message.opt.block2
    if block is None or block.size_exponent == _BERT or block.start != have:
        return False
    size: int = block.size
    return len(message.payload) == size if block.more else len(message.payload) <= size


async def rest(
    line: Line,
    first: aiocoap.Message,
    ask_for: Callable[[], aiocoap.Message],
    timeout_s: float,
    guard: Guard | None = None,
) -> aiocoap.Message:
    """Return `first` with the blocks that follow it; NoAnswer when they do not come or do not fit.

    `ask_for` makes the request anew. All blocks must be of one representation (ETag, section 2.4), and no more than
    64 KiB.
    """
    if not is_fitting(first, 0):
        raise NoAnswer("the blocks do not fit together")
    body, last = bytearray(first.payload), first
    while last.opt.block2.more:
        message = ask_for()
        message.opt.block2 = (len(body) // last.opt.block2.size, False, last.opt.block2.size_exponent)
        last = await ask(line, message, timeout_s, guard)
        _check(first, last, len(body))
        body += last.payload
        if len(body) > MOST_BYTES:
            raise NoAnswer(f"more than the {MOST_BYTES} bytes that are read")
    first.payload = bytes(body)
    return first


def _check(first: aiocoap.Message, block: aiocoap.Message, have: int) -> None:
    if block.code is not aiocoap.CONTENT:
        raise NoAnswer(f"a block was refused: {block.code}")
    if block.opt.etag != first.opt.etag:
        raise NoAnswer("the value changed while its blocks were read")
    if not is_fitting(block, have) or not block.payload:
        raise NoAnswer("the blocks do not fit together")


class Refused(Exception):
    """Raised for an upload that is not taken; carries the answer."""

    def __init__(self, code: aiocoap.Code, words: str) -> None:
        self.code = code
        self.words = words
        super().__init__(words)


@dataclass(slots=True)
class _Upload:
    body: bytearray
    at_s: float


class Uploads:
    """Request bodies in the making, keyed by who sends them and where to; the oldest goes when there are too many."""

    def __init__(self) -> None:
        self._uploads: OrderedDict[object, _Upload] = OrderedDict()

    def __len__(self) -> int:
        """How many are in the making."""
        return len(self._uploads)

    def take(self, key: object, message: aiocoap.Message, now_s: float) -> bytes | None:
        """Return the whole body when this was its last block, None when more must follow; Refused with the reason."""
        block = message.opt.block1
        if block is None:
            return bytes(message.payload)
        if block.size_exponent == _BERT:
            raise Refused(aiocoap.BAD_REQUEST, "a reserved block size")
        if block.start + len(message.payload) > MOST_BYTES:
            raise Refused(aiocoap.REQUEST_ENTITY_TOO_LARGE, f"at most {MOST_BYTES} bytes")
        size = len(message.payload)
        if size > block.size or (block.more and size != block.size):
            raise Refused(aiocoap.BAD_REQUEST, "a block is not as large as it says")
        self._expire(now_s)
        return self._add(key, message, now_s)

    def _add(self, key: object, message: aiocoap.Message, now_s: float) -> bytes | None:
        block = message.opt.block1
        upload = self._uploads.get(key)
        if block.block_number == 0:
            upload = self._begin(key, now_s)
        elif upload is None or block.start > len(upload.body):
            raise Refused(aiocoap.REQUEST_ENTITY_INCOMPLETE, "a block before this one is missing")
        if block.start == len(upload.body):
            upload.body += message.payload
        elif upload.body[block.start : block.start + len(message.payload)] != message.payload:
            raise Refused(aiocoap.REQUEST_ENTITY_INCOMPLETE, "a block came twice, with another content")
        upload.at_s = now_s
        if block.more:
            return None
        return bytes(self._uploads.pop(key).body)

    def _begin(self, key: object, now_s: float) -> _Upload:
        upload = self._uploads[key] = _Upload(bytearray(), now_s)
        self._uploads.move_to_end(key)
        if len(self._uploads) > MOST_UPLOADS:
            self._uploads.popitem(last=False)
        return upload

    def _expire(self, now_s: float) -> None:
        while self._uploads:
            oldest = next(iter(self._uploads))
            if now_s - self._uploads[oldest].at_s < UPLOAD_LIFETIME_S:
                return
            del self._uploads[oldest]


def slice_of(answer: aiocoap.Message, asked: aiocoap.Message, etag: bytes, exponent: int) -> aiocoap.Message:
    """Return the block of `answer` that was asked for, no larger than `exponent` says; a small answer as it is."""
    block = asked.opt.block2
    number, wanted = (0, exponent) if block is None else (block.block_number, block.size_exponent)
    used = min(wanted, exponent, _USUAL_EXPONENT)
    size = 2 ** (used + 4)
    start = number * 2 ** (min(wanted, _USUAL_EXPONENT) + 4)
    if len(answer.payload) <= size and start == 0:
        return answer
    if start >= len(answer.payload) or start % size:
        return aiocoap.Message(code=aiocoap.BAD_OPTION, payload=b"no such block")
    part = answer.payload[start : start + size]
    made = aiocoap.Message(
        code=answer.code, payload=part, content_format=answer.opt.content_format, etag=etag
    )
    made.opt.block2 = (start // size, start + size < len(answer.payload), used)
    return made
