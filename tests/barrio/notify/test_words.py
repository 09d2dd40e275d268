from __future__ import annotations

import json

import pytest

from barrio.notify.words import _DIGEST, _EVENTS, _LABELS, _PRIORITIES, _TEST, message
from tests.moved import START
from twin.notify_spec import PRIORITIES
from twin.outbox_rows import Entry


def entry(kind, **body):
    return Entry(1, "d/duty", "k", "id", kind, json.dumps(body), START, 1)


def test_both_languages_have_every_word():
    """What is said in English is said in Spanish."""
    for table in (_EVENTS, _PRIORITIES, _LABELS):
        assert table["en"].keys() == table["es"].keys()
    assert _DIGEST.keys() == _TEST.keys() == {"en", "es"}
    assert tuple(_PRIORITIES["es"]) == PRIORITIES


@pytest.mark.parametrize(
    ("lang", "title"),
    [("en", "[over, low] Pump: frozen"), ("es", "[terminada, baja] Pump: frozen")],
)
def test_a_title_says_what_happened_and_how_grave_it_is(lang, title):
    """What happened and the priority are in the channel's language, the district's own words as they are."""
    assert message(entry("returned", title="Pump: frozen", priority="low"), lang).title == title


def test_rows_that_say_nothing_are_left_out():
    """Only what is known has a row; numbers without a unit are for programs."""
    found = message(
        entry("raised", text="Level low", what="d/c/level", where=None, value=18.2, advice=""), "en"
    )

    assert found.text == "Level low\n\nWhat:       d/c/level\n"


def test_zero_is_something_to_say():
    """A count of nothing is a count."""
    assert "How many:   0" in message(entry("raised", count=0), "en").text


def test_many_at_once_are_one_message():
    """A digest says how many there were, the newest of them, and of which time it is."""
    found = message(
        entry("digest", count=37, shown=["lamp 1", "lamp\n2"], since="2025-11-28T18:00:00.000Z"), "es"
    )

    assert found.title == "[d] 37 avisos más"
    assert found.text.splitlines()[1:3] == ["- lamp 1", "- lamp 2"]
    assert found.text.endswith("Desde:      2025-11-28 18:00:00.000Z\n")


def test_a_kind_that_is_not_known_is_said_as_it_is():
    """What comes to be sent later has at least its own name."""
    assert message(entry("supply.weighed", what="d/tank"), "es").title == "[weighed] d/tank"


def test_a_title_has_its_end():
    """No title is longer than a screen is wide twice."""
    assert len(message(entry("raised", title="x" * 5000), "en").title) == 200
