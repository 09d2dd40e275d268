"""Whom a rule is about: what a selection finds, in which order, and what is said when it finds nothing."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.twin.expressions.town import ground
from twin.model.selection import Selection, Troubles, chosen, devices_of, known, selected
from twin.model.source import Faults, Place
from twin.model.yaml_source import parse_yaml


@pytest.fixture
def faults():
    return Faults()


@pytest.fixture
def place():
    source = parse_yaml(Path("rules.yaml"), "for: {}\n", Faults())
    assert source is not None
    return Place(source, ("for",))


def words(faults):
    return [fault.message for fault in faults.found]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"kind": "WaterTank"}, ["tank-a", "tank-b"]),
        ({"kind": "Building"}, ["tower-a", "tower-b"]),
        ({"kind": "WaterTank", "site": "roof-a"}, ["tank-a"]),
        ({"within": "tower-a", "profile": "tank"}, ["tank-a"]),
        ({"site within": "tower-a", "profile": "tank"}, ["tank-a"]),
        ({"kind": "Building", "within": "town"}, ["tower-a", "tower-b"]),
        ({"devices": "lamp-2"}, ["lamp-2"]),
        ({"devices": ["lamp-2", "lamp-1"]}, ["lamp-1", "lamp-2"]),
    ],
)
def test_what_fits_all_that_is_said(given, expected, place, faults):
    """In the order of the files; a kind that no device has is that of sites."""
    assert selected(Selection.model_validate(given), ground(), place, faults) == expected
    assert words(faults) == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"kind": "WaterTnk"}, "there is no device or site of kind 'WaterTnk' (did you mean WaterTank?)"),
        ({"profile": "tnak"}, "there is no profile 'tnak' (did you mean tank?)"),
        ({"within": "twoer-a"}, "there is no site 'twoer-a' (did you mean tower-a?)"),
        ({"devices": ["lmp-2"]}, "there is no device 'lmp-2' (did you mean lamp-2?)"),
        ({"kind": "WaterTank", "site": "tower-a"}, "there is nothing that fits all of this"),
    ],
)
def test_what_finds_nothing_says_why(given, expected, place, faults):
    """Each name that is nobody's with the nearest one; else that nothing fits."""
    assert selected(Selection.model_validate(given), ground(), place, faults) == []
    assert words(faults) == [expected]


def test_a_name_is_not_called_unknown_while_a_device_cannot_be_read(place, faults):
    """It may be that device's."""
    some = ground()
    some.complete = False

    assert selected(Selection(devices=("lmp-2",)), some, place, faults) == []
    assert words(faults) == []


def test_devices_where_devices_are_needed(place, faults):
    """A selection that finds sites finds no device, and says so."""
    found = chosen(Selection(kind="WaterTank"), place, ground(), faults)
    none = chosen(Selection(kind="Building"), place, ground(), faults)

    assert ([one.id for one in found], none) == (["tank-a", "tank-b"], [])
    assert words(faults) == ["finds sites, and no device"]


def test_on_one_or_for_many(place, faults):
    """An entry names one device, or describes several."""
    some = ground()
    one = devices_of("lamp-1", None, place, some, faults)
    many = devices_of(None, Selection(profile="tank"), place, some, faults)
    none = devices_of("lamp-9", None, place, some, faults)

    assert [[device.id for device in found] for found in (one, many, none)] == [
        ["lamp-1"],
        ["tank-a", "tank-b"],
        [],
    ]
    assert len(words(faults)) == 1
    assert words(faults)[0].startswith("there is no device 'lamp-9' (did you mean lamp-")


def test_a_site_or_a_device(place, faults):
    """Rules about owners take both."""
    assert known("tower-a", ground(), place, faults) == ["tower-a"]
    assert known("lamp-1", ground(), place, faults) == ["lamp-1"]
    assert known("tower-c", ground(), place, faults) == []
    assert words(faults) == ["there is no device or site 'tower-c' (did you mean tower-b?)"]


@pytest.mark.parametrize("given", [{}, {"knd": "Building"}, {"devices": []}])
def test_what_is_no_selection(given):
    """It says something, with keys that there are."""
    with pytest.raises(ValidationError):
        Selection.model_validate(given)


def test_what_is_wrong_with_many_is_said_once(place, faults):
    """With the first of them, and how many more there are; another trouble is another fault."""
    troubles = Troubles(place, faults)
    for lamp in ("lamp-1", "lamp-2", "lamp-3"):
        troubles.add(("kind",), lamp, "has no point 'dimming'")
    troubles.add((), "lamp-1", "is covered already")
    troubles.say()

    assert len(troubles) == 2
    assert sorted(words(faults)) == [
        "lamp-1: has no point 'dimming' (and 2 more)",
        "lamp-1: is covered already",
    ]
