"""The text of a draft."""

import string

import yaml
from hypothesis import given
from hypothesis import strategies as st

from connectors.conformance.readme import profile_faults
from connectors.modbus import connector
from connectors.modbus.draft import MOST_POINTS, Findings, drafted
from connectors.modbus.registers import Table
from connectors.modbus.scan import Seen
from connectors.modbus.sunspec import Chain, Model

PEER = "modbus+tcp://10.0.0.1:502/1"
TEXTS = st.text(
    st.characters(codec="utf-8") | st.sampled_from(string.punctuation + "\n\0\u2028"), max_size=300
)


def seen(values, table=Table.HOLDING, words=""):
    return Seen(table, values, words)


@given(
    texts=st.dictionaries(st.integers(0, 255), TEXTS, max_size=5),
    values=st.dictionaries(st.integers(0, 65535), st.integers(0, 65535), min_size=1, max_size=8),
    words=TEXTS,
    maker=TEXTS,
)
def test_whatever_a_device_says_the_draft_is_sound(texts, values, words, maker):
    """No text of a device becomes YAML of its own; apart from the quantities nothing is wrong."""
    chain = Chain(70_000, [], {"vendor": maker})
    found = Findings(PEER, {}, texts, chain, tables=[seen(values, words=words)])

    faults = profile_faults(drafted(found), connector)

    assert [fault for fault in faults if ".quantity: " not in fault] == []


def test_a_large_device_gives_no_endless_draft():
    """So many points, and how many more there are."""
    text = drafted(Findings(PEER, {}, tables=[seen(dict.fromkeys(range(1000), 5))]))

    assert len(yaml.safe_load(text)["points"]) == MOST_POINTS
    assert f"# and {1000 - MOST_POINTS} more" in text


def test_what_a_register_may_be():
    """Its number, its bits in hex, signed, and with the next as a float where that is a likely one."""
    text = drafted(Findings(PEER, {}, tables=[seen({0: 0x4366, 1: 0x8000, 7: 0xFFF6})]))

    assert "was 17254 (0x4366, with the next float32 ABCD 230.5)" in text
    assert "was 65526 (0xFFF6, -10)" in text


def test_registers_of_sunspec_models_are_no_points():
    """What the models hold is not known here; they are listed with their places."""
    chain = Chain(0, [Model(64110, 2, 10)], {})
    text = drafted(Findings(PEER, {}, chain=chain, tables=[seen(dict.fromkeys(range(20), 5))]))

    assert "#   model 64110, holding:2 to 13\n" in text
    assert list(yaml.safe_load(text)["points"]) == [f"holding_{at}" for at in range(14, 20)]
