"""The past over HTTP and on the command line: one moment, two moments, the models there were."""

import httpx
import numpy as np
import pytest

from barrio.api.app import create_app
from barrio.commands import past as command
from barrio.moments import rfc3339
from barrio.platform import Platform
from barrio.settings import Settings
from connectors.registry import Connectors
from tests.barrio.scripted import DEVICES, NS, PATIENCE_S, ScriptedConnector, staged
from tests.twin.past.little import ONLY_PROBE, little
from twin.clock import SystemClock
from twin.frame import Batch
from twin.quality import Reason

HOUR = 3600 * NS
MINUTE = 60 * NS


async def store(stage, path, *readings, quality=Reason.GOOD):
    """Store readings of a point: (ns before now, value)."""
    now = stage.platform.clock.now_ns()
    times = np.array([now - ago for ago, _ in readings], np.int64)
    ids = np.full(len(readings), stage.platform.catalogue.points[path].id, np.int32)
    values = np.array([value for _, value in readings], np.float64)
    batch = Batch(ids, times, times, times * 0, values, np.full(len(readings), quality, np.uint8))
    await stage.platform.in_thread("store", stage.platform.store.write, batch)


async def asked(stage, path="/api/v1/twin", **query):
    """The JSON of a good answer."""
    answer = await stage.http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ago(stage, ns):
    """A moment as text."""
    return rfc3339(stage.platform.clock.now_ns() - ns)


def by_name(body, device="probe"):
    return {one["path"].rpartition("/")[2]: one for one in body["points"] if one["device"] == device}


async def test_now_is_what_the_live_twin_says(stage):
    """A reading that still waits in the spool is in the twin of now."""
    await stage.links["probe"].give("temperature", 21.5)
    await stage.links["probe"].give("pump", stage.links["probe"].point("pump").state(0))
    await stage.settled()
    found = by_name(await asked(stage))

    assert (found["temperature"]["value"], found["temperature"]["usable"]) == (21.5, True)
    assert (found["pump"]["value"], found["pump"]["state"]) == ("off", "off")
    assert found["energy"]["quality"]["reason"] == "not_heard_yet"
    assert found["energy"]["gap"]["reason"] == "not_heard_yet"


async def test_a_moment_in_the_past(stage):
    """Of each point the newest reading that was not later stands; one that came after is not there yet."""
    await store(stage, "little/probe/temperature", (3 * HOUR, 18.0), (2 * HOUR, 19.0))
    await store(stage, "little/meter/energy", (HOUR, 7.0))
    await stage.links["probe"].give("temperature", 25.0)
    await stage.settled()
    body = await asked(stage, at=ago(stage, 2 * HOUR - MINUTE))
    found = by_name(body)

    assert (found["temperature"]["value"], found["temperature"]["age_s"]) == (19.0, pytest.approx(60, abs=5))
    assert by_name(body, "meter")["energy"]["value"] is None
    assert body["districts"][0]["model"]["assumed"] is True
    assert (body["total"], body["unusable"]) == (6, 5)


async def test_a_gap_of_then(stage):
    """A point that was not heard at a moment says since when and why, and its value is not usable."""
    platform = stage.platform
    now = platform.clock.now_ns() // 1000 * 1000
    item = platform.catalogue.points["little/probe/temperature"]
    await store(stage, item.point.path, (3 * HOUR, 18.0))
    await platform.in_thread(
        "ledger", platform.ledger.close_gaps, [item.id], platform.ledger.current(item.id).start
    )
    await platform.in_thread(
        "ledger", platform.ledger.open_gaps, [item.id], now - 3 * HOUR, Reason.NO_ANSWER, "timeout"
    )
    await platform.in_thread("ledger", platform.ledger.close_gaps, [item.id], now - HOUR)
    inside = by_name(await asked(stage, at=rfc3339(now - 2 * HOUR)))["temperature"]
    at_its_end = by_name(await asked(stage, at=rfc3339(now - HOUR)))["temperature"]

    assert (inside["gap"]["reason"], inside["gap"]["words"]) == ("no_answer", "timeout")
    assert (inside["usable"], inside["value"]) == (False, 18.0)
    assert (at_its_end["gap"], at_its_end["stale"]) == (None, True)


