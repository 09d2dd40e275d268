"""Alarms over HTTP and on the command line, on a running platform and at rest."""

import json
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import pytest

from barrio.api.app import create_app
from barrio.assembly import load_all
from barrio.commands import alarms as command
from barrio.platform import Platform
from barrio.settings import Settings
from connectors.registry import Connectors
from tests.barrio.scripted import PATIENCE_S, ScriptedConnector, staged, until
from twin.clock import SystemClock
from twin.frame import Batch
from twin.sqlite import DatabaseBusy

NS = 1_000_000_000
TOKEN = "let-me"
ALARMS = """\
alarms:
  - {id: hot, for: {kind: Thing}, point: temperature, above: 30 Cel, hysteresis: 1 K, priority: critical,
     text: "{name} has {value}", advice: open a window, dashboard: "http://g/{device}"}
  - {id: running, for: {kind: Thing}, point: pump, is: "on", priority: low}
"""
PATH = "little/probe/temperature"


def raised(stage):
    """Return whether an alarm stands."""
    alarms = stage.platform.living.alarms
    return alarms is not None and bool(alarms.standing())


@pytest.fixture
async def hot(tmp_path, monkeypatch):
    """A running platform whose probe is too hot."""
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)
    (tmp_path / "little").mkdir()
    (tmp_path / "little" / "alarms.yaml").write_text(ALARMS)
    async with staged(tmp_path) as stage:
        stage.platform.token = TOKEN
        await stage.links["probe"].give("temperature", 31.5)
        await until(lambda: raised(stage))
        yield stage


async def asked(stage, path="", **query):
    answer = await stage.http.get(f"/api/v1/alarms{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def post(stage, what, number=1, token=TOKEN, **body):
    return await stage.http.post(
        f"/api/v1/alarms/{number}/{what}",
        json={"who": "ana", **body},
        headers={"Authorization": f"Bearer {token}"},
    )


async def test_an_alarm_says_what_is_wrong_where_and_what_to_do(hot):
    """All that a person needs is in one answer."""
    body = await asked(hot)
    [one] = body["alarms"]

    assert (one["id"], one["state"], one["priority"], one["what"]) == (1, "active", "critical", PATH)
    assert (one["words"], one["advice"], one["link"]) == (
        "probe has 31.5 Cel",
        "open a window",
        "http://g/probe",
    )
    assert (one["where"], one["stale"], one["rule"], one["subject"]) == ("house", False, "hot", "probe")
    assert body["counts"] == {
        "active": 1,
        "acknowledged": 0,
        "returned": 0,
        "shelved": 0,
        "suppressed": 0,
    }


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ({"state": "active"}, 1),
        ({"state": "shelved"}, 0),
        ({"priority": "low"}, 0),
        ({"under": "little/probe"}, 1),
        ({"under": "little/meter"}, 0),
    ],
)
async def test_filters(hot, query, number):
    """By state, by priority, by what it is about."""
    assert (await asked(hot, **query))["total"] == number


@pytest.mark.parametrize(
    ("query", "words"),
    [({"state": "activ"}, "did you mean active?"), ({"priority": "urgent"}, "is none of critical")],
)
async def test_a_filter_that_there_is_not(hot, query, words):
    """A state or a priority that nothing has is a wrong parameter."""
    answer = await hot.http.get("/api/v1/alarms", params=query)

    assert answer.status_code == 400
    assert words in answer.json()["detail"]


async def test_what_people_do(hot):
    """Acknowledge, shelve, unshelve: each is in the history with who did it."""
    done = await post(hot, "acknowledge", comment="on my way")
    again = await post(hot, "acknowledge")
    shelved = await post(hot, "shelve", **{"for": "2h"})
    unshelved = await post(hot, "unshelve")
    await hot.platform.in_thread("ledger", lambda: None)
    history = (await asked(hot, "/history"))["changes"]
    one = await asked(hot, "/1")

    assert (done.status_code, done.json()["state"]) == (200, "acknowledged")
    assert (again.status_code, again.json()["detail"]) == (
        409,
        "alarm 1 is acknowledged by ana: there is nothing left to acknowledge",
    )
    assert (shelved.json()["state"], unshelved.json()["event"]) == ("shelved", "unshelved")
    assert [(row["event"], row["who"], row["comment"]) for row in history] == [
        ("raised", "", ""),
        ("unshelved", "ana", ""),
        ("shelved", "ana", ""),
        ("acknowledged", "ana", "on my way"),
        ("raised", "", ""),
    ]
    assert (one["alarm"]["state"], one["changes"]) == ("active", history)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "say either until when or for how long"),
        ({"for": "2h", "until": "2030-01-01"}, "say either"),
        ({"for": "two"}, "a duration is a number with a unit"),
        ({"until": "soon"}, "is not a time"),
    ],
)
async def test_shelving_needs_an_end(hot, body, words):
    """Either a time or a duration that can be read."""
    answer = await post(hot, "shelve", **body)

    assert answer.status_code == 400
    assert words in answer.json()["detail"]


