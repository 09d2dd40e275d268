"""Payloads that are made to do harm: refused in words, at once."""

from __future__ import annotations

import math
import time

import cbor2
import pytest

from connectors.payloads.decoding import MOST_BYTES, NoValue, Wire, decode
from connectors.payloads.senml import MOST_RECORDS
from twin.quality import Reason

BOMBS = {
    "lists in lists, JSON": (Wire.JSON, b"[" * 60_000, "not json"),
    "objects in objects": (Wire.JSON, b'{"a":' * 10_000, "not json"),
    "lists in lists, CBOR": (Wire.CBOR, b"\x81" * 60_000, "not cbor"),
    "tags of tags": (Wire.CBOR, b"\xc1" * 60_000, "not cbor"),
    "a list of 2^32": (Wire.CBOR, b"\x9a\xff\xff\xff\xff", "not cbor"),
    "a text of 2^63 bytes": (Wire.CBOR, b"\x7b\x7f" + b"\xff" * 7, "not cbor"),
    "shared references": (Wire.CBOR, b"\x82\xd8\x1c\x80\xd8\x1d\x00", "not cbor"),
    "two to the 2^31": (Wire.CBOR, b"\xc5\x82\x1a\x7f\xff\xff\xff\x01", "not cbor"),
    "an integer of 60,000 digits": (Wire.JSON, b"9" * 60_000, "not json"),
    "20,000 records": (Wire.SENML_CBOR, b"\x99\x4e\x20" + b"\xa1\x02\x01" * 20_000, "20000 records"),
    "no UTF-8": (Wire.JSON, b'{"a":"\xff"}', "not json"),
    "a key twice": (Wire.JSON, b'{"a":1,"b":{"c":1,"c":2}}', "a key stands twice"),
    "a label twice": (Wire.SENML_JSON, b'[{"n":"t","v":1,"v":2}]', "a key stands twice"),
    "too many bytes": (Wire.TEXT, b"1" * (MOST_BYTES + 1), "more than the 65536"),
}


@pytest.mark.parametrize(("wire", "payload", "words"), BOMBS.values(), ids=list(BOMBS))
def test_bombs_are_refused_at_once(wire, payload, words):
    """Each is undecodable in words for a person, within a fraction of a second."""
    began = time.process_time()
    with pytest.raises(NoValue) as caught:
        decode(wire, payload)

    assert (caught.value.reason, words in caught.value.words) == (Reason.UNDECODABLE, True)
    assert time.process_time() - began < 1


def test_as_many_records_as_are_read():
    """The last number that is taken is taken."""
    assert len(decode(Wire.SENML_CBOR, cbor2.dumps([{2: 1}] * MOST_RECORDS))) == MOST_RECORDS


@pytest.mark.parametrize("payload", [b"1e400", b"Infinity", b"-1e999"])
def test_what_no_number_can_hold_is_infinite(payload):
    """It is no other number than the one that was sent; ingest refuses what is not finite."""
    assert math.isinf(decode(Wire.JSON, payload))
