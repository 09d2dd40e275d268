"""Exports of windows and of intervals say what history and intervals say."""

import csv
import io

import pytest

from tests.barrio.exports.test_jobs import BODY, ended, fill

SPAN = {"from": "2025-11-24", "to": "2025-11-25"}
WINDOWS = [
    {"every": "15m"},
    {"every": "1h", "aggregate": "count,last"},
    {"every": "1h", "aggregate": "last", "fill": "previous"},
    {"every": "1h", "fill": "none", "quality": "good"},
]


def rows_of(text):
    """Rows without the cells that are empty, in any order."""
    found = [{name: cell for name, cell in row.items() if cell} for row in csv.DictReader(io.StringIO(text))]
    return sorted(found, key=lambda row: (row["point"], row["start"]))


@pytest.mark.parametrize("asked", WINDOWS)
async def test_windows(stage, asked, monkeypatch):
    """Whatever is asked of windows, a file has the rows of the answer."""
    monkeypatch.setattr("barrio.exports.made.MOST_POINTS", 2)
    fill(stage.platform, 9_000)
    job = await ended(stage.http, BODY | asked | {"format": "csv"})
    answer = await stage.http.get(
        "/api/v1/history", params={"under": "little", **SPAN, **asked, "format": "csv"}
    )
    found = rows_of((await stage.http.get(job["file"])).text)

    assert answer.status_code == 200, answer.text
    assert job["state"] == "done"
    assert found == rows_of(answer.text)
    assert found


@pytest.mark.parametrize("length", ["15m", "1h"])
async def test_intervals(stage, length):
    """A file has the intervals of every register below a name."""
    fill(stage.platform, 9_000)
    job = await ended(stage.http, BODY | {"length": length, "format": "csv"})
    answer = await stage.http.get(
        "/api/v1/intervals", params={"under": "little", **SPAN, "length": length, "format": "csv"}
    )
    found = rows_of((await stage.http.get(job["file"])).text)

    assert (job["state"], job["points"]) == ("done", 2)
    assert found == rows_of(answer.text)
    assert found


REFUSED = [
    ({"aggregate": "mean"}, "aggregate"),
    ({"every": "7m"}, "every"),
    ({"every": "15m", "aggregate": "average"}, "aggregate"),
    ({"every": "1s", "from": "2015-01-01"}, "every"),
    ({"every": "1h", "length": "1h"}, "length"),
    ({"length": "2h"}, "length"),
    ({"under": [], "point": ["little/probe/temperature"], "length": "1h"}, "point"),
]


@pytest.mark.parametrize(("asked", "parameter"), REFUSED)
async def test_refused(stage, asked, parameter):
    """What history and intervals refuse is refused at once, and no job is made of it."""
    found = await stage.http.post("/api/v1/exports", json=BODY | asked)

    assert (found.status_code, found.json()["parameter"]) == (400, parameter)
