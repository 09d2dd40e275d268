"""States are shown in words."""

from dashboards.kit.colours import BAD
from dashboards.kit.states import REASONS, STATES, shown_states
from twin.model.catalogue import CATALOGUE
from twin.quality import Level, Reason


def test_every_state_of_the_catalogue_has_words_in_both_languages():
    """A state that is added is added here too."""
    states = {state for quantity in CATALOGUE.values() for state in quantity.states}

    assert states - STATES.keys() == set()
    assert STATES.keys() - states == set()


def test_every_reason_of_a_gap_has_words_in_both_languages():
    """A reason that is added is added here too."""

    assert REASONS.keys() == {one.slug for one in Reason if one.level is Level.ABSENT}


def test_a_state_that_a_rule_watches_is_shown_as_bad_with_a_sign():
    """What is an alarm follows from the district's rules."""
    words, colour = shown_states(["open", "closed"], alarming=["open"])["open"]

    assert (words.en, words.es, colour) == ("⚠ open", "⚠ abierto", BAD)


def test_a_state_of_a_districts_own_is_shown_by_its_name():
    """Nothing is lost that stands not in the table."""

    assert shown_states(["half_open"])["half_open"][0].es == "half open"
