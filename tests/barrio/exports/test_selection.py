"""Exports take the selection of history and of intervals, with the same meaning."""

import csv
import io

import pytest

from barrio.access.who import Who
from barrio.exports.book import Book
from tests.barrio.exports.test_jobs import ended, fill
from tests.barrio.exports.test_made import rows_of
from tests.barrio.exports.test_owners import seen_as, sight

SPAN = {"interval": "2025-11-24/P1D"}
SELECTIONS = [
    {"point": ["little/*/energy", "little/probe/pump"]},
    {"point": ["little/*/*"], "device": "probe"},
    {"under": "little", "device": "little/meter"},
    {"device": "probe"},
    {"quantity": "air_temperature"},
    {"under": "little/probe", "quantity": "air_temperature"},
]


@pytest.mark.parametrize("selection", SELECTIONS)
async def test_windows(stage, selection):
    """A job holds the rows that history gives for the same selection."""
    fill(stage.platform, 3_000)
    asked = {**selection, **SPAN, "every": "1h", "format": "csv"}
    answer = await stage.http.get("/api/v1/history", params=asked)
    job = await ended(stage.http, asked)

    assert answer.status_code == 200, answer.text
    assert rows_of((await stage.http.get(job["file"])).text) == rows_of(answer.text) != []


@pytest.mark.parametrize("selection", SELECTIONS)
async def test_readings(stage, selection):
    """Readings likewise, in order."""
    fill(stage.platform, 900)
    asked = {**selection, **SPAN, "format": "csv"}
    answer = await stage.http.get("/api/v1/history", params=asked)
    job = await ended(stage.http, asked)
    both = [(await stage.http.get(job["file"])).text, answer.text]
    found = [sorted((row["point"], row["time"]) for row in csv.DictReader(io.StringIO(one))) for one in both]

    assert found[0] == found[1] != []


@pytest.mark.parametrize("version", [{}, {"version": 0}, {"known_at": "2025-11-25"}])
async def test_intervals(stage, version):
    """Intervals likewise, as they stood with a version or at a time."""
    fill(stage.platform, 3_000)
    asked = {"device": "meter", **SPAN, "length": "1h", "format": "csv", **version}
    answer = await stage.http.get("/api/v1/intervals", params=asked)
    job = await ended(stage.http, asked)

    assert answer.status_code == 200, answer.text
    assert rows_of((await stage.http.get(job["file"])).text) == rows_of(answer.text) != []


async def test_kept(stage):
    """The question of a job is in the book, whole, for whoever opens it next."""
    asked = {"point": ["little/*/energy"], "device": "meter", **SPAN, "length": "1h", "version": 0}
    job = await ended(stage.http, asked | {"format": "csv"})
    book = Book(stage.platform.folder.path / "exports" / "exports.sqlite")
    book.open()
    kept = next(one for one in book.all() if one.id == job["id"])
    book.close()

    assert kept.asked == job["asked"] == asked | {"format": "csv"}
    assert kept.plan.options == {"length": "1h", "version": 0}


async def test_what_is_not_seen(stage):
    """A selection takes nothing that its caller does not see; what is only there is not there at all."""
    fill(stage.platform, 900)
    seen = sight(stage.platform, ["little/meter/energy"])
    async with seen_as(stage.platform, Who("ann", seen, token="a")) as ann:
        job = await ended(ann, {"point": ["little/*/*"], **SPAN, "format": "csv"})
        text = (await ann.get(job["file"])).text
        hidden = await ann.post("/api/v1/exports", json={"point": ["little/meter/energy*"], "from": "-1d"})

    assert "little/probe/temperature" in text
    assert "little/meter/energy" not in text
    assert hidden.status_code == 404
