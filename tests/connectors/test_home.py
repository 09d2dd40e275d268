import pytest

from connectors.home import Home
from twin.errors import StartError


def test_the_folder_is_made_when_it_is_asked_for(tmp_path):
    """A connector that keeps nothing leaves no folder; one that does has it for itself."""
    home = Home(tmp_path / "connectors" / "opcua")
    before = (tmp_path / "connectors").exists()

    assert not before
    assert home.folder == tmp_path / "connectors" / "opcua"
    assert home.folder.stat().st_mode & 0o777 == 0o700


def test_a_home_without_a_place_has_a_folder_of_its_own():
    """The same one each time, and nobody else's."""
    one, other = Home(), Home()
    found = one.folder, other.folder
    same = one.folder == found[0]
    for folder in found:
        folder.rmdir()

    assert same
    assert found[0] != found[1]


def test_secrets_come_by_name():
    """What a connector is given is what the name stands for."""

    assert Home(secret={"bms": "open sesame"}.__getitem__).secret("bms") == "open sesame"


def test_a_home_without_secrets_says_which_is_missing():
    """The words name the secret."""
    with pytest.raises(StartError, match="secret 'bms' is not set"):
        Home().secret("bms")


def test_notes_are_those_that_were_given():
    """An empty book is a book: what is noted arrives there, and two homes without one do not share."""
    book: dict[str, str] = {}
    Home(notes=book).notes["plan"] = "kept"
    Home().notes["plan"] = "elsewhere"

    assert book == {"plan": "kept"}
    assert "plan" not in Home().notes
