"""Server-sent events over real sockets, read by httpx."""

import asyncio

import pytest

from tests.barrio.live.serving import events, take
from tests.barrio.scripted import until

PATH = "little/probe/temperature"
STREAM = "/api/v1/stream"


def values(found):
    return [one["data"]["value"] for one in found]


async def test_what_is_stored_is_streamed(live):
    """A listener is given each reading that is stored, with an id, and the history has the same."""
    async with live.client() as http, http.stream("GET", STREAM, params={"point": PATH}) as answer:
        stream = events(answer)
        ready = (await take(stream, 1))[0]
        await live.give("temperature", 20.0, 20.5, 21.0)
        found = await take(stream, 3, "reading")
        history = (await http.get("/api/v1/history", params={"point": PATH})).json()

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert ready["event"] == "ready"
    assert ready["data"]["points"] == 1
    assert values(found) == [20.0, 20.5, 21.0]
    assert [one["data"]["time"] for one in found] == history["series"][0]["time"]
    assert len({one["id"] for one in found}) == 3


async def test_who_comes_back_is_given_what_was_missed(live):
    """With the id of the last event, all after it comes, once, in order, and then what happens next."""
    async with live.client() as http:
        async with http.stream("GET", STREAM, params={"under": "little"}) as answer:
            stream = events(answer)
            await take(stream, 1, "ready")
            await live.give("temperature", 20.0, 20.5)
            last = (await take(stream, 2, "reading"))[0]["id"]
        await live.give("temperature", 21.0, 21.5, 22.0)
        headers = {"Last-Event-ID": last}
        async with http.stream("GET", STREAM, params={"under": "little"}, headers=headers) as answer:
            stream = events(answer)
            missed = await take(stream, 4, "reading")
            await live.give("temperature", 22.5)
            after = await take(stream, 1, "reading")

    assert values(missed) == [20.5, 21.0, 21.5, 22.0]
    assert values(after) == [22.5]


async def test_a_listener_is_given_nothing_that_it_may_not_see(live):
    """The points of another site are neither streamed, nor counted, nor suggested; nor are their gaps."""
    token = live.token("house", sites=frozenset({"little/house"}))
    async with live.client(token) as http:
        async with http.stream("GET", STREAM, params={"latest": True}) as answer:
            stream = events(answer)
            ready = (await take(stream, 1))[0]
            await live.give("energy", 5.0, device="meter")
            await live.give("temperature", 20.0)
            found = await take(stream, 2)
        hidden = await http.get(STREAM, params={"point": "little/meter/energy"})
        missing = await http.get(STREAM, params={"point": "little/meter/enrgy"})
        nothing = await http.get(STREAM, params={"under": "little/meter"})

    assert ready["data"]["points"] == 3
    assert {one["data"]["point"] for one in found} == {PATH}
    assert {hidden.status_code, missing.status_code, nothing.status_code} == {404}
    assert "meter/energy" not in missing.json()["detail"].replace("meter/enrgy", "")


async def test_gaps_are_events(live):
    """That a point is heard again, or gave nothing usable, is told with its reason."""
    async with (
        live.client() as http,
        http.stream("GET", STREAM, params={"point": PATH, "events": "gap"}) as answer,
    ):
        stream = events(answer)
        await take(stream, 1, "ready")
        await live.give("temperature", 20.0, 999.0)
        ended, began = await take(stream, 2)

    assert (ended["event"], ended["data"]["state"]) == ("gap", "ended")
    assert (began["data"]["state"], began["data"]["reason"]) == ("began", "out_of_range")


async def test_a_revoked_token_ends_its_streams(live):
    """Within five seconds, with a last event that says why; others go on."""
    token = live.token("gone")
    async with live.client(token) as http, http.stream("GET", STREAM) as answer:
        stream = events(answer)
        await take(stream, 1, "ready")
        live.revoke("gone")
        async with asyncio.timeout(5):
            end = (await take(stream, 1, "end"))[0]
            assert [one async for one in stream] == []
        again = await http.get(STREAM)

    assert "revoked" in end["data"]["reason"]
    assert again.status_code == 401
    assert live.platform.hub.count == 0


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"point": PATH, "events": "reading,dance"}, 400, "dance"),
        ({"point": PATH, "after": "yesterday"}, 400, "not the id"),
        ({"point": PATH, "after": "zz-1"}, 400, "not the id"),
        ({"point": f"{PATH}x"}, 404, "did you mean"),
        ({"pint": PATH}, 400, "did you mean"),
        ({"quantity": "love"}, 404, "no point"),
    ],
)
async def test_what_cannot_be_streamed_is_a_problem(live, query, status, words):
    """Before anything is streamed, with words."""
    async with live.client() as http:
        answer = await http.get(STREAM, params=query)

    assert answer.status_code == status
    assert words in answer.json()["detail"]


async def test_an_id_of_the_future_is_refused(live):
    """Nobody was given it by us."""
    future = f"{live.platform.hub.epoch}-{2**62 // 10}"
    async with live.client() as http:
        answer = await http.get(STREAM, headers={"Last-Event-ID": future})

    assert answer.status_code == 400


async def test_limits_are_said(live, monkeypatch):
    """How many streams a token may have open, and all together: 429 with the limit, and room again afterwards."""
    monkeypatch.setattr("barrio.live.hub.MOST_OF_A_TOKEN", 1)
    token = live.token("greedy")
    async with live.client(token) as http:
        async with http.stream("GET", STREAM) as answer:
            stream = events(answer)
            await take(stream, 1, "ready")
            second = await http.get(STREAM)
            live.platform.hub.most = 1
            async with live.client() as other:
                full = await other.get(STREAM)
        await until(lambda: not live.platform.hub.count)
        live.platform.hub.most = 2
        async with http.stream("GET", STREAM) as answer:
            assert answer.status_code == 200

    assert (second.status_code, full.status_code) == (429, 429)
    assert "1 streams of this token" in second.json()["detail"]
    assert second.headers["retry-after"]
