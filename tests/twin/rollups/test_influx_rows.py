"""What stands in an InfluxDB, as a dashboard asks for it: names, tags, types and times of rollups."""

import uuid
from typing import Any

import httpx
import pytest

from tests.contract.store import HOUR, METER, MINUTE, SECOND, STATES, SWITCH, WARM, rows
from tests.twin.rollups.making import DAY, Making
from twin.frame import join
from twin.store.influx import InfluxStore

FLOAT, STRING = "float", "string"


@pytest.fixture
def made(influxdb, tmp_path):
    """An hour of rollups of a gauge, a counter, a state and silent points."""
    making = Making(InfluxStore(influxdb.url), tmp_path, f"d-{uuid.uuid4().hex}").begin(DAY)
    making.write(
        join(
            [
                rows(WARM, (DAY + SECOND, 20), (DAY + MINUTE, 22)),
                rows(METER, (DAY + SECOND, 5), (DAY + MINUTE, 7)),
                rows(SWITCH, (DAY, 2), (DAY + 5 * MINUTE, 0)),
            ]
        )
    )
    making.forward(DAY + HOUR)
    yield making
    making.close()


def ask(making: Making, resolution: str, text: str) -> list[dict[str, Any]]:
    answer = httpx.post(
        f"{making.store._http.url}/query",
        params={"db": f"{making.district}_{resolution}", "epoch": "ns"},
        data={"q": text},
    )
    series = answer.json()["results"][0].get("series", [])
    return [
        {**one.get("tags", {}), **dict(zip(one["columns"], values, strict=True))}
        for one in series
        for values in one["values"]
    ]


def test_fields_and_types(made):
    """Every field is a float but the name of a state, in the measurement of the quantity."""
    found = {
        name: {
            row["fieldKey"]: row["fieldType"] for row in ask(made, "15m", f'SHOW FIELD KEYS FROM "{name}"')
        }
        for name in ("air_temperature", "energy_import", "pump_state", "barrio_coverage")
    }
    always = {"count": FLOAT, "good_s": FLOAT}

    assert found == {
        "air_temperature": dict.fromkeys(("mean", "min", "max", "last"), FLOAT) | always,
        "energy_import": dict.fromkeys(("delta", "last"), FLOAT) | always,
        "pump_state": {f"state_s:{STATES[0]}": FLOAT, f"state_s:{STATES[2]}": FLOAT, "last_state": STRING}
        | always,
        "barrio_coverage": {"expected_s": FLOAT, "good_s": FLOAT, "points": "integer"},
    }


def test_rows_stand_at_the_beginning_of_their_window(made):
    """A row has the four tags of its point and the time at which its window begins, silent ones as well."""
    every = ask(made, "15m", 'SELECT * FROM "air_temperature"')
    found = [row for row in every if row["device"] == "hall" and row["time"] < DAY + 15 * MINUTE]
    tags = {"district": made.district, "site": "s", "device": "hall"}

    assert sorted(found, key=lambda row: -row["count"]) == [
        {
            "time": DAY,
            **tags,
            "point": "warm",
            "mean": 21,
            "min": 20,
            "max": 22,
            "last": 22,
            "count": 2,
            "good_s": 149,
        },
        {
            "time": DAY,
            **tags,
            "point": "cold",
            **dict.fromkeys(("mean", "min", "max", "last")),
            "count": 0,
            "good_s": 0,
        },
    ]


def test_coverage_of_devices(made):
    """Each device has the seconds that its points have in a window, and those that were good."""
    found = ask(
        made, "1h", 'SELECT "expected_s", "good_s", "points" FROM "barrio_coverage" GROUP BY "device"'
    )
    seen = {row["device"]: (row["time"], row["expected_s"], row["good_s"], row["points"]) for row in found}

    assert seen["hall"] == (DAY, 7200, 149, 2)
    assert seen["pump"] == (DAY, 3600, 180, 1)
    assert seen["meter"] == (DAY, 7200, 149, 2)
