"""What is missing, over HTTP and on the command line, of a platform that has run since three hours ago."""

import csv
import io
import threading

import numpy as np
import pytest

from barrio.commands import completeness as command
from barrio.errors import AskError
from barrio.moments import rfc3339
from barrio.settings import Settings
from tests.barrio.scripted import DISTRICT, NS, staged
from tests.barrio.test_backfill import broken_off, come_back, kept
from tests.twin.past.little import ONLY_PROBE, little
from twin.folder import DataFolder
from twin.frame import Batch
from twin.past.models import Models
from twin.quality import Reason

HOUR = 3600 * NS
SLOT = 90 * NS
UTC = {"district": DISTRICT.replace("America/Mexico_City", "UTC")}


@pytest.fixture
async def since(tmp_path, monkeypatch):
    """A platform whose model is three hours old, and the time at which it began."""
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)
    async with staged(tmp_path / "now", **UTC) as stage:
        begun = stage.platform.clock.now_ns() // NS * NS - 3 * HOUR
    folder = DataFolder(tmp_path / "now" / "data")
    folder.models.unlink()
    models = Models(folder.models)
    models.open()
    models.record([little(tmp_path / "then", **UTC)], begun)
    models.close()
    return begun


@pytest.fixture
async def stage(since, tmp_path, monkeypatch):
    """That platform, running."""
    (tmp_path / "now" / "little").rename(tmp_path / "used")
    async with staged(tmp_path / "now", **UTC) as found:
        await found.settled()
        await found.platform.in_thread("ledger", lambda: None)
        assert len(found.platform.models.versions()) == 1
        yield found


async def heard(stage, path, since, slots, quality=Reason.GOOD):
    """Store a reading of a point in the middle of each of these slots."""
    times = since + np.array(slots, np.int64) * SLOT + SLOT // 2
    ids = np.full(len(times), stage.platform.catalogue.points[path].id, np.int32)
    value = np.full(len(times), np.nan if quality >= 128 else 20.0)
    codes = np.full(len(times), quality, np.uint8)
    batch = Batch(ids, times, times, times * 0, value, codes)
    await stage.platform.in_thread("store", stage.platform.store.write, batch)