@pytest.mark.parametrize(
    ("under", "number"),
    [("little", 6), ("little/probe", 3), ("little/yard", 3), ("little/probe/pump", 1), ("/little/house/", 3)],
)
async def test_what_is_under_a_name(stage, under, number):
    """A district, a device, a site with all that stands in it, a point."""
    assert (await asked(stage, under=under))["total"] == number


@pytest.mark.parametrize(
    ("under", "meant"),
    [("littel", "little?"), ("little/prob", "little/probe?"), ("little/probe/pum", "little/probe/pump?")],
)
async def test_a_name_that_nothing_had(stage, under, meant):
    """A name that nothing had at the moment is not found, and the nearest is offered."""
    answer = await stage.http.get("/api/v1/twin", params={"under": under})

    assert answer.status_code == 404
    assert meant in answer.json()["detail"]


async def test_the_future_is_not_asked_for(stage):
    """A moment that has not come, or is none, is a wrong parameter."""
    for query, parameter in (
        ({"at": "2255-01-01"}, "at"),
        ({"compare": "2255-01-01"}, "compare"),
        ({"at": "?"}, "at"),
    ):
        answer = await stage.http.get("/api/v1/twin", params=query)
        assert (answer.status_code, answer.json()["parameter"]) == (400, parameter)


async def test_pages(stage):
    """Pages hold what was asked for and say how much there is."""
    first = await asked(stage, limit=4)
    second = await asked(stage, limit=4, offset=4)

    assert (first["total"], len(first["points"]), len(second["points"])) == (6, 4, 2)
    assert not {one["path"] for one in first["points"]} & {one["path"] for one in second["points"]}


async def test_what_changed_between_two_moments(stage):
    """Only points that changed are there, with both moments."""
    await store(stage, "little/probe/temperature", (3 * HOUR, 18.0), (HOUR, 19.0))
    await store(stage, "little/meter/energy", (3 * HOUR, 7.0), (HOUR, 7.0))
    body = await asked(stage, at=ago(stage, 3 * HOUR - MINUTE), compare=ago(stage, HOUR - MINUTE))

    [change] = body["changes"]
    assert (change["subject"], change["what"]) == ("little/probe/temperature", ["value"])
    assert (change["before"]["value"], change["after"]["value"]) == (18.0, 19.0)


async def test_models_are_listed_and_shown(stage):
    """The model that runs is listed since the start and shown by the first digits of its digest."""
    [one] = (await asked(stage, "/api/v1/models"))["models"]
    shown = await asked(stage, f"/api/v1/models/little/{one['digest'][:8]}")
    wrong = await stage.http.get("/api/v1/models/little/abcdef0")

    assert (one["district"], one["until"], one["devices"], one["points"]) == ("little", None, 2, 6)
    assert [device["id"] for device in shown["devices"]] == ["probe", "meter"]
    assert wrong.status_code == 404


@pytest.fixture(params=["duckdb", "influxdb"])
def settings(request, tmp_path):
    """Settings of a platform with one store or the other."""
    url = "duckdb" if request.param == "duckdb" else request.getfixturevalue("influxdb").url
    return Settings(data=tmp_path / "data", store=url)


async def test_a_device_that_was_taken_out_is_still_in_the_past(tmp_path, settings, monkeypatch):
    """Its last readings are found at a moment at which the model had it, and at no later one, on both stores."""
    monkeypatch.setattr("tests.barrio.scripted.Settings", lambda **_: settings)
    async with staged(tmp_path) as stage:
        await stage.links["meter"].give("energy", 42.0)
        await stage.settled()
        moment = rfc3339(stage.platform.clock.now_ns())
    connectors = Connectors({})
    connectors.add(ScriptedConnector())
    later = little(tmp_path / "later", devices=ONLY_PROBE)
    platform = Platform([later], settings, connectors, SystemClock())
    async with platform:
        # The model of this process stands on record.
        assert not await platform.recorded(PATIENCE_S)
        transport = httpx.ASGITransport(create_app(platform))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            then = (await http.get("/api/v1/twin", params={"at": moment})).json()
            now = (await http.get("/api/v1/twin")).json()
            both = (await http.get("/api/v1/twin", params={"at": moment, "compare": "now"})).json()
            query = {"at": moment, "compare": "now"}
            of_meter = (await http.get("/api/v1/twin", params={**query, "under": "little/meter"})).json()
            of_probe = (await http.get("/api/v1/twin", params={**query, "under": "little/probe"})).json()
            gone = await http.get("/api/v1/twin", params={"under": "little/meter"})

    assert by_name(then, "meter")["energy"]["value"] == 42.0
    assert by_name(now, "meter") == {}
    assert {"kind": "device", "subject": "little/meter", "what": ["removed"], "words": ""} in both["changes"]
    assert [one["subject"] for one in of_meter["changes"]] == ["little/meter"]
    assert not [one for one in of_probe["changes"] if one["kind"] != "point"]
    assert gone.status_code == 404
    assert [one.device for one in platform.former] == ["meter"] * 3


