"""Frames: what is right is taken, what is not is never a payload, whatever comes in whatever pieces."""

import itertools
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU

from connectors.modbus import pdu
from connectors.modbus.framing import Mbap, Rtu, crc
from connectors.modbus.pdu import Refused, Unanswered
from connectors.modbus.registers import Table

PEER = "modbus+tcp://x"
READ = pdu.read(7, Table.HOLDING, 100, 3)
PAYLOAD = b"\0\x01\0\x02\0\x03"
ANSWER = b"\x03\x06" + PAYLOAD


def asked(kind, request=READ):
    """Return a framing that has just sent `request`, and what it sent."""
    framing = kind(PEER)
    return framing, framing.wrap(request)


def wrapped(kind, sent, answer, unit=7):
    """Return the bytes of an answer to what was sent."""
    if kind is Mbap:
        return sent[:2] + struct.pack(">HHB", 0, len(answer) + 1, unit) + answer
    body = bytes([unit]) + answer
    return body + crc(body)


def fed(framing, pieces):
    """Return what comes of pieces: the payload, the exception, or None when all is still open."""
    for piece in pieces:
        try:
            payload = framing.feed(piece)
        except (Refused, Unanswered) as error:
            return error
        if payload is not None:
            return payload
    return None


@pytest.mark.parametrize("kind", [Mbap, Rtu])
@given(st.lists(st.integers(0, 20), max_size=10))
def test_an_answer_in_pieces(kind, cuts):
    """Wherever an answer is cut, it is the same answer."""
    framing, sent = asked(kind)
    frame = wrapped(kind, sent, ANSWER)
    edges = [0, *sorted(min(cut, len(frame)) for cut in cuts), len(frame)]
    pieces = [frame[start:end] for start, end in itertools.pairwise(edges) if start < end]

    assert fed(framing, pieces) == PAYLOAD


@pytest.mark.parametrize("kind", [Mbap, Rtu])
@given(st.lists(st.binary(min_size=1, max_size=300), max_size=5))
@example([b"\0\0\0\0\0\0\7"])
@example([b"\0\1\0\0\xff\xff\7\3"])
@example([b"\7\x83"])
def test_random_bytes_are_never_a_value(kind, pieces):
    """Bytes from nowhere give nothing, or a reason; and what is kept of them is bounded."""
    framing, sent = asked(kind)
    found = fed(framing, pieces)

    right = wrapped(kind, sent, ANSWER[:2])[: (9 if kind is Mbap else 3)]
    if isinstance(found, bytes):
        assert b"".join(pieces).startswith(right)
    assert len(framing._buffer) <= 260


@pytest.mark.parametrize("kind", [Mbap, Rtu])
@given(st.integers(0, 30), st.binary(max_size=4), st.integers(0, 4))
def test_a_changed_answer_is_never_a_value(kind, at, instead, dropped):
    """A right answer with bytes changed, put in or left out is refused, unless only its content changed."""
    framing, sent = asked(kind)
    frame = wrapped(kind, sent, ANSWER)
    changed = frame[:at] + instead + frame[at + dropped :]
    found = fed(framing, [changed] if changed else [])

    if isinstance(found, bytes):
        assert len(changed) == len(frame)
        # A header cannot tell that the content changed, a checksum can.
        assert changed[:9] == frame[:9] if kind is Mbap else changed == frame


@pytest.mark.parametrize(("kind", "at"), [*((Mbap, at) for at in range(9)), *((Rtu, at) for at in range(11))])
def test_every_byte_that_says_whose_answer_it_is_counts(kind, at):
    """One other byte in a header, or anywhere in what a checksum covers, and there is no value."""
    framing, sent = asked(kind)
    frame = bytearray(wrapped(kind, sent, ANSWER))
    for other in set(range(256)) - {frame[at]}:
        framing, sent = asked(kind)
        changed = bytes([*frame[:at], other, *frame[at + 1 :]])

        assert not isinstance(fed(framing, [changed]), bytes)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"\x00", "answered function 0, function 3 was asked"),
        (b"\x80", "answered function 128"),
        (b"\x80\x02", "answered function 128"),
        (b"\x83", "bytes, 8 were due|answered 83, 03 06 was due"),
        (b"\x03\xff" + bytes(510), "announced|answered 03 ff, 03 06 was due"),
        (b"\x03\x04" + PAYLOAD, "answered 03 04, 03 06 was due"),
        (b"\x03\x06" + PAYLOAD[:4], "answered 6 bytes, 8 were due"),
        (b"\x03\x06" + PAYLOAD + b"\0\0", "answered 10 bytes, 8 were due"),
        (b"\x04\x06" + PAYLOAD, "answered function 4, function 3 was asked"),
    ],
)
def test_malformed_answers_have_a_reason(answer, words):
    """Every malformed frame is refused with what was found and what was due."""
    framing, sent = asked(Mbap)

    with pytest.raises(Unanswered, match=words):
        framing.feed(wrapped(Mbap, sent, answer))


@pytest.mark.parametrize("length", [0, 1, 255, 65535])
def test_impossible_lengths_are_not_waited_for(length):
    """A length that no frame can have is refused at once."""
    framing, sent = asked(Mbap)

    with pytest.raises(Unanswered, match=f"announced {length} bytes"):
        framing.feed(sent[:2] + struct.pack(">HHB", 0, length, 7))


@pytest.mark.parametrize("kind", [Mbap, Rtu])
@pytest.mark.parametrize("code", [0, 2, 77, 255])
def test_exceptions_of_any_code_are_refusals(kind, code):
    """A code that the standard does not know is said as such."""
    framing, sent = asked(kind)

    with pytest.raises(Refused) as caught:
        framing.feed(wrapped(kind, sent, bytes([0x83, code])))

    assert caught.value.code == code
    assert ("not one of the standard" in caught.value.words) == (code != 2)


def test_256_registers_are_no_answer_to_three():
    """An answer may not be larger than asked, whatever its byte count says."""
    framing, _sent = asked(Rtu)
    body = b"\x07\x03\x00" + bytes(512)

    with pytest.raises(Unanswered):
        framing.feed(body + crc(body))


@given(st.binary(max_size=260))
def test_the_checksum_is_the_one_that_others_compute(body):
    """The table gives what pymodbus gives."""
    assert crc(body) == FramerRTU.compute_CRC(body).to_bytes(2, "big")


def test_the_example_of_the_standard():
    """MODBUS over Serial Line V1.02, 6.2.2: of 02 07 the checksum is 1241, low byte first on the line."""
    assert crc(b"\x02\x07") == b"\x41\x12"


def test_transaction_numbers_are_never_zero_and_always_new():
    """Numbers go round without 0, which some devices answer to everything."""
    framing = Mbap(PEER)
    numbers = [int.from_bytes(framing.wrap(READ)[:2], "big") for _ in range(70_000)]

    assert 0 not in numbers
    assert all(first != second for first, second in itertools.pairwise(numbers))
    assert set(numbers) == set(range(1, 65536))