async def asked(stage, since, path="/api/v1/completeness", **query):
    """The answer for the hour and a half after the beginning, which has 60 slots."""
    query = {"from": rfc3339(since), "to": rfc3339(since + HOUR * 3 // 2), "every": "1s"} | query
    answer = await stage.http.get(path, params={key: one for key, one in query.items() if one})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def hours(stage, since, **query):
    """The same in a window of which no part has yet to come: all that was configured so far."""
    return await asked(stage, since, **{"from": rfc3339(since), "to": "now", "every": "1y", **query})


async def test_each_point_of_a_device(stage, since):
    """What was expected and received of a point, and what became of the rest."""
    path = "little/probe/temperature"
    await heard(stage, path, since, range(60))
    await heard(stage, path, since, [60, 61], Reason.LATE)
    await heard(stage, path, since, [62], Reason.INCOMPLETE)
    await heard(stage, path, since, [63, 64], Reason.OUT_OF_RANGE)
    body = await hours(stage, since, under="little/probe", by="point")
    rows = {row["point"]: row for row in body["rows"]}
    row = rows[path]

    assert sorted(name.rpartition("/")[2] for name in rows) == ["energy", "pump", "temperature"]
    assert (row["expected"], row["received"], row["on_time"]) == (120, 63, 60)
    assert (row["late"], row["estimated"], row["bad"], row["missing"]) == (2, 1, 2, 55)
    assert row["complete"] == 63 / 120
    assert row["longest_gap_s"] == pytest.approx(3 * 3600 - 62.5 * 90, abs=30)


async def test_sums_are_those_of_the_points(stage, since):
    """A device, a site and a district are the sums of their points."""
    await heard(stage, "little/probe/temperature", since, range(50))
    await heard(stage, "little/meter/energy", since, range(30))
    points = (await hours(stage, since, by="point"))["rows"]
    for by, names in (
        ("device", ["little/probe", "little/meter"]),
        ("site", ["little/house", "little/yard"]),
        ("district", ["little"]),
    ):
        rows = (await hours(stage, since, by=by))["rows"]
        assert [row[by] for row in rows] == names
        for name in ("expected", "received", "missing"):
            assert sum(row[name] for row in rows) == sum(row[name] for row in points)


async def test_days_are_the_district_s(stage, since):
    """A row for each day: what all of them expect is what was expected, in whole slots of each day."""
    rows = (await hours(stage, since, by="day", every="1d"))["rows"]

    assert all(row["from"].endswith("T00:00:00.000000Z") for row in rows)
    assert 6 * 118 <= sum(row["expected"] for row in rows) <= 6 * 120


async def test_reasons_come_from_the_ledger(stage, since):
    """The seconds that a point was not heard stand behind their reasons."""
    platform = stage.platform
    item = platform.catalogue.points["little/probe/energy"]
    await platform.in_thread("ledger", platform.ledger.close_gaps, [item.id], platform.started)
    await platform.in_thread(
        "ledger", platform.ledger.open_gaps, [item.id], since + 600 * NS, Reason.LINK_DOWN, ""
    )
    await platform.in_thread("ledger", platform.ledger.close_gaps, [item.id], since + 900 * NS)
    [row] = (await hours(stage, since, under="little/probe/energy", by="point"))["rows"]

    assert row["reasons"]["link_down"] == 300


async def test_what_a_device_gave_later_counts(stage, since):
    """A gap that was filled is closed, is no reason any more, and its readings are received as backfilled."""
    link, _ = await broken_off(stage)
    await come_back(link)
    row = np.array([link.point("temperature").id], np.int32)
    platform = stage.platform
    await platform.in_thread("ledger", platform.ledger.close_gaps, row, platform.clock.now_ns())
    await platform.in_thread("ledger", platform.ledger.open_gaps, row, since, Reason.NO_ANSWER, "")
    await platform.in_thread("ledger", platform.ledger.close_gaps, row, since + 40 * SLOT)
    before = (await hours(stage, since, under="little/probe/temperature"))["rows"][0]
    times = [since + number * SLOT + SLOT // 3 for number in range(39)]
    await link.sink.backfill(kept(link, times, [20.0] * 39))
    link.sink.filled(row, since, since + 40 * SLOT)
    await stage.settled()
    await platform.in_thread("ledger", lambda: None)
    after = (await hours(stage, since, under="little/probe/temperature"))["rows"][0]
    [gap] = [one for one in platform.ledger.gaps(row, since, since + NS) if one.reason is Reason.NO_ANSWER]

    assert before["reasons"]["no_answer"] == 3600
    assert (gap.filled, gap.stop) == (True, since + 40 * SLOT)
    assert "no_answer" not in after["reasons"]
    assert (after["filled_s"], after["backfilled"], after["held"]) == (3600, 39, 1)
    assert after["received"] - before["received"] == 39
    assert before["missing"] - after["missing"] == 40


async def test_a_device_that_was_taken_out_is_counted_while_it_was_there(stage, since, tmp_path):
    """It is expected to speak until the model without it began, and found by name although it is gone."""
    until = since + 2 * HOUR
    await stage.platform.in_thread(
        "ledger", stage.platform.models.record, [little(tmp_path / "later", **UTC, devices=ONLY_PROBE)], until
    )
    [row] = (await hours(stage, since, under="little/meter", by="device"))["rows"]

    assert row["expected"] == 3 * 80


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"by": "points"}, "did you mean point?"),
        ({"by": "point,site"}, "one of them with day"),
        ({"every": "7h"}, "windows of '7h'"),
        ({"from": "2026-01-02", "to": "2026-01-01"}, "is not before"),
        ({"every": "1s", "from": "-3h"}, "windows are too many, at most 2,000"),
    ],
)
async def test_wrong_questions(stage, query, words):
    """What is wrong is said with the parameter's name."""
    answer = await stage.http.get("/api/v1/completeness", params=query)

    assert answer.status_code == 400
    assert words in answer.json()["detail"]


