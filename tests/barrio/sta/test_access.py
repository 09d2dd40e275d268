"""What a caller may not see is not there: in no collection, count, relation, filter, order or error."""

import time
from dataclasses import replace

import httpx
import pytest

from barrio.access.rates import Bucket
from barrio.access.who import Who
from tests.barrio.sta.town import DEVICES, NS, QUARTER, ROOT, START, Known, fill, seeing, town
from twin.access.scope import OPEN
from twin.resolution import Resolution

YARD = seeing(sites=frozenset({"little/yard"}))
AIR = seeing(quantities=frozenset({"air_temperature"}))
COARSE = seeing(finest=Resolution.QUARTER)


async def test_collections_and_counts_hold_what_is_seen(little):
    """Whoever sees one site sees its thing, places, sensors and readings."""
    found = {
        name: (await little.get(f"/{name}", YARD, count="true"))["@iot.count"]
        for name in (
            "Things",
            "Locations",
            "HistoricalLocations",
            "Datastreams",
            "Sensors",
            "ObservedProperties",
            "FeaturesOfInterest",
            "Observations",
        )
    }

    assert found == {
        "Things": 1,
        "Locations": 1,
        "HistoricalLocations": 1,
        "Datastreams": 3,
        "Sensors": 1,
        "ObservedProperties": 3,
        "FeaturesOfInterest": 1,
        "Observations": 5,
    }
    assert await little.names("/Things", YARD) == ["meter"]


async def test_what_is_hidden_is_not_there(little):
    """By id, as a relation and below one, it is answered as what never was."""
    thing, yard = (one["@iot.id"] for one in (await little.get("/Things"))["value"])
    stream, place = (
        little.id("probe/temperature"),
        (await little.get(f"/Things({thing})/Locations"))["value"][0],
    )
    feature = (await little.get("/FeaturesOfInterest", filter="name eq 'The house'"))["value"][0]
    reading = (await little.get(f"/Datastreams({stream})/Observations"))["value"][0]["@iot.id"]
    hidden = {
        f"/Things({thing})": f"Things({thing})",
        f"/Things({thing})/name": f"Things({thing})",
        f"/Things({thing})/Datastreams": f"Things({thing})",
        f"/Things({yard})/Datastreams({stream})": f"Datastreams({stream})",
        f"/Datastreams({stream})/Observations": f"Datastreams({stream})",
        f"/Locations({place['@iot.id']})": f"Locations({place['@iot.id']})",
        f"/FeaturesOfInterest({feature['@iot.id']})/Observations": f"FeaturesOfInterest({feature['@iot.id']})",
        f"/Observations('{reading}')": f"Observations({reading})",
        f"/Observations({reading})/Datastream/Thing": f"Observations({reading})",
    }
    for path, name in hidden.items():
        answer = await little.ask(path, YARD)
        unknown = await little.ask(path.replace(name.rpartition("(")[2][:-1], "987654"), YARD)

        assert (answer.status_code, answer.json()["detail"]) == (404, f"there is no {name}")
        assert unknown.status_code == 404
        assert unknown.json().keys() == answer.json().keys()


async def test_relations_filters_and_orders_reach_what_is_seen_only(little):
    """A sensor, a property and a place are shared: what they lead to is not."""
    [sensor] = (await little.get("/Sensors", YARD, expand="Datastreams($count=true)"))["value"]
    [air] = (await little.get("/ObservedProperties", AIR, expand="Datastreams"))["value"]
    [thing] = (await little.get("/Things", YARD, expand="Datastreams,Locations/Things"))["value"]

    assert (sensor["Datastreams@iot.count"], len(sensor["Datastreams"])) == (3, 3)
    assert {one["properties"]["device"] for one in sensor["Datastreams"]} == {"meter"}
    assert {one["properties"]["point"] for one in air["Datastreams"]} == {"temperature"}
    assert [one["name"] for one in thing["Locations"][0]["Things"]] == ["meter"]
    assert await little.names("/Sensors", YARD, filter="Datastreams/Thing/name eq 'Probe''s one'") == []
    assert await little.names("/ObservedProperties", AIR, filter="Datastreams/name ne 'x'") == [
        "air_temperature"
    ]
    assert (
        await little.names("/Things", AIR, filter="Datastreams/ObservedProperty/name eq 'pump_state'") == []
    )
    assert len(await little.results("/Observations", YARD, filter="Datastream/id gt 0")) == 5
    assert await little.results("/Observations", YARD, filter="result lt -5") == [-6.0]


async def test_the_public_sees_nothing_where_nothing_is_open(little):
    """The service answers, and holds nothing."""
    root = await little.get("", OPEN)
    found = {one["name"]: await little.get(f"/{one['name']}", OPEN, count="true") for one in root["value"]}

    assert all(one == {"@iot.count": 0, "value": []} for one in found.values())


async def test_things_of_one_place_are_told_apart(tmp_path, monkeypatch):
    """At a place that two things share, whoever sees one of them is shown that one."""
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)
    together = DEVICES.replace("yard", "house").replace(", location: {lat: 20.52, lon: -100.32}", "")
    async with town(tmp_path, devices=together) as found:
        fill(found)
        whole = found.sight(seeing())
        mask = whole.mask.copy()
        mask[[found.id(f"probe/{name}") for name in ("temperature", "energy", "pump")]] = False
        part = replace(whole, mask=mask)
        [place] = (await found.get("/Locations", part, expand="Things,HistoricalLocations/Thing"))["value"]
        [feature] = (await found.get("/FeaturesOfInterest", part, expand="Observations($count=true)"))[
            "value"
        ]
        everything = await found.get("/Locations", expand="Things")

    assert [one["name"] for one in place["Things"]] == ["meter"]
    assert [one["Thing"]["name"] for one in place["HistoricalLocations"]] == ["meter"]
    assert feature["Observations@iot.count"] == 5
    assert len(everything["value"][0]["Things"]) == 2


