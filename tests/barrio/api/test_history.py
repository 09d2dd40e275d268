"""History and the newest over HTTP: what may be asked, what comes, and what does not exist for whom."""

import json
import time
from datetime import UTC, datetime

import httpx
import numpy as np
import pytest

from barrio.access.who import STATE, Sights, Who
from barrio.api.app import create_app
from tests.barrio.scripted import until
from twin.access.scope import Scope, Tier
from twin.frame import Batch
from twin.quality import Reason
from twin.resolution import Resolution

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
PATH = "little/probe/temperature"
HISTORY = "/api/v1/history"
DAY = "2026-06-02"
T0 = int(datetime(2026, 6, 2, 6, tzinfo=UTC).timestamp()) * SECOND
"""Midnight in Mexico City."""


def write(stage, path, *rows, quality=Reason.GOOD):
    """Store readings of a point: (seconds after midnight, value), NaN for a bad one."""
    series = stage.platform.catalogue.points[path].id
    at = T0 + np.array([second * SECOND for second, _ in rows], np.int64)
    value = np.array([value for _, value in rows], float)
    code = np.where(np.isnan(value), Reason.OUT_OF_RANGE, quality).astype(np.uint8)
    stage.platform.store.write(Batch(np.full(len(rows), series, np.int32), at, at, at * 0, value, code))


async def ask(stage, path=HISTORY, **query):
    """The body of an answer."""
    answer = await stage.http.get(path, params={name.rstrip("_"): value for name, value in query.items()})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def one(stage, **query):
    """The only series of a history."""
    (found,) = (await ask(stage, **{"point": PATH, "interval": f"{DAY}/P1D"} | query))["series"]
    return found


def as_who(stage, **scope) -> httpx.AsyncClient:
    """A client of somebody with a scope."""
    app, sights = create_app(stage.platform), Sights(stage.platform.catalogue)
    who = Who("somebody", sights.of(Scope(**{"tier": Tier.OPERATOR} | scope)))

    async def let_in(scope, receive, send):
        scope.setdefault("state", {})[STATE] = who
        await app(scope, receive, send)

    return httpx.AsyncClient(transport=httpx.ASGITransport(let_in), base_url="http://test")


async def test_points_by_pattern_and_by_what_they_are(stage):
    """Stars stand for any name in a part of a path; filters choose by what a point is; each point comes once."""
    by_star = await ask(stage, point=["little/*/temperature", PATH])
    by_kind = await ask(stage, under="little", quantity="air_temperature", site="yard")
    both = await ask(stage, point="little/p*be/*", quantity="air_temperature")

    assert [found["point"] for found in by_star["series"]] == [PATH, "little/meter/temperature"]
    assert [found["point"] for found in by_kind["series"]] == ["little/meter/temperature"]
    assert [found["point"] for found in both["series"]] == [PATH]


async def test_a_day_in_calendar_windows(stage):
    """A day of the district's calendar is one window of `1d`, an hour of it one of `1h`, wherever UTC is."""
    write(stage, PATH, (0, 10), (86_399, 20), (86_400, 99))
    day = await one(stage, every="1d", aggregate="mean,first,last,count,p50")
    hours = await one(stage, every="1h", aggregate="max")

    assert day["start"] == ["2026-06-02T06:00:00Z"]
    assert [day[name] for name in ("mean", "first", "last", "count", "p50")] == [[15], [10], [20], [2], [15]]
    assert (len(hours["max"]), hours["max"][0], hours["max"][-1]) == (24, 10, 20)


async def test_means_over_time_and_integrals(stage):
    """A value weighs as long as it stood; the integral comes in its own unit."""
    write(stage, PATH, (0, 10), (60, 40), (120, float("nan")), (180, 20))
    found = await one(stage, interval=f"{DAY}/PT3M", every="3m", aggregate="twmean,integral,mean")

    assert found["twmean"] == [25]
    assert found["integral"] == [pytest.approx(50 / 60)]
    assert (found["unit"], found["integral_unit"]) == ("Cel", "Cel.h")


