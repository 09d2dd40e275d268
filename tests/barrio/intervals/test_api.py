"""Intervals over HTTP, from what is stored to what a utility is given."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import httpx
import numpy as np
import pytest

from barrio.access.who import STATE, Sights, Who
from barrio.api.app import create_app
from tests.barrio.intervals.stage import ENERGY, HOUR, MINUTE, come_late, metered, rows, settle, write
from twin.access.scope import Scope, Tier
from twin.resolution import Resolution

MEXICO = ZoneInfo("America/Mexico_City")


def at(text: str, zone: ZoneInfo = MEXICO) -> int:
    """Return ns UTC of a time on a clock."""
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) * 10**9


def client(stage, scope: Scope) -> httpx.AsyncClient:
    """A client that is taken for the bearer of a scope."""
    app = create_app(stage.platform)
    who = Who("somebody", Sights(stage.platform.catalogue).of(scope))

    async def door(one, receive, send) -> None:
        one.setdefault("state", {})[STATE] = who
        await app(one, receive, send)

    return httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://test")


def steady(start: int, stop: int, first: float = 100.0, a_minute: float = 0.02) -> list[tuple[int, float]]:
    """A meter that is read every minute, 17 s past it."""
    times = range(start + 17 * 10**9, stop, MINUTE)
    return [(time, round(first + number * a_minute, 3)) for number, time in enumerate(times)]


@pytest.fixture
async def stage(tmp_path):
    async with metered(tmp_path) as stage:
        yield stage


async def test_a_day_has_its_quarter_hours(stage):
    """A settled day has 96 quarter hours that add up to what the register grew."""
    start, stop = at("2026-11-10"), at("2026-11-11")
    write(stage, ENERGY, steady(start - HOUR, stop + HOUR))
    assert settle(stage) == 2
    found = await rows(stage, **{"from": "2026-11-10", "to": "2026-11-11"})
    totals = await stage.http.get(
        "/api/v1/intervals/totals", params={"point": ENERGY, "from": "2026-11-10", "to": "2026-11-11"}
    )
    total = totals.json()["series"][0]

    assert len(found["delta"]) == 96
    assert found["local"][0] == "2026-11-10T00:00:00-06:00"
    assert set(found["quality"]) == {"valid"}
    assert round(sum(found["delta"]), 3) == total["total"][0] == 28.8
    assert total["register_end"][0] - total["register_start"][0] == pytest.approx(total["total"][0])


DST = [
    ("America/Mexico_City", "2022-04-03", 92),
    ("America/Mexico_City", "2022-10-30", 100),
    ("Europe/Madrid", "2026-03-29", 92),
    ("Europe/Madrid", "2025-10-26", 100),
    ("Australia/Lord_Howe", "2026-10-04", 94),
    ("Australia/Lord_Howe", "2026-04-05", 98),
    ("Asia/Kathmandu", "2026-10-25", 96),
]


@pytest.mark.parametrize(("name", "day", "number"), DST)
async def test_days_on_which_clocks_change(tmp_path, name, day, number):
    """92, 94, 98 or 100 quarter hours, none twice and none missing; halves and hours of them are the same total."""
    zone = ZoneInfo(name)
    start = at(day, zone)
    async with metered(tmp_path, name) as stage:
        write(stage, ENERGY, steady(start - HOUR, start + 27 * HOUR))
        settle(stage)
        end = str(datetime.fromisoformat(day).date() + timedelta(days=1))
        found = {
            length: await rows(stage, **{"from": day, "to": end, "length": length})
            for length in ("15m", "30m", "1h")
        }
        query = {"point": ENERGY, "from": day, "to": end}
        total = (await stage.http.get("/api/v1/intervals/totals", params=query)).json()["series"][0]["total"][
            0
        ]
    quarters = found["15m"]

    assert len(quarters["start"]) == number
    assert len(set(quarters["start"])) == number
    assert len(set(quarters["local"])) == number
    assert quarters["local"][0].startswith(f"{day}T00:00:00")
    for one in found.values():
        assert sum(Decimal(str(delta)) for delta in one["delta"]) == Decimal(str(total))
        assert set(one["quality"]) == {"valid"}


async def test_a_month_is_the_difference_of_its_registers(stage):
    """Totals of days and months are exact, with both registers."""
    start = at("2026-10-31")
    write(stage, ENERGY, steady(start, start + 5 * 24 * HOUR))
    settle(stage)
    query = {"point": ENERGY, "from": "2026-11-01", "to": "2026-11-04", "every": "1d"}
    one = (await stage.http.get("/api/v1/intervals/totals", params=query)).json()["series"][0]

    assert one["total"] == [28.8] * 3
    assert one["register_start"][1:] == one["register_end"][:-1]
    assert one["valid"] == [96] * 3
    assert one["missing"] == [0] * 3


async def test_what_was_billed_is_had_again(stage):
    """A version, and the time at which it was the newest, give the estimate that was billed; now it is measured."""
    start = at("2026-11-10")
    points = steady(start - HOUR, start + 26 * HOUR)
    bent = [(time, round(value + (3.0 if time > start + 5 * HOUR else 0.0), 3)) for time, value in points]
    hole = [one for one in bent if start + 4 * HOUR < one[0] < start + 7 * HOUR]
    write(stage, ENERGY, [one for one in bent if one not in hole])
    settle(stage)
    query = {"from": "2026-11-10", "to": "2026-11-11"}
    billed = (await stage.http.get("/api/v1/intervals", params={"point": ENERGY, **query})).json()
    moment = datetime.now(UTC).isoformat()
    come_late(stage, ENERGY, hole)
    settle(stage)
    now = await rows(stage, **query)
    was = billed["series"][0]
    versions = (await stage.http.get("/api/v1/intervals/versions", params={"point": ENERGY, **query})).json()

    assert "estimated" in was["quality"]
    assert "late" in now["quality"]
    assert "estimated" not in now["quality"]
    assert now["delta"] != was["delta"]
    assert round(sum(now["delta"]), 3) == round(sum(was["delta"]), 3)
    for key in ({"version": billed["version"]}, {"known_at": moment}):
        again = await rows(stage, **query, **key)
        assert (again["delta"], again["quality"], again["version"]) == (
            was["delta"],
            was["quality"],
            was["version"],
        )
    late = versions["versions"][-1]
    assert late["cause"] == "late"
    assert {change["before"]["quality"] for change in late["changes"]} == {"estimated"}


@pytest.mark.parametrize("path", ["/api/v1/intervals", "/api/v1/intervals/totals"])
async def test_an_answer_is_of_the_version_that_it_names(stage, path):
    """Also where a newer version of the days is made between the question and the answer."""
    start = at("2026-11-10")
    points = steady(start - HOUR, start + 26 * HOUR)
    hole = [one for one in points if start + 4 * HOUR < one[0] < start + 7 * HOUR]
    write(stage, ENERGY, [one for one in points if one not in hole])
    settle(stage)
    query = {"point": ENERGY, "from": "2026-11-10", "to": "2026-11-11"}
    (maker,) = stage.platform.intervals.makers.values()
    lines = maker.answers.lines

    def meanwhile(*args):
        maker.answers.lines = lines
        come_late(stage, ENERGY, [(time, value + 0.001) for time, value in hole])
        settle(stage)
        return lines(*args)

    maker.answers.lines = meanwhile
    found = (await stage.http.get(path, params=query)).json()
    again = (await stage.http.get(path, params={**query, "version": found["version"]})).json()
    newest = (await stage.http.get(path, params=query)).json()

    assert found["series"] == again["series"]
    assert found["version"] < newest["version"]
    assert found["series"] != newest["series"]


async def test_a_meter_change_by_hand(stage):
    """Declared over HTTP, it is in the audit log, the list of decisions and every total."""
    start = at("2026-11-10")
    change = start + 10 * HOUR
    old = steady(start - HOUR, change)
    new = [(time, round(value - old[-1][1], 3)) for time, value in steady(start - HOUR, start + 26 * HOUR)]
    write(stage, ENERGY, old + [one for one in new if one[0] > change])
    settle(stage)
    query = {"point": ENERGY, "from": "2026-11-10", "to": "2026-11-11"}
    before = (await stage.http.get("/api/v1/intervals/totals", params=query)).json()["series"][0]
    body = {"kind": "meter_change", "point": ENERGY, "at": "2026-11-10T10:00", "old_last": old[-1][1]}
    body |= {"new_first": 0, "who": "ana", "why": "its display was dark"}
    made = await stage.http.post("/api/v1/intervals/edits", json=body)
    after = (await stage.http.get("/api/v1/intervals/totals", params=query)).json()["series"][0]
    listed = (await stage.http.get("/api/v1/intervals/edits", params={"point": ENERGY})).json()["edits"]
    audit = await stage.platform.in_thread("commands", stage.platform.folder.audit.read_text)

    assert made.status_code == 200, made.text
    assert before["suspect"] == [2]
    assert after["suspect"] == [0]
    assert after["total"] == [28.8]
    assert after["meter_changes"] == [1]
    assert listed[0]["values"] == [old[-1][1], 0.0]
    assert listed[0]["who"] == "ana"
    assert "interval_edit" in audit
    assert "its display was dark" in audit


async def test_a_distribution_must_add_up(stage):
    """An edit that would change a total is refused with the number that it has to be."""
    start = at("2026-11-10")
    write(stage, ENERGY, steady(start - HOUR, start + 26 * HOUR))
    settle(stage)
    body = {"kind": "spread", "point": ENERGY, "from": "2026-11-10T00:00", "deltas": [0.5, 0.2]}
    body |= {"who": "ana", "why": "as the log of the site says"}
    wrong = await stage.http.post("/api/v1/intervals/edits", json=body)
    right = await stage.http.post("/api/v1/intervals/edits", json=body | {"deltas": [0.5, 0.1]})
    edited = await rows(stage, **{"from": "2026-11-10", "to": "2026-11-11"})
    back = await stage.http.post(
        f"/api/v1/intervals/edits/{right.json()['edit']}/withdraw", json={"who": "ana", "why": "a mistake"}
    )
    twice = await stage.http.post(
        f"/api/v1/intervals/edits/{right.json()['edit']}/withdraw", json={"who": "ana", "why": "a mistake"}
    )
    again = await rows(stage, **{"from": "2026-11-10", "to": "2026-11-11"})

    assert wrong.status_code == 400
    assert "grew by 0.600" in wrong.json()["detail"]
    assert edited["delta"][:3] == [0.5, 0.1, 0.3]
    assert edited["quality"][:3] == ["edited", "edited", "valid"]
    assert back.status_code == 200
    assert again["delta"][:3] == [0.3, 0.3, 0.3]
    assert twice.status_code == 400


@pytest.mark.parametrize("path", ["", "/totals"])
@pytest.mark.parametrize(
    ("interval", "start", "stop"),
    [
        ("PT1H/now", "-1h", "now"),
        ("PT50M/now", "-50m", "now"),
        ("P1D/-2h", "-26h", "-2h"),
        ("-3h/PT40M", "-3h", "-140m"),
        ("-1d/-1h", "-1d", "-1h"),
        ("2026-11-10/now", "2026-11-10", "now"),
    ],
)
async def test_an_interval_means_what_from_and_to_mean(stage, monkeypatch, path, interval, start, stop):
    """Ages and `now` are taken at the quarter hour before, and with them what a duration counts from them."""
    now = at("2026-11-11T12:07:31")
    monkeypatch.setattr(stage.platform.clock, "now_ns", lambda: now)
    address = f"/api/v1/intervals{path}"
    one = await stage.http.get(address, params={"point": ENERGY, "interval": interval})
    other = await stage.http.get(address, params={"point": ENERGY, "from": start, "to": stop})

    assert other.status_code == 200, other.text
    assert one.json() == other.json()


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        ("2026-11-11T10:07/now", "2026-11-11T16:07:00.000000Z is no boundary"),
        ("2026-11-11T10:07/PT1H", "2026-11-11T16:07:00.000000Z is no boundary"),
        ("PT5M/now", "interval: no quarter hour has ended in 'PT5M/now'"),
    ],
)
async def test_times_of_an_interval_that_are_written_out_are_not_moved(stage, monkeypatch, interval, words):
    """A total is exact between the times that somebody names, or is refused."""
    now = at("2026-11-11T12:07:31")
    monkeypatch.setattr(stage.platform.clock, "now_ns", lambda: now)
    answer = await stage.http.get("/api/v1/intervals/totals", params={"point": ENERGY, "interval": interval})

    assert answer.status_code == 400
    assert words in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "query", "words"),
    [
        ("", {"point": "little/meter/temperature"}, "is no register"),
        ("", {"point": "little/meter/energi"}, "did you mean"),
        ("", {"under": "little/nothing"}, "there is no point"),
        ("", {"point": ENERGY, "length": "5m"}, "length"),
        ("", {"point": ENERGY, "from": "2026-11-02", "to": "2026-11-01"}, "is not before"),
        ("", {"point": ENERGY, "from": "2030-01-01", "to": "2031-01-01"}, "lies ahead"),
        ("", {"point": ENERGY, "from": "1970-01-02", "to": "now"}, "too many"),
        ("", {"point": ENERGY, "version": "99"}, "the newest is"),
        ("", {"point": ENERGY, "version": "-1"}, "version"),
        ("", {"point": ENERGY, "known_at": "2040-01-01"}, "has not come"),
        ("", {"point": ENERGY, "version": "0", "known_at": "now"}, "say either"),
        ("", {"point": ENERGY, "interval": "2026-11-01/P1D", "from": "-1d"}, "say either"),
        ("", {"point": ENERGY, "tz": "Mars/Olympus"}, "not an IANA"),
        ("", {"point": ENERGY, "format": "xml"}, "format"),
        ("", {"point": ENERGY, "lenght": "1h"}, "did you mean"),
        ("", {}, "point"),
        ("/totals", {"point": ENERGY, "from": "2026-11-01T00:07", "to": "2026-11-02"}, "is no boundary"),
        ("/totals", {"point": ENERGY, "from": "2026-11-01", "to": "2026-11-02", "every": "7m"}, "7m"),
        (
            "/totals",
            {"point": ENERGY, "from": "2026-11-01", "to": "2026-11-02", "every": "1mo"},
            "no whole period",
        ),
        ("/totals", {"point": ENERGY, "from": "1970-01-02", "to": "2255-01-01"}, "point"),
        ("/versions", {"point": "little/probe"}, "is not a point"),
        ("/versions", {"point": ENERGY, "from": "1980-01-01"}, "at most"),
        ("/edits", {"point": "little/meter/temperature"}, "is no register"),
    ],
)
async def test_bad_questions(stage, path, query, words):
    """Each is answered with what is wrong with it, before anything is read."""
    answer = await stage.http.get(f"/api/v1/intervals{path}", params=query)

    assert answer.status_code in {400, 404}
    assert words in answer.text


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": "delete", "point": ENERGY},
        {"kind": "read", "point": ENERGY, "who": "a", "why": "b", "at": "2040-01-01", "register": 5},
        {"kind": "read", "point": ENERGY, "who": "a", "why": "b", "at": "-1d", "register": -5},
        {"kind": "read", "point": ENERGY, "who": "a", "why": "b", "at": "-1d", "register": 5, "more": 1},
        {"kind": "read", "point": ENERGY, "who": "a", "why": "b", "at": "-1d", "register": 1e300},
        {"kind": "read", "point": ENERGY, "who": "", "why": "b", "at": "-1d", "register": 5},
        {"kind": "read", "point": "little/meter/pump", "who": "a", "why": "b", "at": "-1d", "register": 5},
        {"kind": "read", "point": "little/meter/none", "who": "a", "why": "b", "at": "-1d", "register": 5},
        {
            "kind": "spread",
            "point": ENERGY,
            "who": "a",
            "why": "b",
            "from": "2026-11-01T00:07",
            "deltas": [1, 2],
        },
        {"kind": "spread", "point": ENERGY, "who": "a", "why": "b", "from": "2026-11-01", "deltas": [1]},
        {"kind": "spread", "point": ENERGY, "who": "a", "why": "b", "from": "2026-11-01", "deltas": [1, 2]},
        {"kind": "ignore", "point": ENERGY, "who": "a", "why": "b", "from": "-1d", "to": "-2d"},
        {"kind": "ignore", "point": ENERGY, "who": "a", "why": "b", "from": "1980-01-01", "to": "-2d"},
    ],
)
async def test_bad_decisions(stage, body):
    """Nothing is decided, and nothing is in the book."""
    answer = await stage.http.post("/api/v1/intervals/edits", json=body)

    assert answer.status_code in {400, 404}
    assert stage.platform.intervals.book.newest() == 0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "kind: is missing"),
        ({"kind": "raed"}, "found 'raed' (did you mean read?)"),
        ({"kind": "read", "point": ENERGY, "register": 5, "who": "a", "why": "b"}, "at: is missing"),
        (
            {
                "kind": "ignore",
                "point": ENERGY,
                "form": "-1d",
                "from": "-1d",
                "to": "now",
                "who": "a",
                "why": "b",
            },
            "form: there is no key 'form' (did you mean from?)",
        ),
    ],
)
async def test_what_is_wrong_with_a_decision_is_named(stage, body, words):
    """The key that is wrong, not the kind of decision that it was tried as."""
    answer = await stage.http.post("/api/v1/intervals/edits", json=body)

    assert words in answer.json()["detail"]
    assert answer.json()["detail"].startswith(answer.json()["parameter"] + ": ")


async def test_a_hand_reading_below_what_was_read_is_refused(stage):
    """A register that would make the meter run backwards is no reading, but a mistake."""
    start = at("2026-11-10")
    write(stage, ENERGY, steady(start, start + HOUR))
    body = {"kind": "read", "point": ENERGY, "who": "a", "why": "b", "at": "2026-11-10T02:00", "register": 50}
    answer = await stage.http.post("/api/v1/intervals/edits", json=body)

    assert answer.status_code == 400
    assert "is below what was read" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("when", "register", "words"),
    [
        (
            "2026-11-10T02:00",
            2_020_869.9,
            "is below what was read at 2026-11-10T07:29:17.000000Z: 2020870.710 kW.h",
        ),
        (
            "2026-11-09T23:00",
            2_020_871,
            "is above what was read at 2026-11-10T06:00:17.000000Z: 2020870.123 kW.h",
        ),
    ],
)
async def test_the_register_that_a_hand_reading_does_not_fit_is_told_whole(stage, when, register, words):
    """With the decimals of its steps, however much the meter has counted."""
    start = at("2026-11-10")
    write(stage, ENERGY, steady(start, start + 90 * MINUTE, first=2_020_870.123, a_minute=0.0066))
    body = {"kind": "read", "point": ENERGY, "who": "a", "why": "b", "at": when, "register": register}
    answer = await stage.http.post("/api/v1/intervals/edits", json=body)

    assert words in answer.json()["detail"]


@pytest.mark.parametrize("when", ["2026-11-10T00:00", "2026-11-09T22:00"])
async def test_a_reading_by_hand_before_the_first_holds_for_days_that_are_settled_later(stage, when):
    """Its version has no days, for none is settled; the day of the first reading goes by it when it is."""
    start = at("2026-11-10")
    body = {"kind": "read", "point": ENERGY, "who": "a", "why": "b", "at": when, "register": 99}
    made = (await stage.http.post("/api/v1/intervals/edits", json=body)).json()
    asked = {"point": ENERGY, "from": "2026-11-09", "to": "2026-11-12"}
    before = (await stage.http.get("/api/v1/intervals/versions", params=asked)).json()
    write(stage, ENERGY, steady(start + 2 * HOUR, start + 26 * HOUR))
    settle(stage)
    after = (await stage.http.get("/api/v1/intervals/versions", params=asked)).json()
    day = await rows(stage, **{"from": "2026-11-10", "to": "2026-11-11", "version": 2})

    assert made["version"] == 1
    assert before["versions"] == []
    assert [one["version"] for one in after["versions"]] == [2]
    assert None not in day["delta"]


async def test_formats(stage):
    """The table in the formats of tables."""
    start = at("2026-11-10")
    write(stage, ENERGY, steady(start - HOUR, start + 26 * HOUR))
    query = {"point": ENERGY, "from": "2026-11-10", "to": "2026-11-11"}
    text = (await stage.http.get("/api/v1/intervals", params={**query, "format": "csv"})).text.splitlines()

    assert text[0] == "point,quantity,unit,start,local,delta,register,quality,reason,version"
    assert len(text) == 97


async def test_who_is_given_hours_gets_no_quarters(stage):
    """A resolution of an hour gives hours, totals between hours, and nothing of what changed in quarters."""
    start = at("2026-11-10")
    write(stage, ENERGY, steady(start - HOUR, start + 26 * HOUR))
    query = {"point": ENERGY, "from": "2026-11-10", "to": "2026-11-11"}
    async with client(stage, Scope(tier=Tier.OPERATOR, finest=Resolution.HOUR)) as http:
        answers = [
            await http.get("/api/v1/intervals", params=query),
            await http.get("/api/v1/intervals", params={**query, "length": "1h"}),
            await http.get("/api/v1/intervals/totals", params={**query, "from": "2026-11-10T00:15"}),
            await http.get("/api/v1/intervals/totals", params=query),
            await http.get("/api/v1/intervals/versions", params=query),
        ]

    assert [answer.status_code for answer in answers] == [400, 200, 400, 200, 400]


async def test_what_is_not_seen_does_not_exist(stage):
    """Points of others are 404, and deciding takes an operator with the verb."""
    scopes = [
        Scope(tier=Tier.OPERATOR, sites=frozenset({"little/house"})),
        Scope(tier=Tier.PARTNER),
        Scope(tier=Tier.OPERATOR),
    ]
    body = {"kind": "read", "point": ENERGY, "who": "a", "why": "b", "at": "-1d", "register": 5}
    found = []
    for scope in scopes:
        async with client(stage, scope) as http:
            found.append((await http.get("/api/v1/intervals", params={"point": ENERGY})).status_code)
            found.append((await http.post("/api/v1/intervals/edits", json=body)).status_code)

    assert found == [404, 404, 404, 404, 200, 403]


DATASETS = """\
owners: [{id: city, name: City}]
datasets:
  - id: meters
    title: Meters
    owner: city
    contact: data@city.example
    licence: CC-BY-4.0
    tier: partner
    points: {on: meter, names: energy}