async def test_a_platform_at_rest_writes_no_model(tmp_path):
    """Asking a folder with other files adds no version to it."""
    async with staged(tmp_path):
        pass
    connectors = Connectors({})
    connectors.add(ScriptedConnector())
    other = little(tmp_path / "later", devices=DEVICES.replace("meter", "gauge"))
    async with Platform(
        [other], Settings(data=tmp_path / "data"), connectors, SystemClock(), at_rest=True
    ) as platform:
        found = platform.models.versions()

    assert [one.devices for one in found] == [2]


async def test_the_words_of_one_moment(stage, monkeypatch):
    """The text says district, moment, model, what was not usable and why, and the points below their devices."""
    await stage.links["probe"].give("temperature", 999.0)
    await stage.links["probe"].give("pump", stage.links["probe"].point("pump").state(1))
    await stage.settled()
    body = await asked(stage)
    monkeypatch.setattr(command, "ask", lambda *_: body)
    lines = command.twin(Settings(), [], {"compare": None}, machine=False, everything=False).splitlines()

    assert lines[0].startswith("little  20")
    assert lines[0].endswith("(America/Mexico_City)")
    assert lines[1].startswith("model        ")
    assert lines[2] == "alarms       0 standing"
    assert lines[3] == "not usable   5 of 6 points"
    assert any("out_of_range" in line and "probe/temperature" in line for line in lines[4:7])
    assert "  little/probe  Thing" in lines
    assert any(line.split()[:2] == ["pump", "on"] for line in lines)


async def test_the_words_of_two_moments(stage, monkeypatch):
    """Each change is a line: the point, what it was, what it became."""
    await store(stage, "little/probe/temperature", (3 * HOUR, 18.0), (HOUR, 19.5))
    body = await asked(stage, at=ago(stage, 3 * HOUR - MINUTE), compare=ago(stage, HOUR - MINUTE))
    monkeypatch.setattr(command, "ask", lambda *_: body)
    lines = command.twin(Settings(), [], {"compare": "now"}, machine=False, everything=False).splitlines()

    assert " -> " in lines[0]
    assert lines[1:] == ["changes      1", "  little/probe/temperature  18 Cel -> 19.5 Cel"]


async def test_a_small_change_of_a_large_number_can_be_seen(stage, monkeypatch):
    """Where six digits do not show what changed, more of them do."""
    await store(stage, "little/meter/energy", (3 * HOUR, 2_040_540.25), (HOUR, 2_040_540.5))
    body = await asked(stage, at=ago(stage, 3 * HOUR - MINUTE), compare=ago(stage, HOUR - MINUTE))
    monkeypatch.setattr(command, "ask", lambda *_: body)
    text = command.twin(Settings(), [], {"compare": "now"}, machine=False, everything=False)

    assert "2040540.25 kW.h -> 2040540.5 kW.h" in text


async def test_all_pages_are_of_one_moment(stage, monkeypatch):
    """Where there is more than a page, the following ones ask for the moment of the first."""
    questions = []

    def ask(settings, districts, path, query):
        questions.append(dict(query))
        page = pages[query.get("offset", 0)]
        return {**head, "total": 3, "points": list(page)}

    body = await asked(stage)
    head = {key: value for key, value in body.items() if key not in {"points", "total"}}
    pages = {0: body["points"][:2], 2: body["points"][2:3]}
    monkeypatch.setattr(command, "ask", ask)
    command.twin(Settings(), [], {"at": "now", "compare": None}, machine=False, everything=True)

    assert [one.get("at") for one in questions] == ["now", body["at"]]
    assert questions[1]["offset"] == 2