async def test_what_is_filled_is_marked(stage):
    """What was put in says so; nothing is put before the first value or after the last one."""
    write(stage, PATH, (3600, 10), (4 * 3600, 40))
    query = {"interval": f"{DAY}/PT6H", "every": "1h", "aggregate": "mean,count"}
    plain, none, previous, linear = [
        await one(stage, **query, **fill)
        for fill in ({}, {"fill": "none"}, {"fill": "previous"}, {"fill": "linear"})
    ]

    assert plain["mean"] == [None, 10, None, None, 40, None]
    assert "filled" not in plain
    assert none["mean"] == [10, 40]
    assert none["start"] == [plain["start"][1], plain["start"][4]]
    assert previous["mean"] == [None, 10, 10, 10, 40, None]
    assert linear["mean"] == [None, 10, 20, 30, 40, None]
    assert linear["filled"] == [None, None, "linear", "linear", None, None]
    assert linear["count"] == plain["count"] == [0, 1, 0, 0, 1, 0]


async def test_only_readings_of_a_quality(stage):
    """Windows count good and uncertain readings unless told otherwise; raw history has all."""
    write(stage, PATH, (0, 10), (120, float("nan")))
    write(stage, PATH, (60, 90), quality=Reason.IMPRECISE)
    raw = {quality: (await one(stage, quality=quality))["value"] for quality in ("good", "uncertain", "all")}
    windows = {
        quality: await one(stage, every="1d", aggregate="mean,count", quality=quality)
        for quality in ("good", "uncertain", "all")
    }

    assert raw == {"good": [10], "uncertain": [10, 90], "all": [10, 90, None]}
    assert [found["mean"] for found in windows.values()] == [[10], [50], [50]]
    assert [found["count"] for found in windows.values()] == [[1], [2], [3]]


async def test_states_have_names(stage):
    """Raw states, the first and the last of a window are names; seconds have a column for each that occurred."""
    pump = "little/probe/pump"
    names = {name: code for code, name in stage.platform.catalogue.states.items()}
    write(stage, pump, (0, names["on"]), (1800, names["off"]))
    raw = await one(stage, point=pump)
    hour = await one(stage, point=pump, interval=f"{DAY}/PT1H", every="1h", aggregate="state_s,first,last")

    assert raw["state"] == ["on", "off"]
    assert (hour["first_state"], hour["last_state"]) == (["on"], ["off"])
    assert (hour["state_s:on"], hour["state_s:off"]) == ([1800], [1800])


async def test_other_formats(stage):
    """The same rows as CSV and NDJSON."""
    write(stage, PATH, (0, 10), (3600, 20))
    query = {"point": PATH, "interval": f"{DAY}/PT2H", "every": "1h", "aggregate": "mean"}
    csv = await stage.http.get(HISTORY, params=query | {"format": "csv"})
    lines = await stage.http.get(HISTORY, params=query, headers={"Accept": "application/x-ndjson"})

    assert csv.text.split("\r\n")[0] == "point,quantity,unit,start,mean"
    assert csv.text.split("\r\n")[1] == f"{PATH},air_temperature,Cel,2026-06-02T06:00:00Z,10.0"
    assert [json.loads(line)["mean"] for line in lines.text.splitlines()] == [10, 20]


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"point": ["little/*"]}, 404, "no point fits 'little/*'"),
        ({"kind": "Lamp"}, 404, "there is no point with kind=Lamp"),
        ({"point": PATH, "from": "-1h", "interval": f"{DAY}/P1D"}, 400, "interval: stands for from and to"),
        ({"point": PATH, "interval": "2026-06-02/24:00"}, 400, "interval: '24:00' is not a time"),
        ({"point": PATH, "from": "0000-01-01"}, 400, "from: '0000-01-01' is not a time"),
        ({"point": PATH, "from": "10000-01-01"}, 400, "from: '10000-01-01' is not a time"),
        (
            {"point": PATH, "from": "2026-01-01T00:00+99:99"},
            400,
            "from: '2026-01-01T00:00+99:99' is not a time",
        ),
        ({"point": PATH, "every": "15m", "aggregate": "p101"}, 400, "there is no aggregate 'p101'"),
        ({"point": PATH, "every": "15m", "aggregate": "state_s"}, 400, "state_s does not fit"),
        (
            {"point": "little/probe/energy", "every": "1h", "aggregate": "integral"},
            400,
            "integral does not fit",
        ),
        (
            {"point": PATH, "every": "15m", "aggregate": ",".join(f"p{n}" for n in range(20))},
            400,
            "at most 12",
        ),
        ({"point": PATH, "fill": "linear"}, 400, "fill: needs every"),
        (
            {"point": PATH, "every": "1h", "aggregate": "count", "fill": "linear"},
            400,
            "fill: linear does not fit",
        ),
        ({"point": PATH, "every": "1h", "fill": "spline"}, 400, "fill: should be 'null', 'none'"),
        ({"point": PATH, "quality": "best"}, 400, "quality: should be 'good'"),
        ({"point": PATH, "every": "1s", "from": "1970-01-01", "to": "2250-01-01"}, 400, "too many"),
        ({"point": PATH, "every": "1d", "from": "1970-01-01", "to": "2255-03-01"}, 400, ""),
        ({"under": "little", "every": "1s", "from": "-2d"}, 400, "too many"),
        ({"point": PATH, "format": "xml"}, 400, "format: "),
        ({}, 400, "point: is missing"),
    ],
)
async def test_bad_questions_are_answered_at_once(stage, query, status, words):
    """What cannot be answered is refused with the limit that was met, within 100 ms.

    The time is of the whole process, which stores readings meanwhile: the quickest of three has least of that.
    """
    await stage.http.get(HISTORY, params={"point": PATH})
    took = []
    for _ in range(3):
        begun = time.process_time()
        answer = await stage.http.get(HISTORY, params=query)
        took.append(time.process_time() - begun)

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert words in answer.json()["detail"]
    assert min(took) < 0.1


