"""Read Device Identification: what is asked, and what answers mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.modbus.framing import Rtu, crc
from connectors.modbus.identity import BASIC, Identify, part_of
from connectors.modbus.pdu import Refused, WrongReply

# The example of MODBUS Application Protocol V1.1b3, 6.21: three objects, nothing more follows.
EXAMPLE = bytes.fromhex("2b0e01010000030016") + b"Company identification" + bytes.fromhex("010f")
EXAMPLE += b"Product code XX" + bytes.fromhex("0205") + b"V2.11"


def test_the_request_of_the_standard():
    """Function 43, MEI type 14, basic category, from object 0 on."""
    assert Identify(1, BASIC).pdu == bytes.fromhex("2b0e0100")


def test_the_answer_of_the_standard():
    """Texts by object, and that nothing follows."""
    part = part_of(Identify(1, BASIC).payload(EXAMPLE, "peer"))

    assert part.texts == {0: "Company identification", 1: "Product code XX", 2: "V2.11"}
    assert (part.goes_on_at, part.conformity) == (None, 1)


def test_an_answer_that_goes_on():
    """The object at which more follows, unless it is one that was just given: that would never end."""
    more = EXAMPLE[:4] + b"\xff\x03" + EXAMPLE[6:]
    loop = EXAMPLE[:4] + b"\xff\x01" + EXAMPLE[6:]

    assert part_of(more[3:]).goes_on_at == 3
    assert part_of(loop[3:]).goes_on_at is None


def test_a_refusal_is_a_refusal():
    """Most devices do not know the function."""
    with pytest.raises(Refused, match="exception 1"):
        Identify(1, BASIC).payload(b"\xab\x01", "peer")


@pytest.mark.parametrize("pdu", [EXAMPLE[:-1], EXAMPLE + b"!", b"\x2b\x0d" + EXAMPLE[2:], b"\x2b\x0e\x01"])
def test_an_answer_that_is_no_answer(pdu):
    """Objects that do not fill it, another MEI type, nothing but a head."""
    with pytest.raises(WrongReply):
        Identify(1, BASIC).payload(pdu, "peer")


@given(st.binary(min_size=1, max_size=300))
def test_whatever_comes_is_taken_or_refused(pdu):
    """No bytes raise anything but what a wrong answer raises."""
    try:
        part = part_of(Identify(1, BASIC).payload(pdu, "peer"))
    except (Refused, WrongReply):
        return

    assert all(isinstance(text, str) for text in part.texts.values())


@pytest.mark.parametrize("cut", [1, 4, 9, 20])
def test_on_a_line_the_answer_says_how_long_it_is(cut):
    """However it is cut."""
    framing = Rtu("peer")
    framing.wrap(Identify(1, BASIC))
    frame = b"\x01" + EXAMPLE + crc(b"\x01" + EXAMPLE)

    assert framing.feed(frame[:cut]) is None
    assert framing.feed(frame[cut:]) == EXAMPLE[3:]


def test_on_a_line_an_answer_without_end_is_refused():
    """Objects that would not fit into any frame."""
    framing = Rtu("peer")
    framing.wrap(Identify(1, BASIC))

    with pytest.raises(WrongReply, match="announced 264 bytes"):
        framing.feed(b"\x01" + bytes.fromhex("2b0e010100000100ff"))
