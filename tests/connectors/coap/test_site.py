"""What a site refuses, and how: proxies, lists that cannot be read, and places that are somebody else's."""

from __future__ import annotations

import asyncio
import socket
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import aiocoap
import pytest

from connectors.coap import client, connector, site, strangers, wire
from connectors.coap.asked import Asked
from connectors.coap.directory import Directory
from connectors.coap.reader import Reader
from connectors.coap.server import Server
from connectors.coap.site import Pusher, Site
from connectors.coap.strangers import Strangers
from connectors.conformance.recording import RecordingSink, bind, device
from connectors.home import Home
from tests.connectors.coap.answering import answering
from tests.connectors.coap.pushing import JSON, LINKS, listening, pack
from tests.servers import LOOPBACK
from twin.errors import TransientError

if TYPE_CHECKING:
    from connectors.base import Sink

HOT = pack({"n": "temp", "v": 21.5})


class Stuck(RecordingSink):
    """Never gets a frame onto the disk."""

    async def commit(self, _frame):
        await asyncio.Event().wait()


async def test_a_disk_that_takes_too_long_is_busy(monkeypatch):
    """A device whose readings are not durable in time may come again later."""
    monkeypatch.setattr(site, "_COMMIT_WITHIN_S", 0.1)
    async with listening("lamp-1", sink=Stuck()) as field:
        answer = await field.post("/readings?ep=lamp-1", HOT, content_format=JSON)

    assert (answer.code, answer.opt.max_age) == (aiocoap.SERVICE_UNAVAILABLE, 10)


@pytest.mark.parametrize(
    ("path", "payload", "number", "code", "words"),
    [
        ("/rd?ep=lamp-1", b"</t>", JSON, aiocoap.UNSUPPORTED_CONTENT_FORMAT, b"links: Content-Format 40"),
        ("/rd?ep=lamp-1", b"\xff", LINKS, aiocoap.BAD_REQUEST, b"links are UTF-8"),
        ("/rd/1", b"", None, aiocoap.NOT_FOUND, b"register anew"),
        ("/rd/9?lt=60", b"", None, aiocoap.NOT_FOUND, b"register anew"),
    ],
)
async def test_a_registration_that_cannot_be_taken_is_refused(path, payload, number, code, words):
    """Another format, no text, and a place where nobody is registered are told apart."""
    async with listening("lamp-1") as field:
        answer = await field.post(path, payload, content_format=number)

    assert (answer.code, answer.payload) == (code, words)


async def test_a_registration_may_come_in_blocks():
    """A list of links that is longer than a block is put together before it is read."""
    links = b"</temp>;ct=110,</hum>;ct=110"
    async with listening("lamp-1") as field:
        answers = [
            await field.post(
                "/rd?ep=lamp-1",
                links[16 * number : 16 * number + 16],
                content_format=LINKS,
                block1=(number, number == 0, 0),
            )
            for number in range(2)
        ]
        found = await field.ask(aiocoap.GET, "/rd-lookup/ep?ep=lamp*", block2=(0, False, 2))

    assert [answer.code for answer in answers] == [aiocoap.CONTINUE, aiocoap.CREATED]
    assert found.code is aiocoap.CONTENT


def made(*names: str) -> Site:
    directory = Directory(names, {}, "")
    pushers = [Pusher(name, Reader([]), "OSCORE") for name in names]
    return Site(pushers, directory, RecordingSink(), {}, "coap")


def asked(code: aiocoap.Code, *path: str, proven: str | None, **options: object) -> Asked:
    message = aiocoap.Message(code=code, uri_path=path, **options)
    return Asked(message, "10.0.0.7:5683", proven, None)


async def test_a_place_is_its_owners():
    """Neither another key nor none may renew or end a registration; its own may."""
    lamps = made("lamp-1", "lamp-2")
    await lamps._answer(asked(aiocoap.POST, "rd", proven="lamp-1"))
    codes = [
        (await lamps._answer(asked(code, "rd", "1", proven=who))).code
        for who in ("lamp-2", None, "lamp-1")
        for code in (aiocoap.POST, aiocoap.DELETE)
    ]

    assert codes == [aiocoap.FORBIDDEN] * 4 + [aiocoap.CHANGED, aiocoap.DELETED]


