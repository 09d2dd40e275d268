"""WebSockets, spoken by the library `websockets` as a client."""

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from barrio.api import sockets
from twin.access.scope import Tier, Verb

PATH = "little/probe/temperature"


def opened(live, token=None):
    headers = live.headers() if token is None else live.headers(token)
    return connect(live.url.replace("http", "ws") + "/api/v1/ws", additional_headers=headers)


async def ask(socket, **message):
    await socket.send(json.dumps(message))


async def said(socket, kind):
    """The next message of a kind."""
    async with asyncio.timeout(10):
        while True:
            found = json.loads(await socket.recv())
            if found["type"] == kind:
                return found


async def readings(socket, name, count):
    """The next readings of a subscription."""
    found: list[dict[str, Any]] = []
    while len(found) < count:
        message = await said(socket, "events")
        if message["id"] == name:
            found += [one for one in message["events"] if one["event"] == "reading"]
    return found


async def test_two_subscriptions_on_one_connection(live):
    """Each is given its own points, and one that ended is given nothing more."""
    async with opened(live) as socket:
        await ask(socket, type="subscribe", id="warm", point=[PATH])
        await ask(socket, type="subscribe", id="meters", under="little/meter")
        await said(socket, "events")
        await said(socket, "events")
        await live.give("temperature", 20.0)
        await live.give("energy", 5.0, device="meter")
        warm = await readings(socket, "warm", 1)
        meters = await readings(socket, "meters", 1)
        await ask(socket, type="unsubscribe", id="warm")
        await said(socket, "unsubscribed")
        await live.give("temperature", 21.0)
        await live.give("energy", 6.0, device="meter")
        message = await said(socket, "events")

    assert warm[0]["data"]["value"] == 20.0
    assert meters[0]["data"]["point"] == "little/meter/energy"
    assert message["id"] == "meters"


async def test_a_subscription_is_resumed(live):
    """`resume` with an id gives what came after it, also on another connection."""
    async with opened(live) as socket:
        await ask(socket, type="subscribe", id="a", point=[PATH])
        await said(socket, "events")
        await live.give("temperature", 20.0)
        last = (await readings(socket, "a", 1))[0]["id"]
    await live.give("temperature", 21.0, 22.0)
    async with opened(live) as socket:
        await ask(socket, type="resume", id="a", point=[PATH], after=last)
        found = await readings(socket, "a", 2)

    assert [one["data"]["value"] for one in found] == [21.0, 22.0]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("{", "json"),
        (
            '{"type": "shout"}',
            "type: should be one of 'subscribe', 'resume', 'unsubscribe', 'ping', found 'shout'",
        ),
        (
            '{"type": "subscrib"}',
            "type: should be one of 'subscribe', 'resume', 'unsubscribe', 'ping', found 'subscrib'",
        ),
        ('{"type": "subscrib"}', "(did you mean subscribe?)"),
        ("{}", "type: is missing"),
        (
            '{"type": "subscribe", "id": "a", "undr": "little"}',
            "undr: there is no key 'undr' (did you mean under?)",
        ),
        ('{"type": "subscribe", "id": "a", "site": "hous"}', "site=hous (did you mean house?)"),
        ('{"type": "subscribe", "id": "a", "colour": "red"}', "colour"),
        ('{"type": "subscribe", "id": "a", "point": ["little/probe/temprature"]}', "did you mean"),
        ('{"type": "resume", "id": "a", "point": ["little/probe/temperature"]}', "after"),
        ('{"type": "resume", "id": "a", "after": "yesterday"}', "not the id of an event"),
        ('{"type": "unsubscribe", "id": "a"}', "no subscription"),
        ("[" * 30_000, "json"),
    ],
)
async def test_what_is_not_understood_is_answered(live, message, words):
    """The connection goes on after a message that is wrong, with words that say why."""
    async with opened(live) as socket:
        await socket.send(message)
        error = await said(socket, "error")
        await ask(socket, type="ping")
        await said(socket, "pong")

    assert words in error["detail"].lower()


