"""Server-sent events over real sockets, read by httpx."""

import asyncio
import re
import socket
import time

import httpx
import numpy as np
import pytest

from barrio.live.ring import Ring
from barrio.live.spread import A_ROUND
from barrio.live.subscriber import MOST_WAITING
from tests.barrio.live.serving import events, served, take
from tests.barrio.scripted import until
from twin.frame import Batch
from twin.ingest.settle import Settled
from twin.resolution import Resolution

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


async def test_a_session_that_was_ended_ends_its_streams(live):
    """Whoever signs out is shown nothing more; who shows the same token goes on."""
    token = live.token("screen")
    async with live.client(token) as http, httpx.AsyncClient(base_url=live.url, timeout=20) as browser:
        await browser.post("/api/v1/session", json={"token": token})
        async with browser.stream("GET", STREAM) as answer, http.stream("GET", STREAM) as other:
            stream, goes_on = events(answer), events(other)
            await take(stream, 1, "ready")
            await take(goes_on, 1, "ready")
            await browser.delete("/api/v1/session", headers={"Origin": live.url})
            async with asyncio.timeout(5):
                end = (await take(stream, 1, "end"))[0]
            await live.give("temperature", 23.5)
            await take(goes_on, 1, "reading")

    assert "revoked" in end["data"]["reason"]


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


async def test_a_restart_is_said(tmp_path, monkeypatch):
    """Whoever comes back after a restart is told what is gone and where it is, then the newest, then what happens."""
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)
    async with served(tmp_path) as first:
        async with first.client() as http, http.stream("GET", STREAM, params={"point": PATH}) as answer:
            stream = events(answer)
            await take(stream, 1, "ready")
            await first.give("temperature", 20.0)
            last = (await take(stream, 1, "reading"))[0]["id"]
        await first.give("temperature", 21.0)
    async with served(tmp_path) as second, second.client() as http:
        headers = {"Last-Event-ID": last}
        async with http.stream(
            "GET", STREAM, params={"point": PATH, "events": "reading"}, headers=headers
        ) as answer:
            stream = events(answer)
            lost, newest = await take(stream, 2, "lost", "reading")
            missed = (await http.get(f"{lost['data']['history']}&point={PATH}")).json()
            await second.give("temperature", 22.0)
            after = await take(stream, 1, "reading")

    assert lost["event"] == "lost"
    assert "anew" in lost["data"]["reason"]
    assert missed["series"][0]["value"] == [20.0, 21.0]
    assert values([newest, *after]) == [21.0, 22.0]
    assert after[0]["id"].partition("-")[0] != last.partition("-")[0]


async def test_a_made_up_id_of_another_life_is_told_what_is_lost(live):
    """However far in the future it lies: what is told begins at the latest now."""
    headers = {"Last-Event-ID": "1-999999999999999999"}
    async with live.client() as http, http.stream("GET", STREAM, headers=headers) as answer:
        _, lost = await take(events(answer), 2, "ready", "lost")

    assert lost["data"]["from"] < lost["data"]["to"] < "2100"


async def test_where_what_is_lost_can_be_read_is_an_address_from_the_first_moment_on(live):
    """An id from before any reading asks for all that there is, and the history answers it."""
    async with live.client() as http:
        asked = {"point": PATH, "after": "1-1"}
        async with http.stream("GET", STREAM, params=asked) as answer:
            _, lost = await take(events(answer), 2, "ready", "lost")
        read = await http.get(f"{lost['data']['history']}&point={PATH}")

    assert lost["data"]["from"] == "1970-01-01T00:00:00.000000Z"
    assert read.status_code == 200, read.text


async def test_what_is_lost_can_be_read_by_who_is_given_windows_only(live):
    """Its address asks for windows that are given to them."""
    token = live.token("coarse", finest=Resolution.QUARTER)
    async with live.client(token) as http:
        async with http.stream("GET", STREAM, params={"point": PATH, "after": "1-1"}) as answer:
            _, lost = await take(events(answer), 2, "ready", "lost")
        short = lost["data"]["history"].replace(lost["data"]["from"], "-2h")
        read = await http.get(f"{short}&point={PATH}")

    assert read.status_code == 200, read.text
    assert "every=15m" in lost["data"]["history"]


async def test_what_the_ring_forgot_is_lost(live):
    """A place that is too old is answered with what is gone, once, and the newest of each point."""
    async with live.client() as http:
        async with http.stream("GET", STREAM, params={"under": "little"}) as answer:
            stream = events(answer)
            first = (await take(stream, 1, "ready"))[0]["id"]
        live.platform.hub.ring = Ring(live.platform.hub.numbers(1), 2)
        live.platform.hub.given = live.platform.hub.numbers(1)
        await live.give("temperature", 20.0, 20.5, 21.0, 21.5)
        await live.give("energy", 7.0, device="meter")
        headers = {"Last-Event-ID": first}
        params = {"under": "little", "events": "reading"}
        async with http.stream("GET", STREAM, params=params, headers=headers) as answer:
            found = await take(events(answer), 3, "lost", "reading")

    assert [one["event"] for one in found] == ["lost", "reading", "reading"]
    assert sorted(values(found[1:])) == [7.0, 21.5]


