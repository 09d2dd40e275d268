"""OSCORE against aiocoap's own implementation, in both roles: read, observed, written, pushed."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import aiocoap
import pytest

from connectors.abilities import Done, Setting, Writes
from connectors.coap import connector
from connectors.coap.client import CoapLink
from connectors.coap.config import CoapOptions
from connectors.coap.keys import Secret
from connectors.coap.security import psk_of
from connectors.conformance.recording import RecordingSink, bind, device, running, supervised
from connectors.home import Home
from tests.connectors.coap.oscore import OPTIONS, SALT, SECRET, Dimmer, home, protected, pusher
from tests.connectors.coap.pushing import JSON, POINTS, listening, pack
from tests.connectors.coap.server import Thing, serving
from tests.servers import LOOPBACK, free_port
from twin.errors import StartError, TransientError

if TYPE_CHECKING:
    from twin.model.bound import BoundDevice

LEVEL = {"level": {"resource": "/dim", "key": "level", "format": "json", "writable": True}}


def dimmer(endpoint: str, tmp_path, **options) -> tuple[CoapLink, BoundDevice]:
    one = bind(device(connector, endpoint, LEVEL, options={**OPTIONS, "timeout": 2, **options}))
    (link,) = connector.links([one], home(tmp_path))
    assert isinstance(link, CoapLink)
    return link, one


async def test_a_protected_resource_is_observed(tmp_path):
    """Requests go out under OSCORE, the value and its changes come back, and the link says so."""
    thing = Dimmer()
    async with protected(tmp_path, dim=thing) as endpoint:
        link, one = dimmer(endpoint, tmp_path)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.by_name(one) == {"level": 40})
            for level in range(50, 54):
                thing.payload = b'{"level":%d}' % level
                thing.updated_state()
                await sink.wait_for(lambda level=level: sink.by_name(one) == {"level": level})  # type: ignore[misc]

    assert all(thing.protected)
    assert link.security == "OSCORE"


async def test_a_protected_point_is_set_and_read_back(tmp_path):
    """A write is a PUT in the point's format, its outcome what the device has afterwards."""
    thing = Dimmer()
    async with protected(tmp_path, dim=thing) as endpoint:
        link, one = dimmer(endpoint, tmp_path)
        sink = RecordingSink()
        async with running(link, sink):
            await sink.wait_for(lambda: sink.ups)
            (good,) = await link.write([Setting(one.points[0], 70.0)])
            (bad,) = await link.write([Setting(one.points[0], 700.0)])

    assert isinstance(link, Writes)
    assert (good.done, good.read_back, thing.payload) == (Done.WRITTEN, 70, b'{"level":70}')
    assert (bad.done, bad.words) == (Done.REFUSED, "4.00 Bad Request: 0 to 100")


async def test_plain_coap_is_never_written_to():
    """Without protection nothing is sent, and the outcome says what to do."""
    async with serving(dim=Thing(b'{"level":40}', content_format=50)) as field:
        one = bind(device(connector, field.endpoint, LEVEL))
        (link,) = connector.links([one], Home())
        assert isinstance(link, CoapLink)
        sink = RecordingSink()
        with pytest.raises(TransientError, match="the link is down"):
            await link.write([Setting(one.points[0], 70.0)])
        async with running(link, sink):
            await sink.wait_for(lambda: sink.ups)
            (outcome,) = await link.write([Setting(one.points[0], 70.0)])

    assert outcome.done is Done.REFUSED
    assert "OSCORE or DTLS" in outcome.words


async def test_a_device_with_another_secret_gives_no_value(tmp_path):
    """An answer that is not protected by the same context is none; the link is down, and says so."""
    async with protected(tmp_path, dim=Dimmer()) as endpoint:
        one = bind(device(connector, endpoint, LEVEL, options={**OPTIONS, "timeout": 1}))
        (link,) = connector.links([one], Home(tmp_path / "ours", lambda _: "ff" * 16))
        sink = RecordingSink()
        async with supervised(link, sink):
            await sink.wait_for(lambda: sink.downs or sink.frames)

    assert not any(reading.value == reading.value for reading in sink.readings())


@pytest.mark.parametrize("secret", ["", "not hex"])
async def test_a_secret_that_is_no_secret_is_said(tmp_path, secret):
    """A master secret is hex digits, and whoever set it otherwise is told its name, not its value."""
    one = bind(device(connector, "coap://127.0.0.1:9", LEVEL, options=OPTIONS))
    (link,) = connector.links([one], Home(tmp_path, lambda _: secret))
    with pytest.raises(StartError, match="'lamp' is an OSCORE master secret"):
        await link.run(RecordingSink())


async def test_a_protected_device_pushes(tmp_path):
    """Its key says who it is; without it, or with another's name, it is refused."""
    async with listening("lamp-1", home=home(tmp_path), options=OPTIONS) as field:
        plain = await field.post("/readings?ep=lamp-1", pack({"n": "temp", "v": 1}), content_format=JSON)
        async with pusher(tmp_path, field.port) as context:
            answers = [
                await push(context, field.port, query, pack({"n": "temp", "v": 2})) for query in ("", "?ep=x")
            ]
            long = await push(
                context, field.port, "", pack({"n": "temp", "v": 3}, {"n": "p", "vs": "x" * 3000})
            )

    assert (plain.code, plain.payload) == (aiocoap.UNAUTHORIZED, b"this device speaks OSCORE only")
    assert [answer.code for answer in answers] == [aiocoap.CHANGED, aiocoap.FORBIDDEN]
    assert long.code is aiocoap.CHANGED
    assert [reading.value for reading in field.sink.readings()] == [2, 3]


