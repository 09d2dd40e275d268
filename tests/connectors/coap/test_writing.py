"""What becomes of settings: refused, unknown, or written with what the device has afterwards."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import aiocoap
import pytest

from connectors.abilities import Done, Outcome, Setting
from connectors.coap import connector
from connectors.coap.keys import Exhausted
from connectors.coap.line import line_to
from connectors.coap.writing import Writer
from connectors.conformance.recording import bind, device
from tests.connectors.coap.answering import answering
from tests.servers import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.coap.exchange import Guard
    from connectors.coap.security import Security
    from connectors.coap.server import Request

TEXT = {"resource": "/dim", "format": "text", "writable": True}


class Protection:
    """A security that is not none; its guard is as the test wants it."""

    name = "OSCORE"

    def __init__(self, guard: Guard | None = None) -> None:
        self._guard = guard

    async def guard(self) -> Guard | None:
        return self._guard


class UsedUp:
    """A guard without numbers."""

    def protect(self, _message: aiocoap.Message) -> tuple[aiocoap.Message, object]:
        raise Exhausted("the numbers are used up")

    def unprotect(self, _message: aiocoap.Message, _asked: object) -> aiocoap.Message:
        raise AssertionError


async def written(
    get: Callable[[aiocoap.Message], aiocoap.Message | None],
    points: dict[str, dict[str, object]] | None = None,
    raw: float | str = 70.0,
    guard: Guard | None = None,
) -> tuple[list[Outcome], list[aiocoap.Code]]:
    """Set all points of a device that takes what it gets and answers questions as `get` says (None: not at all)."""
    asked: list[aiocoap.Code] = []

    async def handle(request: Request) -> aiocoap.Message:
        asked.append(request.message.code)
        answer = aiocoap.Message(code=aiocoap.CHANGED)
        if request.message.code is aiocoap.GET:
            answer = get(request.message)
        if answer is None:
            await asyncio.Event().wait()
        return answer

    bound = bind(device(connector, "coap://h", points or {"level": TEXT}))
    async with answering(handle) as port, line_to(LOOPBACK, port) as line:
        writer = Writer(line, LOOPBACK, 2.0, cast("Security", Protection(guard)))
        outcomes = await writer.write([Setting(point, raw) for point in bound.points])
    return list(outcomes), asked


def content(payload: bytes, **options: object) -> aiocoap.Message:
    return aiocoap.Message(code=aiocoap.CONTENT, payload=payload, **options)


async def test_without_numbers_nothing_is_sent():
    """Where the protection has no number left the setting is refused, which is certain, and says why."""
    outcomes, asked = await written(lambda _: None, guard=UsedUp())

    assert [(one.done, one.words) for one in outcomes] == [(Done.REFUSED, "the numbers are used up")]
    assert not asked


async def test_a_setting_without_an_answer_is_unknown():
    """Whether a device took it that said nothing cannot be known."""

    async def handle(_request: Request) -> aiocoap.Message:
        await asyncio.Event().wait()
        raise AssertionError

    bound = bind(device(connector, "coap://h", {"level": TEXT}))
    async with answering(handle) as port, line_to(LOOPBACK, port) as line:
        writer = Writer(line, LOOPBACK, 0.3, cast("Security", Protection()))
        (outcome,) = await writer.write([Setting(bound.points[0], 70.0)])

    assert (outcome.done, outcome.words) == (Done.UNKNOWN, "no answer within 0.3 s")
    assert outcome.read_back is None


@pytest.mark.parametrize(
    "get",
    [
        lambda _: None,
        lambda _: aiocoap.Message(code=aiocoap.FORBIDDEN),
        lambda _: content(b"bright", content_format=0),
        lambda _: content(b"7", block2=(3, True, 0)),
    ],
    ids=["silent", "refused", "no number", "wrong blocks"],
)
async def test_what_a_device_does_not_tell_is_not_read_back(get):
    """A setting stays written when the question afterwards comes to nothing, and no value is made up."""
    (outcome,), _ = await written(get)

    assert (outcome.done, outcome.read_back) == (Done.WRITTEN, None)


async def test_a_value_in_blocks_is_read_back_whole():
    """What a device has is put together before it is read."""

    def get(asked: aiocoap.Message) -> aiocoap.Message:
        number = 0 if asked.opt.block2 is None else asked.opt.block2.block_number
        body = b'{"level": 70}'.ljust(40)
        part = body[16 * number : 16 * number + 16]
        return content(part, content_format=50, block2=(number, number < 2, 0))

    point = {"resource": "/dim", "format": "json", "key": "level", "writable": True}
    (outcome,), asked = await written(get, {"level": point})

    assert (outcome.done, outcome.read_back) == (Done.WRITTEN, 70)
    assert asked == [aiocoap.PUT, aiocoap.GET, aiocoap.GET, aiocoap.GET]


@pytest.mark.parametrize(("said", "back"), [(b"1", 1), (b"7", None)])
async def test_a_state_is_read_back_as_its_code(said, back):
    """A code that the profile names is what the device has; another is not taken for one."""
    states = {"level": {**TEXT, "states": {0: "dark", 1: "lit"}}}
    (outcome,), _ = await written(lambda _: content(said, content_format=0), states, raw=1)

    assert (outcome.done, outcome.read_back) == (Done.WRITTEN, back)


@pytest.mark.parametrize(
    ("first", "second", "requests"),
    [
        (TEXT, TEXT, 2),
        ({**TEXT, "format": "json", "key": "a"}, {**TEXT, "format": "json", "key": "a.b"}, 2),
        ({**TEXT, "format": "json", "key": "a"}, {**TEXT, "format": "json", "key": "b"}, 1),
    ],
    ids=["one text", "one inside of the other", "side by side"],
)
async def test_two_values_that_one_payload_cannot_hold_go_one_after_the_other(first, second, requests):
    """Nothing is called written that was not sent."""
    _, asked = await written(
        lambda _: aiocoap.Message(code=aiocoap.CONTENT, payload=b"70"), {"one": first, "two": second}
    )

    assert asked.count(aiocoap.PUT) == requests
