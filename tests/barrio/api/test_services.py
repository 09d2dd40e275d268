"""Services over HTTP: what stands, who may change it, and what the command line makes of it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest

from barrio.commands import services as command
from barrio.settings import Settings
from tests.barrio.scripted import NOBODY, PATIENCE_S, Stage, staged, until

TOKEN = "let-me"
SECRET = "shared-with-aguas"
DEVICES = """\
devices:
  - {id: tank, profile: thing, site: house, endpoint: "scripted://10.0.0.1:1", name: Cistern}
  - {id: gate, profile: thing, site: yard, endpoint: "scripted://10.0.0.2:1"}
"""
PROFILE = """\
profile: thing
protocol: scripted
kind: Thing
points:
  level: {quantity: level_ratio, slot: 0}
  hours: {quantity: run_hours, slot: 1}
  seen: {quantity: occupancy, slot: 2}
"""
SERVICES = """\
suppliers:
  - {id: aguas, webhook: "http://127.0.0.1:9/", secret: "${secret:aguas}"}
supply:
  - {id: water, on: tank, capacity: 60 m3, request_when: {level_below: 30 %}, supplier: aguas, steady: 1s}
capacity:
  - {id: yard, on: yard, capacity: 100, occupancy: gate/seen}
maintenance:
  - {id: pump, on: [tank, gate], counter: hours, every: 1000 h, text: grease it}