@pytest.mark.parametrize("token", ["", "wrong"])
async def test_nobody_does_anything_without_the_token(hot, token):
    """Only who can read the data folder may acknowledge."""
    answers = [await post(hot, what, token=token) for what in ("acknowledge", "unshelve")]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert (await asked(hot))["alarms"][0]["state"] == "active"


async def test_an_alarm_that_there_is_not(hot):
    """A number that nobody has is not found."""
    answers = [await post(hot, "acknowledge", 99), await hot.http.get("/api/v1/alarms/99")]

    assert [answer.status_code for answer in answers] == [404, 404]


async def record(hot):
    """Put a day of readings into the store: two hours too hot, twice."""
    platform = hot.platform
    item, now = platform.catalogue.points[PATH], platform.clock.now_ns()
    time = now - 86_400 * NS + np.arange(1440, dtype=np.int64) * 60 * NS
    hour = np.arange(1440) // 60
    value = np.where(np.isin(hour, [5, 6, 12, 13]), 35.0, 20.0)
    nothing = np.zeros(1440, np.int64)
    batch = Batch(np.full(1440, item.id, np.int32), time, time, nothing, value, np.zeros(1440, np.uint8))
    await platform.in_thread("store", platform.store.write, batch)


async def test_a_rule_over_the_past(hot):
    """How often, how long, and what it would have cost."""
    await record(hot)
    body = await asked(hot, "/backtest", rule="hot", on="probe", **{"from": "-2d", "to": "-1h"})
    [one] = body["alarms"]

    assert (one["what"], one["raised"], one["lasted_s"], one["longest_s"]) == (PATH, 2, 4 * 3600, 2 * 3600)
    assert (one["acknowledgements"], one["chattering"], len(one["episodes"])) == (2, 0, 2)
    assert body["total"]["raised"] == 2


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"rule": "hott"}, 404, "did you mean hot?"),
        ({"rule": "other/hot"}, 404, "there is no rule"),
        ({"rule": "hot", "on": "prob"}, 400, "did you mean probe?"),
        ({"rule": "hot", "from": "now", "to": "-1d"}, 400, "is not before"),
        ({}, 400, "rule: is missing"),
    ],
)
async def test_a_backtest_of_nothing(hot, query, status, words):
    """A rule or a device that there is not is said with the nearest name."""
    answer = await hot.http.get("/api/v1/alarms/backtest", params=query)

    assert answer.status_code == status
    assert words in answer.json()["detail"]


async def test_at_rest_the_journal_answers(tmp_path, monkeypatch):
    """When nothing runs, alarms stand as they stood; nothing can be done about them."""
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)
    (tmp_path / "little").mkdir()
    (tmp_path / "little" / "alarms.yaml").write_text(ALARMS)
    async with staged(tmp_path) as stage:
        stage.platform.token = TOKEN
        await stage.links["probe"].give("temperature", 31.5)
        await until(lambda: raised(stage))
        await post(stage, "acknowledge", comment="seen")
    connectors = Connectors({})
    connectors.add(ScriptedConnector())
    districts = load_all([str(tmp_path / "little")], Path(), connectors, tmp_path)
    platform = Platform(districts, Settings(data=tmp_path / "data"), connectors, SystemClock(), at_rest=True)
    async with platform:
        transport = httpx.ASGITransport(create_app(platform))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            listed = (await http.get("/api/v1/alarms")).json()
            order = await http.post("/api/v1/alarms/1/unshelve", json={"who": "ana"})

    assert [(one["state"], one["who"], one["comment"]) for one in listed["alarms"]] == [
        ("acknowledged", "ana", "seen")
    ]
    assert order.status_code == 503