async def push(context, port: int, query: str, payload: bytes) -> aiocoap.Message:
    message = aiocoap.Message(
        code=aiocoap.POST,
        uri=f"coap://{LOOPBACK}:{port}/readings{query}",
        payload=payload,
        content_format=JSON,
    )
    async with asyncio.timeout(20):
        return await context.request(message).response


async def test_a_protected_device_that_was_known_before_a_crash_must_show_that_it_is_alive(tmp_path):
    """After our crash the first request is challenged (RFC 8613, appendix B.1.2), and then taken once."""
    ours = home(tmp_path)
    async with (
        listening("lamp-1", home=ours, options=OPTIONS) as field,
        pusher(tmp_path, field.port) as context,
    ):
        await push(context, field.port, "", pack({"n": "temp", "v": 1}))
        files = {file: file.read_bytes() for file in ours.folder.glob("*.json")}
    for file, kept in files.items():
        file.write_bytes(kept)
    async with (
        listening("lamp-1", home=ours, options=OPTIONS) as field,
        pusher(tmp_path, field.port) as context,
    ):
        answer = await push(context, field.port, "", pack({"n": "temp", "v": 2}))

    assert all(b"unknown" in kept for kept in files.values())
    assert answer.code is aiocoap.CHANGED
    assert [reading.value for reading in field.sink.readings()] == [2]


@pytest.mark.parametrize(
    ("psk", "key"), [("sesame", b"sesame"), ("hex:0aff", b"\x0a\xff"), ("0aff", b"0aff"), ("", b"")]
)
def test_a_key_is_text_or_hex(psk, key):
    """What begins with hex: stands for bytes, everything else for itself."""
    options = CoapOptions.model_validate({"psk_identity": "barrio", "psk": "${secret:key}"})

    assert psk_of(options, Home(None, {"key": psk}.__getitem__)) == (b"barrio", key)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "coaps needs `psk_identity` and `psk`"),
        ({"psk_identity": "barrio", "psk": "${secret:key}"}, "'key' begins with hex: and is not in hex"),
    ],
)
def test_a_key_that_cannot_be_used_is_said(given, words):
    """A key that is missing or no hex ends the start, with its name and not its value."""
    options = CoapOptions.model_validate(given)
    with pytest.raises(StartError, match=words) as caught:
        psk_of(options, Home(None, {"key": "hex:0afz"}.__getitem__))

    assert "0afz" not in str(caught.value)


def test_the_secret_is_never_shown(tmp_path):
    """No option, link or file name holds it."""
    made = device(connector, "coap://127.0.0.1", LEVEL, options=OPTIONS)
    (link,) = connector.links([bind(made)], home(tmp_path))

    assert SECRET not in repr(made) + repr(vars(link))


async def test_forged_protection_is_refused_and_harms_nobody(tmp_path):
    """Whatever stands in the OSCORE option and behind it, the answer is a refusal and nothing is kept."""
    chance = random.Random(5)
    options = [
        b"",
        b"\x19",
        b"\x09\x01\x02",
        b"\x08\x02",
        b"\x10",
        b"\x19\x00\xff",
        b"\x29\x00\x02",
        b"\xff" * 9,
    ]
    codes = set()
    async with listening("lamp-1", home=home(tmp_path), options=OPTIONS) as field:
        for number in range(200):
            option = options[number % 8] + (chance.randbytes(number % 5) if number > 50 else b"")
            answer = await field.post("/", chance.randbytes(number % 40), oscore=option)
            codes.add(answer.code)

    assert codes <= {aiocoap.BAD_OPTION, aiocoap.UNAUTHORIZED, aiocoap.BAD_REQUEST}
    assert len(codes) == 3
    assert not field.sink.frames


async def test_a_disk_that_takes_no_sequence_numbers_is_transient(tmp_path):
    """Without a place for its numbers nothing is sent, and the words say why."""
    (tmp_path / "file").write_text("")
    one = bind(device(connector, "coap://127.0.0.1:9", LEVEL, options=OPTIONS))
    ours = home(tmp_path)
    (ours.folder / Secret(b"\x01", b"\x02", bytes.fromhex(SECRET), bytes.fromhex(SALT), None).file).mkdir()
    (link,) = connector.links([one], ours)
    with pytest.raises(TransientError, match="cannot be kept: is a directory"):
        await link.run(RecordingSink())


async def test_an_address_whose_keys_cannot_be_kept_is_transient(tmp_path):
    """A link that listens says the same, before it takes its port."""
    port = free_port()
    one = bind(device(connector, f"coap+listen://{LOOPBACK}:{port}/lamp-1", POINTS, options=OPTIONS))
    ours = home(tmp_path)
    (ours.folder / Secret(b"\x01", b"\x02", bytes.fromhex(SECRET), bytes.fromhex(SALT), None).file).mkdir()
    (link,) = connector.links([one], ours)
    with pytest.raises(TransientError, match="cannot be kept: is a directory"):
        await link.run(RecordingSink())

    assert await link.probe() == "can be listened at, for 1 devices: lamp-1"
