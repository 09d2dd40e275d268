"""Places, the words around what was found, and suggestions."""

from pathlib import Path

import pytest

from twin.model.source import Faults, Place, Source, dotted, is_text, shown, suggest

SOURCE = Source(Path("a.yaml"), {"a": [1]}, {(): 1, ("a",): 2, ("a", 0): 3})


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ((), "(file)"),
        (("devices", 2, "profile"), "devices[2].profile"),
        (("a\nb",), "'a\\nb'"),
        (("x" * 90,), f"'{'x' * 58}…"),
    ],
)
def test_dotted(where, text):
    """A path is short and stays on one line, whatever its keys are."""

    assert dotted(where) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nothing"),
        (True, "true"),
        ("a\nb", "'a\\nb'"),
        ([1], "a list"),
        ({}, "an empty mapping"),
        (1.5, "1.5"),
    ],
)
def test_shown(value, text):
    """A value is shown as its writer knows it."""

    assert shown(value) == text


def test_a_fault_is_kept_once():
    """The same thing said twice is one fault."""
    faults = Faults()
    faults.add(Place(SOURCE, ("a", 0)), "wrong")
    faults.add(Place(SOURCE, ("a", 0)), "wrong")

    assert [str(fault) for fault in faults.found] == ["a.yaml:3: a[0]: wrong"]


def test_faults_stand_by_file_and_line():
    """Faults of a file stand together, in the order of its lines."""
    faults = Faults()
    faults.add(Place(SOURCE, ("a", 0)), "third")
    faults.add_file(Path("b.yaml"), "other")
    faults.add(Place(SOURCE, ("a",)), "second")

    assert [fault.message for fault in faults.found] == ["second", "third", "other"]


def test_suggestions_are_near_or_none():
    """A near name is offered; a far one, or one for a very long word, is not."""

    assert suggest("tnak", ["tank", "lamp"]) == " (did you mean tank?)"
    assert suggest("zzz", ["tank", "lamp"]) == ""
    assert suggest("tank" * 100_000, ["tank"]) == ""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Querétaro\n", True),
        ("a\u00a0b", True),
        ("a\x85", False),
        ("\ud800", False),
        ("\0", False),
        ("\x1b[", False),
    ],
)
def test_is_text(value, expected):
    """Letters of any language are text; control characters and half characters are not."""

    assert is_text(value) is expected
