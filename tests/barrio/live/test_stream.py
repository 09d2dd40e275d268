"""Server-sent events over real sockets, read by httpx."""

import asyncio

from tests.barrio.live.serving import events, take

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
