"""OSCORE contexts that outlive the process: no number twice, no request twice."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import aiocoap
import pytest
from aiocoap import oscore
from hypothesis import given
from hypothesis import strategies as st

from connectors.coap import keys as module
from connectors.coap.keys import Exhausted, KeyGuard, Keys, KeysTaken, Secret
from connectors.coap.protection import Protected
from connectors.coap.server import Request
from connectors.coap.strangers import Strangers
from connectors.conformance.recording import RecordingSink

if TYPE_CHECKING:
    from connectors.coap.asked import Asked

OURS = Secret(b"\x01", b"\x02", bytes(range(16)), b"salt", None)
THEIRS = Secret(b"\x02", b"\x01", bytes(range(16)), b"salt", None)


def numbers(keys: Keys, count: int) -> list[int]:
    return [keys.new_sequence_number() for _ in range(count)]


async def test_numbers_go_on_after_an_orderly_end(tmp_path):
    """Nothing is skipped when the context was given back."""
    first = Keys(OURS, tmp_path)
    await first.open()
    before = numbers(first, 5)
    await first.close()
    second = Keys(OURS, tmp_path)
    await second.open()
    after = numbers(second, 2)
    await second.close()

    assert (before, after) == ([0, 1, 2, 3, 4], [5, 6])


async def test_no_number_is_used_twice_after_a_crash(tmp_path):
    """What was on disk at any time is above every number that was used by then."""
    keys = Keys(OURS, tmp_path)
    await keys.open()
    used: set[int] = set()
    file = tmp_path / OURS.file
    for _ in range(20):
        await keys.reserve()
        used.update(numbers(keys, 700))
        crashed = json.loads(file.read_text())["next"]

        assert crashed > max(used)
    await keys.close()

    assert len(used) == 14_000


async def test_a_number_that_is_not_reserved_is_not_used(tmp_path, monkeypatch):
    """A burst that outruns the disk waits instead."""
    monkeypatch.setattr(module, "_STRETCH", 10)
    keys = Keys(OURS, tmp_path)
    await keys.open()
    numbers(keys, 10)
    with pytest.raises(Exhausted, match="no OSCORE sequence number is reserved yet"):
        KeyGuard(keys).protect(aiocoap.Message(code=aiocoap.GET))
    await keys.close()


async def test_one_process_has_a_context(tmp_path):
    """A second one is refused until the first has given it back."""
    first, second = Keys(OURS, tmp_path), Keys(OURS, tmp_path)
    await first.open()
    with pytest.raises(KeysTaken, match="in use already"):
        await second.open()
    await first.close()
    await second.open()
    await second.close()


async def test_a_damaged_file_is_never_begun_anew(tmp_path):
    """Numbers that are not known must not be used again; the words say what helps."""
    (tmp_path / OURS.file).write_text("{")
    with pytest.raises(KeysTaken, match="agree on a new OSCORE secret"):
        await Keys(OURS, tmp_path).open()


async def test_what_one_end_protects_the_other_reads_once(tmp_path):
    """A request is let through once; replayed it is refused, before and after an orderly restart."""
    ours, theirs = Keys(OURS, tmp_path), Keys(THEIRS, tmp_path)
    await ours.open()
    await theirs.open()
    outer, _ = ours.protect(aiocoap.Message(code=aiocoap.GET, uri_path=("a",)))
    received = aiocoap.Message.decode(encoded(outer))
    inner, _ = theirs.unprotect(received)
    with pytest.raises(ValueError, match="reused"):
        theirs.unprotect(aiocoap.Message.decode(encoded(outer)))
    await theirs.close()
    again = Keys(THEIRS, tmp_path)
    await again.open()
    with pytest.raises(ValueError, match="reused"):
        again.unprotect(aiocoap.Message.decode(encoded(outer)))
    await again.close()
    await ours.close()

    assert inner.opt.uri_path == ("a",)


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """A context in use, and what a request of it is answered by."""

    async def made() -> tuple[Keys, object]:
        keys = Keys(OURS, tmp_path_factory.mktemp("keys"))
        await keys.open()
        _, asked = keys.protect(aiocoap.Message(code=aiocoap.GET))
        return keys, asked

    return asyncio.run(made())


@given(st.binary(max_size=12), st.binary(max_size=40))
def test_no_answer_but_the_right_one_is_let_through(opened, option, payload):
    """Whatever stands in a forged answer, it is a ValueError with words, and nothing else."""
    keys, asked = opened
    answer = aiocoap.Message(code=aiocoap.CONTENT, payload=payload, oscore=option)
    received = aiocoap.Message.decode(encoded(answer))
    with pytest.raises(ValueError, match="an answer that OSCORE does not let through"):
        KeyGuard(keys).unprotect(received, asked)


def encoded(message: aiocoap.Message) -> bytes:
    message.mtype, message.mid = aiocoap.CON, 1
    data: bytes = message.encode()
    return data


def test_another_secret_is_another_file():
    """The file follows the key, and says nothing of it."""
    other = Secret(OURS.sender_id, OURS.recipient_id, bytes(16), OURS.salt, None)

    assert len({OURS.file, THEIRS.file, other.file}) == 3
    assert OURS.secret.hex() not in OURS.file


async def test_a_disk_that_fails_later_is_said_and_costs_no_number(tmp_path):
    """When no further numbers can be made durable nothing is sent with them; the context goes on when they can."""
    keys = Keys(OURS, tmp_path)
    await keys.open()
    used = numbers(keys, 4_000)
    in_the_way = (tmp_path / OURS.file).with_suffix(".new")
    in_the_way.mkdir()
    with pytest.raises(KeysTaken, match="the OSCORE sequence numbers cannot be kept: is a directory"):
        await keys.reserve()
    in_the_way.rmdir()
    await keys.reserve()
    used += numbers(keys, 4_000)
    await keys.close()

    assert used == list(range(8_000))


async def test_a_context_that_is_used_up_says_what_to_do(tmp_path):
    """After the last number (RFC 8613, section 7.2.1) nothing is protected any more."""
    keys = Keys(OURS, tmp_path)
    await keys.open()
    before, keys.sender_sequence_number = keys.sender_sequence_number, oscore.MAX_SEQNO
    with pytest.raises(Exhausted, match="agree on a new secret"):
        KeyGuard(keys).protect(aiocoap.Message(code=aiocoap.GET))
    keys.sender_sequence_number = before
    await keys.close()


async def served(tmp_path, prepare) -> list[aiocoap.Message]:
    """Send one protected request twice to a site whose context is as `prepare` leaves it; returns its answers."""
    ours, theirs = Keys(OURS, tmp_path), Keys(THEIRS, tmp_path)
    await ours.open()
    await theirs.open()

    async def answer(_asked: Asked) -> aiocoap.Message:
        return aiocoap.Message(code=aiocoap.CHANGED)

    site = Protected({"lamp-1": ours}, answer, Strangers(RecordingSink()))
    outer, _ = theirs.protect(aiocoap.Message(code=aiocoap.POST, uri_path=("readings",)))
    undo = prepare(ours)
    requests = [Request(aiocoap.Message.decode(encoded(outer)), "h:1", None, 100) for _ in range(2)]
    answers = [await site.handle(request) for request in requests]
    undo()
    await ours.close()
    await theirs.close()
    return answers


async def test_a_request_that_comes_twice_is_answered_once(tmp_path):
    """The second is refused with the words of RFC 8613, section 8.2."""
    first, second = await served(tmp_path, lambda _: lambda: None)

    assert first.opt.oscore is not None
    assert (second.code, second.payload) == (aiocoap.UNAUTHORIZED, b"Replay detected")


async def test_a_site_whose_disk_fails_is_busy(tmp_path):
    """No request is taken while numbers cannot be kept; the device may come again."""

    def prepare(keys: Keys):
        numbers(keys, 4_000)
        in_the_way = (tmp_path / OURS.file).with_suffix(".new")
        in_the_way.mkdir()
        return in_the_way.rmdir

    answers = await served(tmp_path, prepare)

    assert [(one.code, one.opt.max_age) for one in answers] == [(aiocoap.SERVICE_UNAVAILABLE, 10)] * 2