"""


@pytest.mark.parametrize("path", ["/api/v1/intervals", "/api/v1/intervals/totals"])
async def test_registers_are_chosen_by_their_dataset(tmp_path, path):
    """By its id, with or without its district; one that there is not comes with the nearest."""
    (tmp_path / "little").mkdir()
    (tmp_path / "little" / "datasets.yaml").write_text(DATASETS)
    async with metered(tmp_path) as stage:
        write(stage, ENERGY, steady(at("2026-11-10"), at("2026-11-11")))
        query = {"from": "2026-11-10", "to": "2026-11-11"}
        found = [
            await stage.http.get(path, params={**query, "dataset": name})
            for name in ("meters", "little/meters", "metres")
        ]

    assert [answer.status_code for answer in found] == [200, 200, 404]
    assert [one["point"] for answer in found[:2] for one in answer.json()["series"]] == [ENERGY, ENERGY]
    assert "dataset=metres (did you mean meters?)" in found[2].json()["detail"]


async def test_a_decision_about_readings_that_are_gone_is_refused(stage):
    """What was settled stays, whoever wants it otherwise: there is nothing left to make it of."""
    start = at("2026-11-10")
    write(stage, ENERGY, steady(start - HOUR, start + 50 * HOUR))
    settle(stage)
    before = await rows(stage, **{"from": "2026-11-10", "to": "2026-11-11"})
    item = stage.platform.catalogue.points[ENERGY]
    stage.platform.store.delete(np.array([item.id], np.int32), 0, start + 6 * HOUR)
    body = {"kind": "accept", "point": ENERGY, "from": "2026-11-10T10:00", "to": "2026-11-10T11:00"}
    made = await stage.http.post("/api/v1/intervals/edits", json=body | {"who": "ana", "why": "seen"})

    assert made.status_code == 400, made.text
    assert "no longer kept" in made.text
    assert await rows(stage, **{"from": "2026-11-10", "to": "2026-11-11"}) == before
