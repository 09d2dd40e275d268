"""What a device refused, written into a note and read from it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.modbus.facts import MOST_KEPT, Facts, Refusal, digest_of, read, write
from connectors.modbus.registers import Table
from twin.notes import LONGEST

TABLES = st.sampled_from(Table)
ADDRESSES = st.integers(0, 65535)
FACTS = st.builds(
    Facts,
    aside=st.dictionaries(
        st.tuples(TABLES.map(str), ADDRESSES, st.integers(1, 65536)),
        st.builds(Refusal, st.sampled_from([2, 3]), st.integers(0, 2**63 - 1)),
        max_size=5,
    ),
    apart=st.dictionaries(
        TABLES, st.sets(st.tuples(ADDRESSES, ADDRESSES), min_size=1, max_size=3), max_size=4
    ),
    most=st.fixed_dictionaries({}, optional={False: st.integers(1, 125), True: st.integers(1, 2000)}),
)


@given(FACTS)
def test_facts_come_back(facts):
    """Whatever was learned is read as it was written."""
    assert read(write(facts, "digest"), "digest") == facts


@given(FACTS)
def test_facts_of_other_addresses_are_not_believed(facts):
    """A digest that differs means another profile."""
    assert read(write(facts, "digest"), "another") == Facts()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", 2),
        ("aside", [["holding", 0, 1, 2]]),
        ("aside", [["holdings", 0, 1, 2, 3]]),
        ("aside", [["holding", -1, 1, 2, 3]]),
        ("aside", [["holding", 0, 1, 2, 1 << 63]]),
        ("aside", [["holding", 0, 1, 4, 3]]),
        ("apart", [["coil", 0, 65536]]),
        ("registers", 0),
        ("bits", 2001),
        ("more", 1),
    ],
)
def test_a_note_is_believed_as_a_whole_or_not_at_all(key, value):
    """One impossible entry, and everything is learned anew."""
    note = json.loads(write(Facts(most={False: 60}), "digest"))

    assert read(json.dumps(note), "digest").most == {False: 60}
    assert read(json.dumps(note | {key: value}), "digest") == Facts()


def test_a_note_is_never_too_long_to_be_kept():
    """Of a device that refuses all of its registers as many are remembered as a note holds."""
    facts = Facts(
        aside={("holding", at, at + 1): Refusal(2, 2**63 - 1) for at in range(65536)},
        apart={Table.HOLDING: {(at, at + 1) for at in range(65535)}},
    )

    note = write(facts, digest_of([], ""))

    assert len(note) < LONGEST
    assert len(read(note, digest_of([], "")).aside) == MOST_KEPT


def test_a_digest_is_of_the_addresses_not_of_their_order():
    """Moving a point in the profile forgets nothing, another address or limit does."""
    spans = [("holding", 0, 1), ("coil", 5, 6)]

    assert digest_of(spans, "limits") == digest_of(reversed(spans), "limits")
    assert digest_of(spans, "limits") != digest_of(spans[:1], "limits")
    assert digest_of(spans, "limits") != digest_of(spans, "others")
