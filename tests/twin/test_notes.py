from __future__ import annotations

import pytest

from twin.notes import LONGEST, Drawer, Notes


@pytest.fixture
def notes(tmp_path):
    found = Notes(tmp_path / "notes.sqlite")
    found.open()
    yield found
    found.close()


def at_once(function, *args):
    function(*args)


def test_a_note_survives_a_restart(tmp_path):
    """What was noted is there when the file is opened again, for its owner only."""
    first = Notes(tmp_path / "notes.sqlite")
    first.open()
    Drawer(first, "modbus", at_once)["salinas/pump"] = "holding:7 refused"
    first.close()
    second = Notes(tmp_path / "notes.sqlite")
    second.open()

    assert dict(Drawer(second, "modbus", at_once)) == {"salinas/pump": "holding:7 refused"}
    assert len(Drawer(second, "coap", at_once)) == 0
    second.close()


def test_the_same_note_is_written_once(notes):
    """Setting what is already noted asks nothing of the disk."""
    written = []
    drawer = Drawer(notes, "modbus", lambda *call: written.append(call))
    drawer["a"] = "1"
    drawer["a"] = "1"

    assert len(written) == 1
    assert drawer["a"] == "1"


def test_a_note_is_forgotten(notes):
    """What was deleted is gone from memory and disk; deleting it again is an error."""
    drawer = Drawer(notes, "modbus", at_once)
    drawer["a"] = "1"
    del drawer["a"]

    assert notes.of("modbus") == {}
    with pytest.raises(KeyError):
        del drawer["a"]


def test_a_note_is_bounded(notes):
    """A text that no connector should keep is refused."""
    with pytest.raises(ValueError, match="characters"):
        Drawer(notes, "modbus", at_once)["a"] = "x" * (LONGEST + 1)
