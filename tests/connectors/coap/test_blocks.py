"""Bodies in blocks: what fits together, what does not, and what is given up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiocoap
import pytest

from connectors.coap import blocks, exchange
from connectors.coap.blocks import UPLOAD_LIFETIME_S, Refused, Uploads, slice_of
from connectors.coap.exchange import NoAnswer
from connectors.coap.line import line_to
from tests.connectors.coap.answering import answering
from tests.servers import LOOPBACK

if TYPE_CHECKING:
    from connectors.coap.server import Request


def block(number: int, payload: bytes, *, more: bool, **options: Any) -> aiocoap.Message:
    message = aiocoap.Message(code=aiocoap.CONTENT, payload=payload, **options)
    message.opt.block2 = (number, more, 0)
    return message


async def whole(second: aiocoap.Message) -> bytes:
    """Read a body of which the first block has 16 bytes and `second` is what follows."""

    async def handle(_request: Request) -> aiocoap.Message:
        return second

    async with answering(handle) as port, line_to(LOOPBACK, port) as line:
        first = block(0, b"a" * 16, more=True, etag=b"1")
        body = await blocks.rest(line, first, lambda: exchange.request("/t?long=question", LOOPBACK), 5)
    payload: bytes = body.payload
    return payload


async def test_a_body_is_its_blocks_in_order():
    """The last block may be shorter."""
    assert await whole(block(1, b"b" * 5, more=False, etag=b"1")) == b"a" * 16 + b"b" * 5


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (aiocoap.Message(code=aiocoap.NOT_FOUND), "a block was refused: 4.04 Not Found"),
        (block(1, b"b", more=False, etag=b"2"), "the value changed while its blocks were read"),
        (block(2, b"b", more=False, etag=b"1"), "the blocks do not fit together"),
        (block(1, b"b", more=True, etag=b"1"), "the blocks do not fit together"),
        (block(1, b"", more=False, etag=b"1"), "the blocks do not fit together"),
    ],
)
async def test_a_block_that_does_not_fit_is_no_answer(second, words):
    """A refused block, one of another state, of another place or of another size ends the body with words."""
    with pytest.raises(ExceptionGroup) as caught:
        await whole(second)

    (none,) = caught.value.exceptions
    assert isinstance(none, NoAnswer)
    assert str(none) == words


def part(number: int, payload: bytes, *, more: bool = True) -> aiocoap.Message:
    return aiocoap.Message(code=aiocoap.POST, payload=payload, block1=(number, more, 0))


def test_a_block_that_comes_again_must_be_the_same():
    """A repeated block changes nothing; with another content the upload is refused."""
    uploads = Uploads()
    uploads.take("a", part(0, b"x" * 16), 0.0)
    uploads.take("a", part(1, b"y" * 16), 0.0)
    uploads.take("a", part(1, b"y" * 16), 0.0)
    with pytest.raises(Refused, match="a block came twice, with another content"):
        uploads.take("a", part(1, b"z" * 16), 0.0)

    assert uploads.take("a", part(2, b"end", more=False), 0.0) == b"x" * 16 + b"y" * 16 + b"end"


def test_an_upload_that_rests_is_given_up():
    """After its lifetime an upload is forgotten as soon as another block comes, and cannot be gone on with."""
    uploads = Uploads()
    uploads.take("a", part(0, b"x" * 16), 0.0)
    uploads.take("b", part(0, b"x" * 16), UPLOAD_LIFETIME_S)

    assert len(uploads) == 1
    with pytest.raises(Refused, match="a block before this one is missing"):
        uploads.take("a", part(1, b"end", more=False), UPLOAD_LIFETIME_S)


def test_a_block_beyond_the_end_is_refused():
    """There is no slice after the last one."""
    asked = aiocoap.Message(code=aiocoap.GET, block2=(9, False, 0))
    answer = slice_of(aiocoap.Message(code=aiocoap.CONTENT, payload=b"x" * 40), asked, b"1", 2)

    assert (answer.code, answer.payload) == (aiocoap.BAD_OPTION, b"no such block")