async def test_who_is_given_no_finer_than_a_resolution(stage):
    """Windows that are made of whole windows of it, those that have finished, and never single readings."""
    write(stage, PATH, (0, 10), (60, 30))
    await stage.links["probe"].give("temperature", 55.0)
    await stage.settled()
    async with as_who(stage, finest=Resolution.HOUR) as http:
        answers = {
            name: await http.get(HISTORY, params={"point": PATH} | query)
            for name, query in {
                "raw": {},
                "finer": {"every": "15m"},
                "askew": {"every": "1h", "tz": "Asia/Kolkata"},
                "single": {"every": "1h", "aggregate": "p99.9"},
                "first": {"every": "1h", "aggregate": "first"},
                "right": {"every": "1h", "interval": f"{DAY}/P1D"},
                "now": {"every": "1h", "from": "-2h"},
                "none": {"every": "1mo", "from": "-1s"},
                "long": {"every": "1mo", "from": "1970-02-01", "to": "2200-01-01", "aggregate": "mean"},
            }.items()
        }

    refused = {name: answers[name].json()["detail"] for name in ("raw", "finer", "askew", "single", "first")}
    assert (
        refused["raw"]
        == f"every: readings of {PATH} are given no finer than in windows of 1h: ask with every=1h or longer"
    )
    assert all("no finer than in windows of 1h" in words for words in refused.values())
    assert {answers[name].status_code for name in refused} == {400}
    assert answers["right"].json()["series"][0]["mean"][0] == 20
    now = answers["now"].json()["series"][0]
    assert all(datetime.fromisoformat(start).timestamp() + 3600 <= time.time() for start in now["start"])
    assert 55.0 not in now["max"]
    assert answers["long"].status_code == 200
    assert answers["none"].json()["series"] == [
        {"point": PATH, "quantity": "air_temperature", "unit": "Cel", "start": []}
    ]


async def test_what_they_may_not_see_does_not_exist(stage):
    """Neither in answers, nor in patterns and selections, nor in what was probably meant."""
    async with as_who(stage, sites=frozenset({"little/house"})) as http:
        named = await http.get(HISTORY, params={"point": "little/meter/temperature"})
        near = await http.get(HISTORY, params={"point": "little/meter/temperatur"})
        star = await http.get(HISTORY, params={"point": "little/*/temperature"})
        newest = await http.get("/api/v1/latest")
        alone = await http.get("/api/v1/points/little/meter/temperature/latest")

    assert [answer.status_code for answer in (named, near, star, newest, alone)] == [404, 404, 200, 200, 404]
    assert "meter" not in near.json()["detail"].replace("little/meter/temperatur", "")
    assert [found["point"] for found in star.json()["series"]] == [PATH]
    assert {path.split("/")[1] for path in newest.json()["point"]} == {"probe"}