async def test_errors_do_not_tell_what_is_hidden(little):
    """Suggestions are made of the names of the standard, never of those of entities."""
    answers = [
        await little.ask("/Things", YARD, filter="naem eq 'probe'"),
        await little.ask("/Datastreams(1)/Thing", YARD),
        await little.ask("/Things", YARD, orderby="prope"),
    ]

    assert all(one.status_code in {400, 404} for one in answers)
    assert not any("Probe's" in one.text or "house" in one.text for one in answers)


async def test_coarse_callers_are_given_finished_windows(little):
    """The mean of a gauge, the last of registers and states, over quarter hours, standing where they start."""
    gauge, register, pump = (little.id(one) for one in ("probe/temperature", "meter/energy", "probe/pump"))
    [mean] = (await little.get(f"/Datastreams({gauge})/Observations", COARSE))["value"]

    assert mean["phenomenonTime"] == "2026-11-27T12:00:00.000000Z/2026-11-27T12:15:00.000000Z"
    assert mean["resultTime"] == "2026-11-27T12:15:00.000000Z"
    assert mean["result"] == pytest.approx((sum(range(20, 28)) + 29) / 9)
    assert "parameters" not in mean
    assert await little.results(f"/Datastreams({register})/Observations", COARSE) == [103.0, 101.5]
    assert await little.results(f"/Datastreams({pump})/Observations", COARSE) == ["on"]
    stream = await little.get(f"/Datastreams({register})", COARSE)
    assert stream["phenomenonTime"] == "2026-11-27T12:00:00.000000Z/2026-11-27T12:30:00.000000Z"
    assert stream["properties"]["resolution"] == "15m"


async def test_no_way_leads_coarse_callers_to_readings(little):
    """Not by id, time, count, order, newest or table, and a window that has not ended is not there."""
    gauge = little.id("probe/temperature")
    path = f"/Datastreams({gauge})/Observations"
    raw = (await little.get(path))["value"][0]["@iot.id"]
    [mean] = (await little.get(path, COARSE))["value"]
    now = (little.platform.clock.now_ns() - START) / NS
    little.write("probe/temperature", (now, 99.0))

    assert (await little.ask(f"/Observations('{raw}')", COARSE)).status_code == 404
    assert await little.get("/Observations", COARSE, filter=f"id eq '{raw}'") == {"value": []}
    assert (await little.get(f"/Observations('{mean['@iot.id']}')", COARSE))["result"] == mean["result"]
    assert (await little.ask(f"/Observations('{mean['@iot.id']}')")).status_code == 404
    assert (await little.get(path, COARSE, count="true"))["@iot.count"] == 1
    assert await little.results(path, COARSE, orderby="phenomenonTime asc") == [mean["result"]]
    assert await little.results(path, COARSE, orderby="result desc") == [mean["result"]]
    assert await little.results(path, COARSE, filter="phenomenonTime gt 2026-11-27T12:00:00Z") == []
    assert await little.results(path, COARSE, filter="result gt 28") == []
    expanded = await little.get(f"/Datastreams({gauge})", COARSE, expand="Observations($top=1)")
    assert [one["result"] for one in expanded["Observations"]] == [mean["result"]]
    table = await little.get(path, COARSE, resultFormat="dataArray")
    assert [row[3] for row in table["value"][0]["dataArray"]] == [mean["result"]]
    assert await little.results(path, top="1") == [99.0]


async def test_windows_over_months_are_all_found(little):
    """Long silences are jumped over without losing a window that begins before a stretch and holds readings in it."""
    times = [60.0 - 86_400.0 * day * 1.37 for day in range(60)]
    for at in sorted(times):
        little.write("probe/energy", (at, 1_000.0 + at / 1_000))
    for resolution in (Resolution.QUARTER, Resolution.HOUR, Resolution.DAY):
        scope = seeing(finest=resolution)
        path = f"/Datastreams({little.id('probe/energy')})/Observations"
        down = [one["result"] for one in await little.all(path, scope, top="7")]
        up = [one["result"] for one in await little.all(path, scope, top="7", orderby="phenomenonTime asc")]

        assert down == up[::-1]
        assert len(down) == len({one["result"] for one in await little.all(path, scope)})
        if resolution is not Resolution.DAY:
            assert down == [1_000.0 + at / 1_000 for at in times]
    assert QUARTER == 900 * NS


async def test_what_an_answer_took_is_charged(little, monkeypatch):
    """Also when it met a limit on the way: whoever asks much is soon asked to wait."""
    bucket = Bucket(60, time.monotonic())
    somebody = Known(little.app, Who("somebody", little.sight(YARD), bucket=bucket))

    def taken() -> int:
        return 60 - int(bucket.headers()["X-RateLimit-Remaining"])

    async with httpx.AsyncClient(transport=httpx.ASGITransport(somebody), base_url="http://test") as http:
        await http.get(f"{ROOT}/Things")
        cheap = taken()
        monkeypatch.setattr("barrio.sta.readings.READS_A_REQUEST", 0.05)
        monkeypatch.setattr("barrio.sta.readings.MOST_READS", 0)
        refused = await http.get(f"{ROOT}/Observations")

    assert refused.status_code == 400
    assert cheap <= 1
    assert taken() >= 20
