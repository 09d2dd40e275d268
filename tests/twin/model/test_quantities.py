"""Quantities: the rows are whole, their foreign names exist, and the reference page is theirs."""

import json
from collections import Counter
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import pytest

from twin.model import units
from twin.model.catalogue import CATALOGUE, GROUPS
from twin.model.quantities import Aggregation, Quantity, UnknownQuantityError, faults, get, reference_table

PAGE = Path(__file__).parents[3] / "docs" / "quantities.md"
VOCABULARY = json.loads((Path(__file__).parent / "vocabulary.json").read_text(encoding="utf-8"))
ROWS = [quantity for rows in GROUPS.values() for quantity in rows]
NUMBERS = [quantity for quantity in ROWS if quantity.aggregation is not Aggregation.STATE]

# Names that profiles, dashboards and districts outside this repository rely on: this list only grows.
# fmt: off
SHIPPED = {
    "active_energy_export", "active_energy_import", "active_power", "air_temperature", "alarm_state", "battery_level",
    "co2", "current", "damper_position", "dimming_level", "fan_speed", "fan_state", "frequency", "gas_flow",
    "gas_level_ratio", "irradiance", "lamp_hours", "level_ratio", "occupancy", "pedestrian_count", "power_factor",
    "power_state", "presence_state", "pump_state", "pv_energy", "pv_power", "rain", "relative_humidity",
    "temperature_setpoint", "valve_position", "valve_state", "vehicle_count", "voltage", "volume", "water_flow",
    "water_pressure", "wifi_clients", "wind_direction", "wind_speed",
}
# fmt: on


HEAT = Quantity("heat", unit="W", minimum=0, maximum=1, title="Heat", titulo="Calor")
DOOR = Quantity("door", aggregation=Aggregation.STATE, states=("a", "b"), title="Door", titulo="Puerta")


def gauge(**changes: Any) -> Quantity:
    return replace(HEAT, **changes)


def state(**changes: Any) -> Quantity:
    return replace(DOOR, **changes)


@pytest.mark.parametrize("quantity", ROWS, ids=lambda quantity: quantity.name)
def test_row_is_whole(quantity):
    """Every row has a good name, two titles, a known unit and a range, or states instead."""

    assert faults(quantity) == []


def test_names_are_unique():
    """No two rows share a name, in which case one of them would be lost."""

    assert [name for name, times in Counter(quantity.name for quantity in ROWS).items() if times > 1] == []
    assert len(CATALOGUE) == len(ROWS) >= 60


@pytest.mark.parametrize("language", ["title", "titulo"])
def test_titles_are_unique(language):
    """A reader can tell two quantities apart by their titles alone."""
    titles = Counter(getattr(quantity, language) for quantity in ROWS)

    assert [title for title, times in titles.items() if times > 1] == []


def test_shipped_names_stay():
    """A name is a measurement in somebody's store and does not go away."""

    assert CATALOGUE.keys() >= SHIPPED


@pytest.mark.parametrize("quantity", NUMBERS, ids=lambda quantity: quantity.name)
def test_zero_is_plausible(quantity):
    """Zero is plausible for a quantity, or its range says on purpose that it is not."""
    without_zero = {"color_temperature", "atmospheric_pressure"}

    assert (quantity.minimum <= 0 <= quantity.maximum) is (quantity.name not in without_zero)


def test_what_goes_round_goes_round_its_range():
    """A period covers exactly the range, so that no value has two meanings save the seam."""

    assert {q.name for q in ROWS if q.period} == {"wind_direction"}
    assert all(q.maximum - q.minimum == q.period for q in ROWS if q.period)


@pytest.mark.parametrize("quantity", ROWS, ids=lambda quantity: quantity.name)
def test_foreign_names_exist(quantity):
    """A Brick class or a Smart Data Models attribute is one that its publisher has."""
    attributes = {
        f"{entity}.{name}"
        for entity, names in VOCABULARY["smart_data_models"]["entities"].items()
        for name in names
    }

    assert quantity.brick is None or quantity.brick in VOCABULARY["brick"]["classes"]
    assert quantity.smart_data_model is None or quantity.smart_data_model in attributes


def test_the_vocabulary_says_where_it_is_from():
    """The lists of foreign names carry the versions that they were taken from."""

    assert "1.4.4" in VOCABULARY["brick"]["source"]
    assert "0.8.2.0" in VOCABULARY["smart_data_models"]["source"]


def test_reference_page_is_in_step():
    """What users read is what the code holds."""
    command = (
        ".venv/bin/python -c 'from pathlib import Path; from twin.model.catalogue import GROUPS; "
        "from twin.model.quantities import reference_table; "
        'Path("docs/quantities.md").write_text(reference_table(GROUPS), encoding="utf-8")\''
    )

    assert PAGE.read_text(encoding="utf-8") == reference_table(GROUPS), f"write it anew: {command}"


def test_reference_page_names_everything():
    """Every quantity and every unit has its place on the page."""
    page = reference_table(GROUPS)

    assert [name for name in CATALOGUE if f"| `{name}` |" not in page] == []
    assert [code for code in units.UNITS if f"`{code}`" not in page] == []


def test_get_finds_by_name():
    """A name gives its row."""

    assert get(CATALOGUE, "co2").unit == "[ppm]"


def test_get_offers_the_nearest():
    """A name that is nearly right gets the right one offered."""
    with pytest.raises(UnknownQuantityError, match="there is no quantity 'air_temprature'") as caught:
        get(CATALOGUE, "air_temprature")

    assert caught.value.name == "air_temprature"
    assert caught.value.nearest[0] == "air_temperature"
    assert "did you mean air_temperature or " in str(caught.value)


def test_get_offers_nothing_where_nothing_is_near():
    """A name like no other is refused without a guess."""
    with pytest.raises(LookupError) as caught:
        get(CATALOGUE, "zzz")

    assert str(caught.value) == "there is no quantity 'zzz'"


@pytest.mark.parametrize(
    ("quantity", "words"),
    [
        (gauge(name="Heat Flow"), "name 'Heat Flow' is not snake_case"),
        (gauge(name="heat_"), "name 'heat_' is not snake_case"),
        (gauge(title=""), "a title is missing"),
        (gauge(titulo=""), "a title is missing"),
        (gauge(unit="kWh"), "unit 'kWh' is not known"),
        (gauge(unit=""), "unit '' is not known"),
        (gauge(maximum=inf), "the range of a number has two ends"),
        (gauge(maximum=0), "the range is empty"),
        (gauge(aggregation=Aggregation.COUNTER, minimum=-1), "a counter starts at zero or above"),
        (gauge(states=("a", "b")), "a number has no states"),
        (state(states=("a",)), "a state has two or more different names"),
        (state(states=("a", "a")), "a state has two or more different names"),
        (state(states=("a", "B")), "state 'B' is not snake_case"),
        (state(unit="W"), "a state has neither unit nor range"),
        (state(maximum=3), "a state has neither unit nor range"),
    ],
)
def test_faults_are_named(quantity, words):
    """What is wrong with a row is said in a sentence."""

    assert faults(quantity) == [words]


def test_all_faults_at_once():
    """Whoever wrote a bad row hears everything in one go."""

    assert len(faults(gauge(name="X", titulo="", unit="x", minimum=5, maximum=5, states=("a", "b")))) == 5


def test_a_quantity_is_plain_data():
    """A row is equal by value, can be a key, and never changes."""

    assert gauge() == HEAT
    assert len({gauge(), gauge()}) == 1
    with pytest.raises(AttributeError):
        gauge().unit = "kW"  # type: ignore[misc]