async def test_a_proxy_is_not_what_this_is():
    """What was protected may still ask for another place, and does not get there (RFC 7252, section 5.10.2)."""
    message = asked(aiocoap.GET, proven="lamp-1", proxy_scheme="coap")
    answer = await made("lamp-1")._answer(message)

    assert answer.code is aiocoap.PROXYING_NOT_SUPPORTED


@pytest.mark.parametrize("no_response", [0, 2])
async def test_an_answer_that_is_not_wanted_is_only_acknowledged(no_response):
    """A confirmable message without wish for the answer (RFC 7967) gets an empty acknowledgement."""
    message = aiocoap.Message(
        code=aiocoap.POST, uri_path=("readings",), uri_query=("ep=lamp-1",), payload=HOT
    )
    message.opt.content_format, message.opt.no_response = JSON, no_response
    async with listening("lamp-1") as field:
        answer = await reply(field.port, wire.encode(message, wire.CON, 7, b"t"))

    assert (answer == wire.empty(wire.ACK, 7)) is (no_response == 2)
    assert [one.value for one in field.sink.readings()] == [21.5]


async def reply(port: int, data: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.setblocking(False)
        await loop.sock_sendto(own, data, (LOOPBACK, port))
        async with asyncio.timeout(5):
            answer, _ = await loop.sock_recvfrom(own, 4096)
    return answer


async def test_a_ping_is_answered_and_what_is_no_request_is_counted():
    """An empty confirmable message gets a reset (RFC 7252, section 4.3); an acknowledgement of nothing gets none."""
    async with listening("lamp-1") as field:
        answers = [await reply(field.port, wire.empty(wire.CON, 9))]
        field.line._channel.send(wire.empty(wire.ACK, 3))
        await field.post("/readings?ep=lamp-1", HOT, content_format=JSON)

    assert answers == [wire.empty(wire.RST, 9)]
    assert field.link.dropped == {"a message that is no request": 1}


async def test_an_address_that_is_taken_is_said_when_probed():
    """A probe of an address that somebody else has is TransientError with the system's words."""
    async with listening("lamp-1") as field:
        with pytest.raises(TransientError, match="cannot listen here: address already in use"):
            await field.link.probe()


async def test_a_device_without_a_list_is_said_to_answer():
    """A probe tells what the device said instead of a list."""

    async def handle(_request: object) -> aiocoap.Message:
        return aiocoap.Message(code=aiocoap.NOT_FOUND)

    async with answering(handle) as port:
        one = bind(device(connector, f"coap://{LOOPBACK}:{port}", {"t": {"resource": "/t"}}))
        (link,) = connector.links([one], Home())
        words = await link.probe()

    assert words == "answers, without a list of resources (4.04 Not Found)"


def test_a_fault_of_ours_is_never_taken_for_an_absence():
    """A group that holds a bug beside a peer that is away stays a group; one without a bug is the absence."""
    away, bug = TransientError("lamp", "no answer"), ZeroDivisionError()
    both = ExceptionGroup("both", [away, bug])

    assert client._of(both) is both
    assert client._of(ExceptionGroup("away", [ExceptionGroup("deeper", [away])])) is away


def test_a_stranger_is_told_again_after_a_minute(monkeypatch):
    """Within a minute one is told once, so that nobody fills the list by asking often."""
    now_s = [100.0]
    monkeypatch.setattr(strangers, "time", SimpleNamespace(monotonic=lambda: now_s[0]))
    told: list[str] = []
    seen = Strangers(cast("Sink", SimpleNamespace(stranger=lambda _, words: told.append(words))))
    for at_s, words in ((100, "first"), (159, "too soon"), (161, "again"), (200, "too soon")):
        now_s[0] = float(at_s)
        seen.seen("lamp-9", words)

    assert told == ["first", "again"]


async def test_what_the_network_says_of_devices_that_are_gone_is_counted():
    """Nobody waits for such an error; the link goes on and counts it."""
    async with asyncio.TaskGroup() as tasks:
        server = Server(made("lamp-1").handle, tasks)
        server.error_received(ConnectionRefusedError())
        server.error_received(ConnectionRefusedError())

    assert server.dropped == {"an error of the network: ConnectionRefusedError": 2}
