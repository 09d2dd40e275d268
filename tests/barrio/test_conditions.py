"""Alarms of devices: from the link to the surface, and the acknowledgement back to the link."""

import asyncio
import threading

import pytest

from twin.errors import TransientError
from twin.events import DeviceEvent

TOKEN = "let-me"


def alarm(device="little/probe", **more):
    """An alarm that is active and not acknowledged."""
    given = {"active": True, "acknowledged": False, "key": "condition-7", **more}
    return DeviceEvent(device, "AlarmConditionType", 10**9, 2 * 10**9, 800, "Pump", "runs dry", **given)


@pytest.fixture
async def alarmed(stage):
    """A stage on which the probe has reported an alarm and takes acknowledgements."""
    link = stage.links["probe"]
    link.acknowledged = []

    async def acknowledge(device, key, comment):
        if link.refuses:
            return link.refuses
        link.acknowledged.append((device, key, comment))
        return ""

    link.refuses = ""
    link.acknowledge = acknowledge
    link.sink.event(alarm())
    stage.platform.token = TOKEN
    await stage.platform.in_thread("ledger", lambda: None)
    return stage


async def post(stage, number, token=TOKEN, body=None):
    return await stage.http.post(
        f"/api/v1/conditions/{number}/acknowledge",
        json=body or {"who": "ana", "comment": "on my way"},
        headers={"Authorization": f"Bearer {token}"},
    )


async def test_an_alarm_of_a_device_is_listed(alarmed):
    """What a device reports is among its events, and its condition stands."""
    events = (
        await alarmed.http.get("/api/v1/device-events", params={"from": "1970-01-01T00:00:00Z"})
    ).json()["events"]
    [condition] = (await alarmed.http.get("/api/v1/conditions")).json()["conditions"]

    assert [event["words"] for event in events] == ["runs dry"]
    assert (condition["device"], condition["severity"], condition["active"]) == ("little/probe", 800, True)
    assert condition["at"] == "1970-01-01T00:00:01.000000Z"


async def test_an_acknowledgement_reaches_the_device(alarmed):
    """Who and why go along."""
    answer = await post(alarmed, 1)

    assert answer.status_code == 200
    assert alarmed.links["probe"].acknowledged == [("little/probe", "condition-7", "ana: on my way")]


@pytest.mark.parametrize("token", ["", "wrong"])
async def test_nobody_acknowledges_without_the_token(alarmed, token):
    """Only who can read the data folder may speak to devices."""
    answer = await post(alarmed, 1, token)

    assert answer.status_code == 401
    assert alarmed.links["probe"].acknowledged == []


async def test_a_device_that_refuses_is_quoted(alarmed):
    """Its words come back as a conflict."""
    alarmed.links["probe"].refuses = "BadConditionBranchAlreadyAcked"
    answer = await post(alarmed, 1)

    assert answer.status_code == 409
    assert "BadConditionBranchAlreadyAcked" in answer.json()["detail"]


async def test_a_device_that_is_away_is_said_to_be(alarmed):
    """An acknowledgement that was not sent is not lost in silence."""

    async def away(*_):
        raise TransientError("probe", "connection refused")

    alarmed.links["probe"].acknowledge = away
    answer = await post(alarmed, 1)

    assert answer.status_code == 503
    assert "connection refused" in answer.json()["detail"]


async def test_a_platform_that_does_not_run_tells_no_device(alarmed):
    """Who asks a data folder at rest hears that."""
    alarmed.platform.at_rest = True
    answer = await alarmed.http.post("/api/v1/conditions/1/acknowledge", json={"who": "ana"})

    assert answer.status_code == 503
    assert "barrio does not run" in answer.json()["detail"]


async def test_a_condition_that_does_not_exist(alarmed):
    """The error says where to look."""
    answer = await post(alarmed, 99)

    assert answer.status_code == 404
    assert "/api/v1/conditions" in answer.json()["detail"]


@pytest.mark.parametrize("number", [0, -1, 2**63, 10**40])
async def test_a_number_that_no_condition_has(alarmed, number):
    """Also one that no database can hold is somebody's mistake, not ours."""
    assert (await post(alarmed, number)).status_code == 400


async def test_no_page_of_another_origin_may_ask(alarmed):
    """A browser asks first whether a page may send the token's header, and is given no permission."""
    asked = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    answer = await alarmed.http.options("/api/v1/conditions/1/acknowledge", headers=asked)

    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_a_device_without_the_ability_says_so(stage):
    """A link that takes no acknowledgements is no bug."""
    stage.links["probe"].sink.event(alarm())
    stage.platform.token = TOKEN
    await stage.platform.in_thread("ledger", lambda: None)
    answer = await post(stage, 1)

    assert answer.status_code == 409
    assert "takes no acknowledgements" in answer.json()["detail"]


async def test_events_that_come_too_fast_are_counted(stage):
    """A storm costs bounded memory, and what was lost is said in the ledger."""
    desk, disk = stage.platform.desk, threading.Event()
    busy = asyncio.create_task(stage.platform.in_thread("ledger", disk.wait))
    await asyncio.sleep(0)
    for _ in range(10_500):
        desk.take(alarm(key="", active=None, acknowledged=None))
    disk.set()
    await busy
    await stage.platform.in_thread("ledger", lambda: None)
    await stage.platform.in_thread("ledger", lambda: None)

    assert (desk.taken, desk.lost) == (10_000, 500)
    kept = await stage.platform.in_thread("reads", stage.platform.device_events.events, 0, 2**62, 20_000)
    assert len(kept) == desk.taken
    noted = stage.platform.ledger.events(0, 2**62)
    assert any(event.kind == "events_lost" and str(desk.lost) in event.words for event in noted)