@pytest.mark.parametrize(
    ("limit", "words"), [("MOST_SLOTS", "are counted at once"), ("MOST_ROWS", "6 rows are too many")]
)
async def test_what_would_take_too_long_is_refused(stage, since, monkeypatch, limit, words):
    """More slots or rows than fit are refused with their number, and with what to ask instead."""
    monkeypatch.setattr(f"barrio.past.completeness.{limit}", 5)
    query = {"from": rfc3339(since), "by": "point", "every": "1mo"}
    answer = await stage.http.get("/api/v1/completeness", params=query)

    assert answer.status_code == 400
    assert words in answer.json()["detail"]
    assert "ask for less time" in answer.json()["detail"]


async def test_windows_without_room_for_a_slot_are_refused(stage, since):
    """A minute has no whole slot of 90 s: an empty table would say that nothing is missing. Two minutes have one."""
    begin = (since // HOUR + 1) * HOUR
    query = {"from": rfc3339(begin), "to": rfc3339(begin + HOUR), "under": "little/probe/temperature"}
    short = await stage.http.get("/api/v1/completeness", params=query | {"every": "1m"})
    long = await stage.http.get("/api/v1/completeness", params=query | {"every": "2m"})

    assert short.status_code == 400
    assert short.json()["detail"].startswith("every: no window is as long as 90 s, in which these points")
    assert [row["expected"] for row in long.json()["rows"]] == [30]


async def test_a_name_that_nobody_has(stage):
    """The nearest name is offered."""
    answer = await stage.http.get("/api/v1/completeness", params={"under": "little/prob"})

    assert answer.status_code == 404
    assert "did you mean little/probe?" in answer.json()["detail"]


async def test_the_worst_of_many_holds_nobody_up(stage, since, monkeypatch):
    """A hundred thousand gaps are compared beside the loop."""
    threads = []

    def worst(*_):
        threads.append(threading.current_thread().name)
        return []

    monkeypatch.setattr("twin.completeness.worst.worst", worst)
    await asked(stage, since, "/api/v1/gaps", worst=2, every=None)

    assert [name.startswith("barrio-reads") for name in threads] == [True]


async def test_the_worst(stage, since):
    """The points that were not heard for longest come first, as many as are asked for."""
    platform = stage.platform
    points = platform.catalogue.points
    for name, start, stop in (("pump", 10, 20), ("energy", 10, 200), ("energy", 300, 310)):
        one = [points[f"little/probe/{name}"].id]
        current = platform.ledger.current(one[0])
        if current is not None:
            await platform.in_thread("ledger", platform.ledger.close_gaps, one, current.start)
        await platform.in_thread(
            "ledger", platform.ledger.open_gaps, one, since + start * NS, Reason.SILENT, ""
        )
        await platform.in_thread("ledger", platform.ledger.close_gaps, one, since + stop * NS)
    query = {"from": rfc3339(since), "to": rfc3339(since + HOUR), "every": None, "point": "little/probe"}
    body = await asked(stage, since, "/api/v1/gaps", **query, worst=2)

    assert [(one["point"], one["missing_s"], one["gaps"], one["longest_s"]) for one in body["worst"]] == [
        ("little/probe/energy", 200, 2, 190),
        ("little/probe/pump", 10, 1, 10),
    ]
    assert (body["worst"][0]["reason"], body["worst"][0]["filled_s"]) == ("silent", 0)


async def test_the_words(stage, since, monkeypatch):
    """The table says what was expected, what came, and why the rest did not; CSV has each number in a column."""
    await heard(stage, "little/probe/temperature", since, range(119))
    body = await hours(stage, since, by="point", under="little/probe/temperature")
    monkeypatch.setattr(command, "ask", lambda *_: body)
    head, line = command.completeness(Settings(), [], {}, "table").splitlines()
    table = list(csv.DictReader(io.StringIO(command.completeness(Settings(), [], {}, "csv"))))

    assert head.split()[:4] == ["point", "expected", "received", "complete"]
    assert line.split()[:4] == ["little/probe/temperature", "120", "119", "99.17"]
    assert (table[0]["expected"], table[0]["missing"]) == ("120", "1")
    with pytest.raises(AskError, match="did you mean csv"):
        command.completeness(Settings(), [], {}, "cvs")


def test_a_share_is_not_rounded_up_to_a_whole():
    """What misses one of a million is not complete."""
    assert command._share({"complete": 999_999 / 1_000_000}) == "99.99 %"
    assert command._share({"complete": 1.0}) == "100 %"
