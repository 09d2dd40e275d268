"""One reading is the same everywhere: its value, its quality, and its time to the nanosecond, whoever is asked."""

import io
import json

import numpy as np
import pandas as pd
import pytest

from tests.barrio.scripted import until
from twin.frame import Frame
from twin.quality import Reason

POINT = "little/probe/temperature"
STEP = 333
"""So many nanoseconds lie between two readings that no microsecond tells apart."""


@pytest.fixture
async def told(stage):
    """Three readings within a microsecond, as a device may give them: their times."""
    link = stage.links["probe"]
    first = (link.sink.now_ns() // 1_000_000_000 - 5) * 1_000_000_000 + 123_456_007
    for number in range(3):
        time = first + number * STEP
        ids = np.array([link.point("temperature").id], np.int32)
        quality = np.array([Reason.IMPRECISE if number == 2 else Reason.GOOD], np.uint8)
        await link.sink.submit(Frame(ids, np.array([20.5 + number]), time, quality=quality))
    await stage.settled()
    stored = stage.platform.store
    await until(lambda: len(stored.raw(ids, first, first + 10**9)) == 3)
    return [int(time) for time in stored.raw(ids, first, first + 10**9).time]


def text(ns):
    """A time as it is written to the nanosecond."""
    return f"{np.datetime_as_string(np.datetime64(ns, 'ns'))}Z"


async def ask(stage, path, **query):
    """A body of JSON."""
    found = await stage.http.get(path, params={name.rstrip("_"): value for name, value in query.items()})
    assert found.status_code == 200, found.text
    return found.json()


async def test_history_begins_and_ends_to_the_nanosecond(stage, told):
    """`from` a reading's own time has it, and not the one before it; `to` its own time has the one before it."""
    (whole,) = (await ask(stage, "/api/v1/history", point=POINT, from_="-1h"))["series"]
    middle = await ask(stage, "/api/v1/history", point=POINT, from_=text(told[1]), to=text(told[2]))
    (found,) = middle["series"]

    assert whole["time"] == [text(one) for one in told]
    assert whole["quality"] == ["good", "good", "imprecise"]
    assert found["time"] == [text(told[1])]
    assert (middle["from"], middle["to"]) == (text(told[1]), text(told[2]))


async def test_the_newest_is_what_history_ends_with(stage, told):
    """In columns, in every format, alone, in the catalogue, and in the twin at that very moment."""
    columns = await ask(stage, "/api/v1/latest", point=POINT)
    alone = await ask(stage, f"/api/v1/points/{POINT}/latest")
    listed = await ask(stage, "/api/v1/points", under=POINT)
    csv = await stage.http.get("/api/v1/latest", params={"point": POINT, "format": "csv"})
    parquet = await stage.http.get("/api/v1/latest", params={"point": POINT, "format": "parquet"})
    table = pd.read_parquet(io.BytesIO(parquet.content))

    assert (columns["value"], columns["time"], columns["quality"]) == ([22.5], [text(told[2])], ["imprecise"])
    assert (alone["value"], alone["time"]) == (22.5, text(told[2]))
    assert json.dumps(listed).count(text(told[2])) >= 1
    assert text(told[2]) in csv.text
    assert table["time"].astype("int64").tolist() == [told[2]]


@pytest.mark.parametrize("number", [0, 1, 2])
async def test_the_twin_at_the_time_of_a_reading_has_that_reading(stage, told, number):
    """Neither the one before it nor the one after it, however close they are."""
    at = text(told[number])
    (found,) = (await ask(stage, "/api/v1/twin", at=at, under=POINT))["points"]

    assert (found["value"], found["time"]) == (20.5 + number, at)