async def test_the_newest_of_many_as_columns(stage):
    """Numbers and states apart; where there is none, the quality says why."""
    await stage.links["probe"].give("temperature", 21.5)
    await stage.links["probe"].give("pump", stage.links["probe"].point("pump").state(1))
    await stage.settled()
    found = await ask(stage, "/api/v1/latest", under="little/probe")

    assert found["total"] == 3
    assert found["point"] == [PATH, "little/probe/energy", "little/probe/pump"]
    assert found["value"] == [21.5, None, None]
    assert found["state"] == [None, None, "on"]
    assert found["quality"] == ["good", "not_heard_yet", "good"]
    assert found["time"][1] is None
    assert found["gap"] == [None, "not_heard_yet", None]
    assert datetime.fromisoformat(found["time"][0]).tzinfo is not None
    table = await stage.http.get("/api/v1/latest", params={"under": "little/probe", "format": "csv"})
    assert len(table.text.split("\r\n")) == 1 + 3 + 1


async def test_the_newest_for_who_is_given_windows(stage):
    """The last finished window in place of the newest reading, of one point as of many."""
    await stage.links["probe"].give("temperature", 55.0)
    await stage.settled()
    async with as_who(stage, finest=Resolution.QUARTER) as http:
        many = (await http.get("/api/v1/latest", params={"point": PATH})).json()
        alone = (await http.get(f"/api/v1/points/{PATH}/latest")).json()
        listed = (await http.get(f"/api/v1/points/{PATH}")).json()["latest"]

    assert (many["value"], many["resolution"], many["quality"]) == ([None], ["15m"], ["input_missing"])
    assert alone["quality"]["meaning"] == "no usable reading lies in the last window that is over"
    assert listed["quality"] == alone["quality"]
    assert (alone["value"], alone["resolution"], alone["quality"]["reason"]) == (None, "15m", "input_missing")


async def test_many_readings_are_an_export(stage, monkeypatch):
    """Who asks for more raw readings than one answer has is told where to have them."""
    monkeypatch.setattr("barrio.history.answers.MOST_READINGS", 2)
    write(stage, PATH, *[(second, second) for second in range(5)])
    answer = await stage.http.get(HISTORY, params={"point": PATH, "interval": f"{DAY}/P3D"})

    assert answer.status_code == 400
    assert "5 readings lie in between" in answer.json()["detail"]
    assert "/api/v1/exports" in answer.json()["detail"]


async def test_long_raw_history_is_read_on_the_way(stage, monkeypatch):
    """Points keep their order, also where they are read in several goes."""
    monkeypatch.setattr("barrio.history.answers.AT_ONCE", 3)
    paths = ["little/meter/temperature", PATH, "little/probe/energy"]
    for path in paths:
        write(stage, path, (0, 1), (1, 2))
    found = await ask(stage, point=paths, interval=f"{DAY}/P3D")

    assert [series["point"] for series in found["series"]] == paths
    assert [series["value"] for series in found["series"]] == [[1, 2]] * 3


async def test_rollups_are_named_as_the_source(stage):
    """What was made of windows that have ended is read where it is, and the answer says so."""
    book = stage.platform.rollups.book
    await until(lambda: book.until("little", Resolution.QUARTER))
    found = await ask(stage, point=PATH, from_="-1d", every="1h")

    assert {part["resolution"] for part in found["source"]} <= {"raw", "15m", "1h"}
    assert found["source"][-1]["resolution"] == "raw"


async def test_why_nothing_is_heard_gives_no_reading_away(stage):
    """The words of a gap name the value that was refused: not to who is given readings as windows."""
    await stage.links["probe"].give("temperature", 4711.5)
    await stage.settled()
    asked = ("/api/v1/gaps", f"/api/v1/points/{PATH}/latest", f"/api/v1/points/{PATH}")
    async with as_who(stage) as plain, as_who(stage, finest=Resolution.QUARTER) as coarse:
        told = [["4711.5" in (await who.get(path)).text for path in asked] for who in (plain, coarse)]
        gap = (await coarse.get(asked[1])).json()["gap"]

    assert told == [[True] * 3, [False] * 3]
    assert (gap["reason"], gap["words"]) == ("out_of_range", "")