# --- as text ------------------------------------------------------------------------------------------------


async def shown(hot, monkeypatch, path, function, *given):
    """Return what a command prints for the answer that the platform gives."""
    body = (await hot.http.get(f"/api/v1/alarms{path}", params=given[-1])).json()
    monkeypatch.setattr(command, "ask", lambda *_: body)
    return function(Settings(), [], *given, machine=False), body


async def test_the_list_as_text(hot, monkeypatch):
    """A table, with what to do below each alarm."""
    text, _ = await shown(hot, monkeypatch, "", command.standing, {})
    head, row, advice, link, counts = text.splitlines()

    assert head.split() == ["id", "priority", "state", "since", "(UTC)", "where", "what", "is", "wrong"]
    assert row.split()[:3] == ["1", "critical", "active"]
    assert row.endswith("house  probe has 31.5 Cel")
    assert (advice, link) == ("    what to do: open a window", "    look at: http://g/probe")
    assert counts == "1 active"


async def test_nothing_as_text(hot, monkeypatch):
    """Calm is said too."""
    text, _ = await shown(hot, monkeypatch, "", command.standing, {"priority": "low"})

    assert text == "no alarm\n1 active"


async def test_history_as_text(hot, monkeypatch):
    """One line for each thing that happened."""
    await post(hot, "acknowledge", comment="on my way")
    await hot.platform.in_thread("ledger", lambda: None)
    text, _ = await shown(hot, monkeypatch, "/history", command.past, {})
    _, newest, oldest = text.splitlines()

    assert newest.endswith(f"1   acknowledged  {PATH}  ana: on my way – probe has 31.5 Cel")
    assert oldest.endswith(f"1   raised        {PATH}  probe has 31.5 Cel")


async def test_a_backtest_as_text(hot, monkeypatch):
    """What it would have cost, in a few lines; and the JSON of it where a program asks."""
    await record(hot)
    query = {"rule": "hot", "from": "-2d", "to": "-1h"}
    text, body = await shown(hot, monkeypatch, "/backtest", command.backtest, query)
    head, first, *_, calm = text.splitlines()

    assert head.startswith("little/hot, ")
    assert first == f"{PATH}: raised 2 times, 4 h in all, 2 h at the longest; 2 to acknowledge"
    assert calm == "1 of 2 never raised"
    assert json.loads(command.backtest(Settings(), [], query, machine=True)) == body


async def test_what_is_answered_is_on_the_disk(hot):
    """Whoever kills barrio right after the answer finds the acknowledgement in the journal."""
    written = []
    journal = hot.platform.living.alarm_journal
    put = journal.put

    def slowly(changes):
        time.sleep(0.2)
        put(changes)
        written.extend(changes)

    journal.put = slowly
    answer = await post(hot, "acknowledge", comment="on my way")

    assert answer.status_code == 200
    assert written, "nothing was on the disk when the answer came"
    assert written[-1].comment == "on my way"


async def test_a_disk_that_takes_nothing_changes_no_alarm(hot, monkeypatch):
    """The alarm stands as before, and the reason is said."""
    monkeypatch.setattr("barrio.platform.WATCH_S", 0.02)
    full = [True]

    def writes():
        if full[0]:
            raise DatabaseBusy("ledger.sqlite", "database or disk is full")

    hot.platform.in_ledger(writes)
    await until(lambda: hot.platform.ledger_words)
    refused = await post(hot, "acknowledge")
    stands = (await asked(hot))["alarms"][0]["state"]
    full[0] = False
    await until(lambda: not hot.platform.ledger_words)

    assert (refused.status_code, stands) == (503, "active")
    assert refused.json()["detail"] == "data folder: database or disk is full: nothing was changed"
    assert (await post(hot, "acknowledge")).status_code == 200


async def test_a_slow_disk_is_said(hot, monkeypatch):
    """What holds and is not on record yet is not answered as done."""
    monkeypatch.setattr("barrio.api.recorded.WITHIN_S", 0.05)
    goes_on = threading.Event()
    hot.platform.in_ledger(goes_on.wait, PATIENCE_S)
    answer = await post(hot, "acknowledge")
    goes_on.set()

    assert answer.status_code == 503
    assert answer.json()["detail"] == "data folder: the disk is slow: it holds, and is not on record yet"
