"""Chains of SunSpec models, and the profiles of the library that read them."""

import json
import re
from importlib.resources import files

import pytest
import yaml

from connectors.modbus.sunspec import COMMON, LIBRARY, Model, matches, moved

MODELS = files("sunspec2") / "models" / "json"
LONG, SHORT = 66, 65


def chain(*numbers, base=40000, common=LONG):
    """Return the models of a chain: model 1, then these, 100 registers each."""
    models, at = [Model(COMMON, base + 2, common)], base + 4 + common
    for number in numbers:
        models.append(Model(number, at, 100))
        at += 102
    return models


def length_of(model):
    """Return the least length of a published model: its fixed part without id and length."""
    points = json.loads((MODELS / f"model_{model}.json").read_text("utf-8"))["group"]["points"]
    return sum(point["size"] for point in points) - 2


def every_sunspec_profile():
    return [yaml.safe_load(path.read_text("utf-8")) for path in sorted(LIBRARY.glob("sunspec-*.yaml"))]


@pytest.mark.parametrize("profile", every_sunspec_profile(), ids=lambda one: one["profile"])
def test_every_profile_begins_where_its_name_says(profile):
    """A chain with its model at the place of the profile is read as it stands: no register lies outside the model."""
    (number,) = map(int, re.findall(r"-(\d+)-", profile["profile"]))
    common = SHORT if "-short-" in profile["profile"] else LONG
    _, model = chain(number, common=common)

    (match,) = matches([model])

    registers = [int(point["register"].partition(":")[2]) for point in profile["points"].values()]
    if match.profile == profile["profile"]:
        assert match.shift == 0
    else:
        # No variant for this place: the profile with all of its registers moved reads it.
        assert "-short-" not in profile["profile"]
    assert model.start + 2 <= min(registers)
    assert max(registers) < model.start + 2 + length_of(number)


def test_a_short_model_1_has_its_profile():
    """Model 1 without its pad moves everything by one: the library has a variant for some."""
    (match,) = matches(chain(103, common=SHORT))

    assert (match.profile, match.shift) == ("sunspec-inverter-103-short-modbus", 0)


def test_models_that_follow_others_are_moved():
    """A meter behind an inverter is read by the meter's profile, moved by what stands between."""
    first, second = matches(chain(103, 203))

    assert (first.profile, first.shift) == ("sunspec-inverter-103-modbus", 0)
    assert (second.profile, second.shift) == ("sunspec-meter-203-modbus", 102)
    assert moved(second)["active_power"]["register"] == "holding:40190"


def test_models_without_a_profile_are_left_out():
    """Nothing is guessed of them."""
    assert matches(chain(64110)) == []


def test_moved_registers_and_factors():
    """Value and scale factor move alike; points without a factor have none."""
    (match,) = matches(chain(103, base=0))

    points = moved(match)

    assert match.shift == -40000
    assert points["power"] == {"register": "holding:84", "scale_factor": "holding:85"}
    assert points["state"] == {"register": "holding:108"}
