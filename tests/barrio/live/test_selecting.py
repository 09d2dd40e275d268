"""Points are chosen by the same names, with the same meaning, whichever way somebody listens."""

import asyncio
import json

import pytest
from websockets.asyncio.client import connect

from barrio.history.chosen import Choice
from barrio.live.selection import Wanted
from tests.barrio.live.receiver import receiving
from tests.barrio.live.serving import events, served, take
from tests.barrio.scripted import until

DATASETS = """\
owners: [{id: city, name: City}]
datasets:
  - id: climate
    title: Climate
    owner: city
    contact: data@city.example
    licence: CC-BY-4.0
    tier: partner
    points: {for: {kind: Thing}, names: temperature}
  - id: energy
    title: Energy
    owner: city
    contact: data@city.example
    licence: CC-BY-4.0
    tier: partner
    points: {for: {kind: Thing}, names: energy}
"""
UNKNOWN = "dataset=climat (did you mean climate?)"


@pytest.fixture
async def live(tmp_path, monkeypatch):
    """The small district with two datasets, served on loopback; webhooks may lead to it."""
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)
    monkeypatch.setattr("barrio.live.hooks.BATCH_S", 0.05)
    monkeypatch.setenv("BARRIO_HOOK_NETWORKS", "127.0.0.0/8")
    (tmp_path / "little").mkdir()
    (tmp_path / "little" / "datasets.yaml").write_text(DATASETS)
    async with served(tmp_path) as found:
        yield found


async def give(live):
    await live.give("energy", 5.0, device="meter")
    await live.give("temperature", 20.0)


@pytest.mark.parametrize("dataset", ["climate", "little/climate"])
async def test_a_stream_of_a_dataset_has_its_points_only(live, dataset):
    """By its id, with or without its district; what is stored before in another dataset does not come."""
    params = {"dataset": dataset, "events": "reading"}
    async with live.client() as http, http.stream("GET", "/api/v1/stream", params=params) as answer:
        stream = events(answer)
        await take(stream, 1, "ready")
        await give(live)
        (found,) = await take(stream, 1, "reading")

    assert found["data"]["point"].endswith("/temperature")


async def test_a_dataset_that_there_is_not_comes_with_the_nearest(live):
    """404 for a stream and for a webhook, as of history; an error with the same words in a WebSocket."""
    async with live.client() as http:
        params = {"dataset": "climat"}
        answers = [
            await http.get(f"/api/v1/{name}", params=params) for name in ("stream", "history", "latest")
        ]
        answers.append(await http.post("/api/v1/hooks", json={"url": "https://example.com/a", **params}))
    async with socket(live) as one:
        error = await said(one, "error", type="subscribe", id="a", dataset="climat")

    assert [answer.status_code for answer in answers] == [404, 404, 404, 404]
    assert {answer.json()["detail"] for answer in answers} == {error["detail"]}
    assert UNKNOWN in error["detail"]


async def test_a_subscription_of_a_dataset_has_its_points_only(live):
    """Over a WebSocket."""
    async with socket(live) as one:
        ready = await said(one, "events", type="subscribe", id="a", dataset="climate", events=["reading"])
        await give(live)
        found = await said(one, "events")

    assert ready["events"][0]["event"] == "ready"
    assert found["events"][0]["data"]["point"].endswith("/temperature")


async def test_a_webhook_of_a_dataset_has_its_points_only(live):
    """It says what it is for by the names of the question."""
    async with receiving() as receiver, live.client(live.token()) as http:
        body = {"url": receiver.url, "dataset": "climate", "events": ["reading"]}
        made = (await http.post("/api/v1/hooks", json=body)).json()
        await give(live)
        await until(lambda: receiver.values() == [20.0])

    assert made["wanted"] == {
        "point": [],
        "under": None,
        "kind": None,
        "quantity": None,
        "site": None,
        "device": None,
        "dataset": "climate",
        "events": ["reading"],
    }


async def test_points_are_named_by_point(live):
    """`points` is no name of it anywhere: it is refused, with the one that is."""
    body = {"url": "https://example.com/a", "points": ["little/probe/temperature"]}
    async with live.client() as http:
        hook = await http.post("/api/v1/hooks", json=body)
        stream = await http.get("/api/v1/stream", params={"points": "little/probe/temperature"})
    async with socket(live) as one:
        error = await said(one, "error", type="subscribe", id="a", points=["little/probe/temperature"])

    assert (hook.status_code, stream.status_code) == (400, 400)
    for words in (hook.json()["detail"], stream.json()["detail"], error["detail"]):
        assert words.startswith("points: there is no ")
        assert words.endswith("(did you mean point?)")


async def test_an_id_of_an_event_that_is_none_is_wrong_by_the_name_it_was_given_under(live):
    """A header, a parameter, a member of a message."""
    async with live.client() as http:
        header = await http.get("/api/v1/stream", headers={"Last-Event-ID": "x"})
        query = await http.get("/api/v1/stream", params={"after": "x"})
    async with socket(live) as one:
        error = await said(one, "error", type="resume", id="a", under="little", after="x")

    words = "'x' is not the id of an event"
    assert [header.json()["detail"], query.json()["detail"]] == [f"Last-Event-ID: {words}", f"after: {words}"]
    assert [header.json()["parameter"], query.json()["parameter"]] == ["Last-Event-ID", "after"]
    assert error["detail"] == f"after: {words}"


@pytest.mark.parametrize("name", ["5f1c2b7a90d3e846", "none", "é"])
async def test_a_webhook_that_there_is_not(live, name):
    """Whatever its id looks like."""
    async with live.client() as http:
        answer = await http.get(f"/api/v1/hooks/{name}")

    assert (answer.status_code, answer.json()["detail"]) == (404, f"there is no hook {name!r}")


def test_a_selection_is_kept_as_it_was_said():
    """What a webhook is for is the same after it was written down and read."""
    wanted = Wanted(Choice(("a/b/c",), "a", "Kind", "power", "yard", "b", "climate"), ("gap",))

    assert Wanted.of(json.loads(json.dumps(wanted.said))) == wanted


def socket(live):
    url = live.url.replace("http", "ws") + "/api/v1/ws"
    return connect(url, additional_headers=live.headers())


async def said(one, kind, **message):
    """The next message of a kind, after a message was sent."""
    if message:
        await one.send(json.dumps(message))
    async with asyncio.timeout(20):
        while True:
            found = json.loads(await one.recv())
            if found["type"] == kind:
                return found