async def test_a_slow_reader_costs_little_and_misses_nothing_that_is_kept(live):
    """It holds up nobody, what waits for it is bounded, and when it reads again it is given all of it in order."""
    hub, count = live.platform.hub, 3_000
    slow = socket.create_connection(("127.0.0.1", int(live.url.rpartition(":")[2])))
    head = f"GET {STREAM}?under=little HTTP/1.1\r\nHost: localhost\r\nAuthorization: {live.headers()['Authorization']}"
    slow.sendall(f"{head}\r\n\r\n".encode())
    await until(lambda: hub.count == 1)
    series = live.stage.links["probe"].point("temperature").id
    for number in range(count):
        for _ in range(20):
            hub.follow(flush(series, number))
        if number % 20 == 0:
            await asyncio.sleep(0)
    (one,) = hub._everybody()
    await until(lambda: one.behind or one.over)
    waiting = one._size
    found = await asyncio.to_thread(_read, slow, 20 * count)
    slow.close()

    assert waiting <= max(MOST_WAITING, 200 * A_ROUND)
    assert found == [float(number) for number in range(count) for _ in range(20)]


def flush(series, value):
    """A flush with one reading, as the intake tells it."""
    at = np.array([1_795_860_000_000_000_000 + value], np.int64)
    batch = Batch(np.array([series], np.int32), at, at, at, np.array([float(value)]), np.zeros(1, np.uint8))
    return Settled(batch, np.ones(1, np.bool_), {})


def _read(connection, count):
    """The values of so many readings from a socket."""
    found: list[float] = []
    data = b""
    connection.settimeout(20)
    while len(found) < count:
        more = connection.recv(65_536)
        if not more:
            break
        data += more
        whole, _, data = data.rpartition(b"\n")
        found += [float(value) for value in re.findall(rb'"value":([0-9.]+),', whole)]
    return found


async def test_who_is_given_windows_is_given_nothing_finer(tmp_path, monkeypatch):
    """A caller restricted to quarter hours is given each window once it has finished, and the same after a cut."""
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)
    async with served(tmp_path) as live:
        hub, token = live.platform.hub, live.token("coarse", finest=Resolution.QUARTER)
        quarter = 900 * 10**9
        start = time.time_ns() // quarter * quarter - quarter
        series = live.stage.links["probe"].point("temperature").id
        times = np.array([start, start + quarter // 2], np.int64)
        batch = Batch(
            np.full(2, series, np.int32), times, times, times, np.array([20.0, 22.0]), np.zeros(2, np.uint8)
        )
        await live.platform.in_thread("store", live.platform.store.write, batch)
        hub.rounds._seen = {key: min(seen, start) for key, seen in hub.rounds._seen.items()}
        hub.rounds._grace_ns = 0
        async with live.client(token) as http:
            params: dict[str, str | bool] = {"point": PATH, "latest": True}
            async with http.stream("GET", STREAM, params=params) as answer:
                stream = events(answer)
                ready = (await take(stream, 1))[0]
                await live.give("temperature", 99.0)
                window = (await take(stream, 1, "reading"))[0]
            headers = {"Last-Event-ID": ready["id"]}
            async with http.stream("GET", STREAM, params={"point": PATH}, headers=headers) as answer:
                again = (await take(events(answer), 1, "reading"))[0]

    assert ready["data"]["restricted"] == {"15m": 1}
    assert (window["data"]["value"], window["data"]["every"]) == (21.0, "15m")
    assert again == window


async def test_points_are_chosen_as_in_history(live):
    """Paths may have stars, and filters choose among the points that are named."""
    asked = {"point": "little/*/temperature", "kind": "Thing", "device": "little/probe"}
    async with live.client() as http:
        async with http.stream("GET", STREAM, params=asked) as answer:
            ready = (await take(events(answer), 1, "ready"))[0]
        none = await http.get(STREAM, params=asked | {"kind": "Thign"})

    assert ready["data"]["points"] == 1
    assert none.status_code == 404
    assert "kind=Thign (did you mean Thing?)" in none.json()["detail"]


async def test_a_gap_gives_no_reading_away(live):
    """Its words name the value that was refused: not to who is given readings as windows, on duty or not."""
    token = live.token("coarse", finest=Resolution.QUARTER)
    said = []
    for shown in ({}, {"token": token}):
        await live.give("temperature", 20.0)
        async with live.client(**shown) as http, http.stream("GET", STREAM, params={"point": PATH}) as answer:
            stream = events(answer)
            await take(stream, 1, "ready")
            await live.give("temperature", 4711.5)
            said.append((await take(stream, 1, "gap"))[0]["data"])

    assert [one["reason"] for one in said] == ["out_of_range"] * 2
    assert ["4711.5" in one["words"] for one in said] == [True, False]