async def closed(socket):
    """The code with which the server closes."""
    async with asyncio.timeout(10):
        await socket.wait_closed()
    return socket.close_code


async def test_limits_of_a_connection_close_it(live, monkeypatch):
    """Too long, too many, binary: each has its code."""
    monkeypatch.setattr(sockets, "MOST_MESSAGES", 5)
    async with opened(live) as socket:
        await socket.send(b"bytes")
        assert await closed(socket) == 1003
    async with opened(live) as socket:
        await socket.send("x" * 70_000)
        assert await closed(socket) == 1009
    async with opened(live) as socket:
        for _ in range(6):
            await ask(socket, type="ping")
        assert await closed(socket) == 4429


@pytest.mark.parametrize(
    "frame", [b"\x89\x80\0\0\0\0", b"\x8a\x80\0\0\0\0", b"\0\x80\0\0\0\0"], ids=["ping", "pong", "piece"]
)
async def test_a_flood_of_frames_is_cut_off(live, frame):
    """Whatever they are, and before they cost anybody anything."""
    shake = (
        f"GET /api/v1/ws HTTP/1.1\r\nHost: localhost\r\nAuthorization: {live.headers()['Authorization']}\r\n"
    )
    shake += "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    shake += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", int(live.url.rpartition(":")[2]))
    writer.write(shake.encode())
    async with asyncio.timeout(10):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x01\x80\0\0\0\0" + frame * 600)
        said = await reader.read()
    writer.close()

    assert said.endswith(b"more than 500 frames in 10 s")


async def test_sockets_that_listen_to_nothing_are_counted(live, monkeypatch):
    """Each takes the place of a connection."""
    monkeypatch.setattr(sockets, "MOST_OF_A_TOKEN", 2)
    token = live.token("many")
    async with opened(live, token), opened(live, token) as second:
        with pytest.raises(InvalidStatus) as found:
            async with opened(live, token):
                pass
        await second.close()
        async with asyncio.timeout(5):
            while True:
                try:
                    async with opened(live, token):
                        break
                except InvalidStatus:
                    await asyncio.sleep(0.05)

    assert found.value.response.status_code == 429
    assert b"2 WebSockets of this token are open" in found.value.response.body


async def test_a_revoked_token_closes_its_socket(live):
    """Within five seconds, also when nothing is subscribed."""
    async with opened(live, live.token("gone")) as socket:
        await ask(socket, type="ping")
        await said(socket, "pong")
        live.revoke("gone")
        async with asyncio.timeout(5):
            assert await closed(socket) == 4401


async def test_who_may_not_listen_is_told_before(live):
    """No verb, no token that holds, and a name that is not ours: the handshake is refused."""
    mute = live.token("mute", verbs=frozenset({Verb.READ}))
    port = int(live.url.rpartition(":")[2])
    for name, headers, status in (
        ("127.0.0.1", live.headers(mute), 403),
        ("127.0.0.1", live.headers("nobody"), 401),
        ("evil.example", live.headers(), 421),
    ):
        url = f"ws://{name}:{port}/api/v1/ws"
        with pytest.raises(InvalidStatus) as found:
            async with connect(url, host="127.0.0.1", port=port, additional_headers=headers):
                pass
        assert found.value.response.status_code == status


async def test_hidden_points_do_not_exist(live):
    """A partner without any dataset has nothing to subscribe to."""
    async with opened(live, live.token("poor", tier=Tier.PARTNER)) as socket:
        await ask(socket, type="subscribe", id="a", point=[PATH])
        named = await said(socket, "error")
        await ask(socket, type="subscribe", id="a", under="little")
        under = await said(socket, "error")

    assert "there is no point" in named["detail"]
    assert "temperature" not in named["detail"].removeprefix(f"there is no point {PATH!r}")
    assert "no point" in under["detail"]