"""
KEY = "little/tank/water"


@pytest.fixture
async def stage(tmp_path, monkeypatch) -> AsyncIterator[Stage]:
    """A running platform whose tank is low and whose supplier never answers."""
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)
    monkeypatch.setenv("BARRIO_SECRET_AGUAS", SECRET)
    (tmp_path / "little").mkdir()
    (tmp_path / "little" / "services.yaml").write_text(SERVICES)
    async with staged(tmp_path, devices=DEVICES, profile=PROFILE) as found:
        found.platform.token = TOKEN
        yield found


@pytest.fixture
async def asked(stage: Stage) -> Stage:
    """The same, with the request open."""
    services = stage.platform.living.services
    assert services is not None
    async with asyncio.timeout(PATIENCE_S):
        while services.supply.open_request(1) is None:
            await stage.links["tank"].give("level", 20.0)
            await asyncio.sleep(0.05)
    await stage.platform.in_thread("ledger", lambda: None)
    return stage


async def get(stage: Stage, path: str, **query: Any) -> Any:
    answer = await stage.http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def post(
    stage: Stage, path: str, body: Mapping[str, Any] | None = None, token: str = TOKEN
) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return await stage.http.post(path, json=body or {"who": "ana", "comment": "seen"}, headers=headers)


def signed(body: Mapping[str, Any], secret: str = SECRET, age_s: int = 0) -> tuple[bytes, dict[str, str]]:
    """Return a body and the headers that a supplier sends with it."""
    raw, at_s = json.dumps(body).encode(), int(time.time()) - age_s
    digest = hmac.new(secret.encode(), f"{at_s}.".encode() + raw, hashlib.sha256).hexdigest()
    return raw, {"Barrio-Signature": f"t={at_s},v1={digest}"}


async def test_tanks_and_requests_are_listed(asked):
    """A tank that is low has a request with quantity and deadline; its steps are told one by one."""
    body = await get(asked, "/api/v1/supply")
    [tank], [request] = body["tanks"], body["requests"]
    one = await get(asked, "/api/v1/supply/1")

    assert (tank["key"], tank["state"], tank["request"], tank["level_percent"]) == (KEY, "requested", 1, 20.0)
    assert (tank["hours_left"], tank["words"][:13]) == (None, "not known yet")
    assert (request["state"], request["quantity_m3"], request["reason"]) == (
        "requested",
        45.0,
        "level 20.0 % is below 30 %",
    )
    assert [(step["state"], step["who"]) for step in one["steps"]] == [("requested", "barrio")]
    assert one["deadline"] > one["opened"]


async def test_the_past_of_requests_is_told(asked):
    """Before the request there was none; now there is."""

    assert (await get(asked, "/api/v1/supply", at="-1h"))["requests"] == []
    assert [one["id"] for one in (await get(asked, "/api/v1/supply", at="now"))["requests"]] == [1]


async def test_an_operator_acknowledges_and_cancels(asked):
    """With the token both work; who did it is kept."""
    acknowledged = await post(asked, "/api/v1/supply/1/acknowledge", {"who": "ana", "reference": "A-7"})
    again = await post(asked, "/api/v1/supply/1/acknowledge", {"who": "eva", "reference": "B-8"})
    cancelled = await post(asked, "/api/v1/supply/1/cancel")
    late = await post(asked, "/api/v1/supply/1/cancel")

    assert (acknowledged.json()["state"], acknowledged.json()["reference"]) == ("acknowledged", "A-7")
    assert again.json() == acknowledged.json()
    assert [step["who"] for step in cancelled.json()["steps"]] == ["barrio", "ana", "ana"]
    assert (late.status_code, late.json()["detail"]) == (409, "request 1 is not open")


async def test_nobody_else_changes_a_request(asked):
    """Another token opens nothing, and to the public there is no such request."""
    deeds = [f"/api/v1/supply/1/{deed}" for deed in ("acknowledge", "cancel", "close")]
    other = [await post(asked, deed, token="other") for deed in deeds]
    body, nobody = {"who": "ana", "comment": "seen"}, {"Authorization": NOBODY}
    public = [await asked.http.post(deed, json=body, headers=nobody) for deed in deeds]

    assert [answer.status_code for answer in other] == [401] * 3
    assert [answer.status_code for answer in public] == [404] * 3
    assert (await get(asked, "/api/v1/supply/1"))["state"] == "requested"


async def test_what_is_not_there_is_said(asked):
    """A number that nobody gave, a place or a service that is none."""
    missing = [
        await post(asked, "/api/v1/supply/77/close"),
        await asked.http.get("/api/v1/supply/77"),
        await asked.http.get("/api/v1/supply", params={"tank": "little/tank/watr"}),
        await asked.http.get("/api/v1/capacity", params={"place": "little/yard/yrd"}),
        await post(asked, "/api/v1/services/little/tank/pumpe/done"),
    ]

    assert [answer.status_code for answer in missing] == [404] * 5
    assert "there is no request 77" in missing[0].json()["detail"]
    assert "did you mean little/tank/pump?" in missing[4].json()["detail"]


async def test_a_supplier_acknowledges_with_its_signature(asked):
    """Whoever signs with the secret of the supplier speaks for it."""
    raw, headers = signed({"request": 1, "reference": "A-99"})
    answer = await asked.http.post("/api/v1/supply/1/acknowledge", content=raw, headers=headers)

    assert answer.json()["state"] == "acknowledged"
    assert answer.json()["steps"][-1]["who"] == "aguas"


WRONG: list[tuple[Mapping[str, Any], Mapping[str, Any], int]] = [
    ({"request": 1}, {"secret": "guessed"}, 403),
    ({"request": 1}, {"age_s": 400}, 403),
    ({"request": 1}, {"age_s": -400}, 403),
    ({"request": 2}, {}, 409),
    ({}, {}, 409),
    ({"request": 1, "refrence": "x"}, {}, 400),
    ({"request": "one"}, {}, 400),
]
NO_SIGNATURES = ["", "t=,v1=", "t=x,v1=y", "v1=abc", "t=99999999999999999999,v1=0", "t=1\u00e9"]


async def test_a_signature_has_to_be_right(asked):
    """Another secret, an old signature, one of another request, a body that says something else: nothing changes."""
    found = []
    for body, more, _ in WRONG:
        raw, headers = signed(body, **more)
        answer = await asked.http.post("/api/v1/supply/1/acknowledge", content=raw, headers=headers)
        found.append(answer.status_code)

    assert found == [status for _, _, status in WRONG]
    assert (await get(asked, "/api/v1/supply/1"))["state"] == "requested"


async def test_what_is_no_signature_is_refused(asked):
    """Nothing that only looks like a signature is taken for one."""
    found = []
    for header in NO_SIGNATURES:
        shown = (b"Authorization", NOBODY.encode())
        headers = [shown, (b"Barrio-Signature", header.encode("latin-1"))]
        answer = await asked.http.post(
            "/api/v1/supply/1/acknowledge", content=b'{"request": 1}', headers=headers
        )
        found.append(answer.status_code)

    assert found == [403 if header else 404 for header in NO_SIGNATURES]


async def test_a_changed_byte_breaks_the_signature(asked):
    """What was signed is what was sent, to the byte."""
    raw, headers = signed({"request": 1, "reference": "A-1"})
    answer = await asked.http.post(
        "/api/v1/supply/1/acknowledge", content=raw.replace(b"A-1", b"A-2"), headers=headers
    )

    assert answer.status_code == 403


async def test_places_are_told_with_their_colour(stage):
    """People, share and colour now, and why there is no forecast yet."""
    before = (await get(stage, "/api/v1/capacity"))["places"][0]
    await stage.links["gate"].give("seen", 93.0)
    watch = stage.platform.living.services.capacity.places["little/yard/yard"]
    await until(lambda: watch.people is not None)
    [place] = (await get(stage, "/api/v1/capacity", place="yard/yard"))["places"]

    assert (before["people"], before["colour"]) == (None, None)
    assert (place["people"], place["share_percent"], place["colour"]) == (93.0, 93.0, "red")
    assert place["forecast"]["words"] == "not known yet: 0 of 3 weeks with this weekday and hour"


async def test_computed_points_are_points(stage):
    """What services compute is read, stored and listed like any point, soon after what it comes from."""
    await stage.links["gate"].give("seen", 93.0)
    await until(lambda: stage.platform.live.quality[_id(stage, "little/yard/occupancy_level")] == 0)
    level = await get(stage, "/api/v1/points/little/yard/occupancy_level/latest")
    hours = await get(stage, "/api/v1/points/little/tank/hours_left/latest")

    assert level["state"] == "red"
    assert hours["value"] is None


def _id(stage: Stage, path: str) -> int:
    return stage.platform.catalogue.points[path].id


async def test_services_are_listed_and_done(stage):
    """Those that are due come first; after `done` the use is counted anew."""
    await stage.links["tank"].give("hours", 1050.0)
    await stage.links["gate"].give("hours", 20.0)
    services = stage.platform.living.services
    await until(lambda: services.maintenance.standing()[1].used is not None)
    body = await get(stage, "/api/v1/services")
    due = await get(stage, "/api/v1/services", state="due", under="little/tank", rule="pump")
    done = await post(stage, "/api/v1/services/tank/pump/done")
    await stage.platform.in_thread("ledger", lambda: None)
    [kept] = (await get(stage, "/api/v1/services/done"))["done"]

    assert [(one["key"], one["state"]) for one in body["services"]] == [
        ("little/tank/pump", "due"),
        ("little/gate/pump", "ok"),
    ]
    assert due["total"] == 1
    assert (done.json()["state"], done.json()["used"]) == ("ok", 0)
    assert (kept["used"], kept["who"], kept["comment"]) == (1050.0, "ana", "seen")


async def test_services_of_a_rule_that_there_is_not_are_no_empty_list(stage):
    """The nearest rule is named; a rule that nothing is due by is there."""
    answer = await stage.http.get("/api/v1/services", params={"rule": "pumps"})
    due = await get(stage, "/api/v1/services", state="overdue", rule="pump")

    assert answer.status_code == 404
    assert answer.json()["detail"] == "there is no rule 'pumps' (did you mean pump?)"
    assert due["total"] == 0


async def test_a_service_without_a_reading_cannot_be_noted(stage):
    """There is nothing to count from, and that is said."""
    answer = await post(stage, "/api/v1/services/little/tank/pump/done")

    assert answer.status_code == 409
    assert "was not heard yet" in answer.json()["detail"]


async def test_who_did_what_is_in_the_audit_log(asked):
    """Orders that somebody acknowledged, cancelled or closed, and services that were done: with whose token it was."""
    raw, headers = signed({"request": 1, "reference": "A-99"})
    await asked.http.post("/api/v1/supply/1/acknowledge", content=raw, headers=headers)
    await post(asked, "/api/v1/supply/1/acknowledge", {"who": "ana", "reference": "B-8"})
    await post(asked, "/api/v1/supply/1/close", {"who": "ana", "comment": "it came"})
    late = await post(asked, "/api/v1/supply/1/cancel")
    await asked.links["tank"].give("hours", 1050.0)
    services = asked.platform.living.services
    await until(lambda: any(one.used is not None for one in services.maintenance.standing()))
    await post(asked, "/api/v1/services/tank/pump/done")
    answer = await asked.http.get("/api/v1/audit", headers={"Authorization": f"Bearer {TOKEN}"})
    found = [one for one in answer.json()["entries"] if one["step"].startswith(("supply", "service"))]

    assert late.status_code == 409
    assert [(one["step"], one["said"], one["comment"]) for one in reversed(found)] == [
        ("supply_acknowledged", "aguas", ""),
        ("supply_acknowledged", "ana", ""),
        ("supply_closed", "ana", "it came"),
        ("service_done", "ana", "seen"),
    ]
    assert [one.get("supplier") for one in reversed(found)] == ["aguas", "", None, None]
    assert {one["who"] for one in found[:3]} == {"operator"}


async def test_a_state_that_is_none_is_refused(stage):
    """The nearest one is offered."""
    answer = await stage.http.get("/api/v1/services", params={"state": "dew"})

    assert answer.status_code == 400
    assert "did you mean due?" in answer.json()["detail"]


async def test_the_command_line_says_it_in_words(asked, monkeypatch):
    """Tables for people: tanks, requests, places, services."""
    await asked.links["gate"].give("seen", 93.0)
    await asked.links["tank"].give("hours", 950.0)
    services = asked.platform.living.services
    await until(lambda: services.maintenance.standing()[0].used is not None)
    await until(lambda: services.capacity.places["little/yard/yard"].people is not None)
    bodies = {
        path: await get(asked, path) for path in ("/api/v1/supply", "/api/v1/capacity", "/api/v1/services")
    }
    monkeypatch.setattr(command, "ask", lambda _settings, _districts, path, _query: bodies[path])
    settings = Settings()
    supply = command.supply(settings, [], {}, machine=False)
    places = command.capacity(settings, [], None, machine=False)
    listed = command.services(settings, [], {}, machine=False)

    assert "little/tank" in supply
    assert "45.0 m3" in supply
    assert "requested (request 1)" in supply
    assert "93 of 100 people, 93 %, red" in places
    assert "forecast  not known yet" in places
    assert "950 h" in listed
    assert "soon" in listed
    assert json.loads(command.supply(settings, [], {}, machine=True))["requests"][0]["id"] == 1


def test_a_forecast_is_shown_by_quarter_hours(monkeypatch):
    """Each quarter hour has its number, interval and colour, and it is said how often such an interval held."""
    quarter = {
        "from": "2026-11-23T15:00:00.000000Z",
        "people": 1200,
        "low": 900,
        "high": 1500,
        "colour": "amber",
    }
    place = {
        "key": "d/plaza/a",
        "name": "Plaza",
        "people": 1000,
        "capacity": 2000,
        "share_percent": 50.0,
        "colour": "green",
        "words": "",
        "drift_per_day": -12.0,
        "forecast": {"words": "", "holds_percent": 89, "weeks": 8, "quarters": [quarter, quarter]},
    }
    monkeypatch.setattr(command, "ask", lambda *_: {"places": [place]})
    lines = command.capacity(Settings(), [], None, machine=False).splitlines()

    assert lines == [
        "d/plaza/a (Plaza)",
        "  now       1,000 of 2,000 people, 50 %, green",
        "  drift     -12 people a day, set right at the quiet hour",
        "  forecast  15:00 UTC    1,200 (900 to 1,500)  amber",
        "            15:00 UTC    1,200 (900 to 1,500)  amber",
        "            so it was in 89 of 100 cases, by 8 weeks",
    ]
