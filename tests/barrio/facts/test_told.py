"""What an InfluxDB is told beside readings, on a running platform."""

import asyncio

import pytest

from tests.barrio.facts.stage import ALARMS, COMMANDS, SERVICES, Database, held_to_it, teller, told
from tests.barrio.scripted import until

TOKEN = "let-me"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Look often, and begin at once."""
    monkeypatch.setenv("BARRIO_SECRET_AGUAS", "shared")
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)
    monkeypatch.setattr("barrio.facts.teller.TICK_S", 0.05)
    monkeypatch.setattr("barrio.facts.teller.FIRST_WAIT_S", 0.05)
    monkeypatch.setattr("barrio.facts.teller.STANDING_S", 0.3)
    monkeypatch.setattr("barrio.facts.teller.HEALTH_S", 0.3)
    monkeypatch.setattr("barrio.facts.devices.NOT_SOONER_S", 0.05)


async def holds(database, measurement, condition, **where):
    """Return the rows once a condition holds of them."""
    found = []

    def look():
        found[:] = database.rows(measurement, **where)
        return condition(found)

    await until(look)
    return found


async def low(stage):
    """Let the tank be low until it asks for supply."""
    services = stage.platform.living.services
    while services.supply.open_request(1) is None:
        await stage.links["tank"].give("level", 20.0)
        await asyncio.sleep(0.05)


async def test_an_alarm_is_an_event_and_stands_until_its_ending_row(tmp_path, influxdb):
    """Raised, acknowledged by a person and over: three events; the last row of the alarm says that it does not stand."""
    database = Database(influxdb.url, "facts_alarm")
    async with told(tmp_path, influxdb.url, "facts_alarm", alarms=ALARMS) as stage:
        stage.platform.token = TOKEN
        await stage.links["probe"].give("temperature", 31.5)
        await holds(database, "barrio_alarms", lambda rows: len({row["time"] for row in rows}) > 2)
        done = await stage.http.post(
            "/api/v1/alarms/1/acknowledge",
            json={"who": "ana", "comment": "on my way"},
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        await stage.links["probe"].give("temperature", 20.0)
        events = await holds(database, "barrio_events", lambda rows: len(rows) == 3, kind="alarm")
        stood = await holds(database, "barrio_alarms", lambda rows: rows and rows[-1]["standing"] == 0)

    assert done.status_code == 200
    assert [one["what"] for one in events] == ["raised", "acknowledged", "returned"]
    assert events[0]["title"] == "raised: probe has 31.5 Cel"
    assert events[1]["text"] == "Alarm 1 was acknowledged by ana (on my way): probe has 31.5 Cel."
    assert (events[1]["who"], events[1]["site"], events[1]["device"]) == ("ana", "house", "probe")
    assert (events[1]["priority"], events[1]["point"], events[1]["number"]) == ("critical", "temperature", 1)
    assert {one["standing"] for one in stood[:-1]} == {1}
    assert (stood[0]["state"], stood[0]["advice"], stood[0]["rule"]) == ("active", "open a window", "hot")


async def test_every_row_is_one_that_dashboards_know(tmp_path, influxdb):
    """Alarms, commands, requests, gaps, links, devices and health: no tag, field or type beyond the contract."""
    database = Database(influxdb.url, "facts_all")
    texts = {"alarms": ALARMS, "commands": COMMANDS, "services": SERVICES}
    async with told(tmp_path, influxdb.url, "facts_all", **texts) as stage:
        stage.platform.token = TOKEN
        await stage.links["probe"].give("temperature", 31.5)
        await low(stage)
        await stage.http.post(
            "/api/v1/commands",
            json={"point": "facts_all/probe/pump", "value": "on", "who": "ana", "roles": ["operator"]},
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        await holds(database, "barrio_events", lambda rows: rows, kind="command")
        await holds(database, "barrio_events", lambda rows: rows, kind="delivery")
        await holds(database, "barrio_requests", lambda rows: rows)
        await until(lambda: len(held_to_it(database)) == 7)

    counts = held_to_it(database)
    assert set(counts) == {
        f"barrio_{name}" for name in ("events", "alarms", "health", "devices", "links", "gaps", "requests")
    }
    assert teller(stage).state.lost == 0
