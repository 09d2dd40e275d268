"""Looking at devices, and the drafts that come of it."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import TYPE_CHECKING

import aiocoap
import cbor2
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from connectors.abilities import Discovers
from connectors.coap import connector, discovery, wire
from connectors.coap.config import CoapOptions
from connectors.coap.draft import Seen, drafted
from connectors.coap.linkformat import CoreLink, LinkError, parse, write
from connectors.home import Home
from connectors.registry import Connectors
from tests.connectors.coap.answering import answering
from tests.connectors.coap.pushing import pack
from tests.connectors.coap.server import Thing, serving
from tests.servers import LOOPBACK, free_port
from twin.errors import ConfigError, TransientError
from twin.model.loader import load_district
from twin.model.protocol import parse_endpoint

if TYPE_CHECKING:
    from connectors.coap.server import Request

HERE = parse_endpoint("coap://10.0.0.7", connector.schemes)


async def look(endpoint: str, **options):
    return await connector.discover(parse_endpoint(endpoint, connector.schemes), options, Home())


def faults_of(tmp_path, draft: str) -> list[str]:
    """Return what `barrio check` says of a district whose one device has the drafted profile."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "draft.yaml").write_text(draft)
    (tmp_path / "district.yaml").write_text(
        "district: d\nname: D\ntimezone: UTC\nlocation: {lat: 0, lon: 0}\nsites: [{id: s}]\n"
    )
    (tmp_path / "devices.yaml").write_text(
        "devices: [{id: one, profile: draft, site: s, endpoint: 'coap://10.0.0.7'}]\n"
    )
    try:
        load_district(tmp_path, Connectors(), [])
    except ConfigError as error:
        return [f"{fault.path}: {fault.message}" for fault in error.faults]
    return []


async def test_a_device_is_drafted_and_what_is_left_to_choose_is_named(tmp_path):
    """Each resource becomes points with what is certain; `barrio check` names exactly the quantities that are not."""
    weather = pack(
        {"bn": "urn:dev:1:", "n": "air_temperature", "u": "Cel", "v": 21.5}, {"n": "lux", "u": "lx", "v": 9}
    )
    async with serving(
        temp=Thing(b"21.5"),
        weather=Thing(weather, content_format=110, observable=False),
        state=Thing(json.dumps({"a.b": 1, "c": {"d": [True, None]}}).encode(), content_format=50),
        gone=Thing(code=aiocoap.FORBIDDEN, payload=b"keys first"),
        picture=Thing(b"\x89PNG", content_format=23),
    ) as field:
        draft = await look(field.endpoint)
        await asyncio.sleep(0.2)
        observers = [thing.observers for thing in field.things.values()]
    found = yaml.safe_load(draft.text)["points"]

    assert found["air_temperature"] == {
        "quantity": "air_temperature", "resource": "/weather", "format": "senml", "name": "air_temperature",
        "unit": "Cel", "observe": False,
    }  # fmt: skip
    assert found["temp"] == {"quantity": "CHOOSE", "resource": "/temp", "format": "text"}
    assert [found[name]["key"] for name in ("state_a_b", "state_c_d_0")] == ["/a.b", "/c/d/0"]
    assert "# /gone: 4.03 Forbidden: keys first" in draft.text
    assert "/picture: Content-Format 23 is not one that barrio reads" in draft.text
    unsaid = [name for name, keys in found.items() if keys["quantity"] == "CHOOSE"]
    faults = faults_of(tmp_path, draft.text)
    assert len(faults) == len(unsaid) > 0
    assert all(
        fault.split(":")[0] == f"points.{name}.quantity" for fault, name in zip(faults, unsaid, strict=True)
    )
    assert observers == [0] * 5
    assert isinstance(connector, Discovers)


async def test_a_list_of_several_blocks_is_read_whole():
    """A device with dozens of resources lists them in blocks; those above the bound are remarked."""
    async with serving(**{f"sensor-number-{number}": Thing(b"1") for number in range(70)}) as field:
        draft = await look(field.endpoint)

    assert len(yaml.safe_load(draft.text)["points"]) == 64
    assert draft.remarks[-1] == "only 64 of 70 resources were asked"


async def test_a_device_that_is_away_is_transient():
    """Nobody there, or nothing listed, is said in words."""
    with pytest.raises(TransientError, match="connection refused"):
        await look(f"coap://{LOOPBACK}:{free_port()}")
    with pytest.raises(TransientError, match="listed as strangers"):
        await look("coap+listen://127.0.0.1/lamp")


class Hostile(asyncio.DatagramProtocol):
    """Answers every question with the same payload."""

    def __init__(self, payload: bytes, content_format: int) -> None:
        self.answer = (payload, content_format)

    def connection_made(self, transport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr) -> None:
        asked = wire.decode(data)
        if asked.code is aiocoap.GET:
            payload, number = self.answer
            answer = aiocoap.Message(code=aiocoap.CONTENT, payload=payload, content_format=number)
            self.transport.sendto(wire.encode(answer, wire.ACK, asked.mid, asked.token), addr)


@pytest.mark.parametrize(
    "payload",
    [
        b"</a>," * 2_000,
        b"<" * 30_000,
        b"</x>" + b';rt="' + b"\\" * 20_000,
        b"</x>" + b";a" * 10_000,
        b"<//evil.example/x>,<coap://other/y>,</" + b"z" * 2_000 + b">",
        bytes(range(256)),
    ],
)
async def test_a_hostile_list_is_bounded(payload):
    """Whatever a device lists, discovery ends soon, with a draft or with words."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: Hostile(payload, 40), local_addr=(LOOPBACK, 0), family=socket.AF_INET
    )
    began = loop.time()
    try:
        draft = await look(f"coap://{LOOPBACK}:{transport.get_extra_info('sockname')[1]}")
        ended = yaml.safe_load(draft.text)["profile"]
    except TransientError as error:
        ended = error.words
    finally:
        transport.close()

    assert ended == "draft" or "cannot be read" in ended
    assert loop.time() - began < 5


TEXT = st.text(max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"/[!-~]{0,12}", fullmatch=True),
            st.one_of(
                st.tuples(st.just(60), VALUES.map(cbor2.dumps)),
                st.tuples(st.sampled_from([None, 0, 50, 60, 110, 112, 99]), st.binary(max_size=40)),
            ),
            st.dictionaries(st.sampled_from(["rt", "if", "obs", "ct"]), TEXT, max_size=3),
            TEXT,
        ),
        max_size=4,
    )
)
def test_every_draft_is_a_profile_in_yaml(seen):
    """Whatever a device said, the draft is YAML, and nothing the device wrote is more than a value or a comment."""
    text = drafted(
        HERE,
        CoapOptions(),
        [
            Seen(CoreLink(target, attributes), number, payload, words=words)
            for target, (number, payload), attributes, words in seen
        ],
    )
    found = yaml.safe_load(text)

    assert set(found) == {"profile", "protocol", "kind", "source", "poll", "points"}
    assert all(set(keys) <= {"quantity", "resource", "format", "key", "name", "unit", "observe"}
               for keys in found["points"].values())  # fmt: skip


def test_links_are_read_as_the_standard_writes_them():
    """Quoted and bare attributes, flags, several links (RFC 6690, section 5)."""
    links = parse(
        '</sensors>;ct=40;title="Sensor, \\"Index\\"",</sensors/temp>;rt="temperature-c x";if=sensor;obs'
    )

    assert [link.target for link in links] == ["/sensors", "/sensors/temp"]
    assert links[0].attributes == {"ct": "40", "title": 'Sensor, "Index"'}
    assert (links[1].words("rt"), links[1].attributes["obs"]) == (["temperature-c", "x"], "")
    assert parse(write(links)) == links


@given(st.text('<>;,="\\ abc/0', max_size=60))
def test_any_text_is_a_list_of_links_or_none(text):
    """Reading never fails otherwise than with LinkError."""
    try:
        links = parse(text)
    except LinkError:
        return

    assert all(isinstance(link.target, str) for link in links)


async def test_a_device_without_a_list_gives_no_draft():
    """What it said instead is in the error."""

    async def handle(_request: Request) -> aiocoap.Message:
        return aiocoap.Message(code=aiocoap.NOT_FOUND, payload=b"nothing here")

    async with answering(handle) as port:
        with pytest.raises(TransientError, match=r"no list of its resources: 4\.04 Not Found: nothing here"):
            await look(f"coap://{LOOPBACK}:{port}")


async def test_resources_that_do_not_answer_are_named_and_the_look_has_an_end(monkeypatch):
    """One that is mute is a comment; when the whole look takes too long, what is left is counted in a remark."""
    monkeypatch.setattr(discovery, "_EACH_S", 1.0)
    monkeypatch.setattr(discovery, "_ALL_S", 2.5)

    async def handle(request: Request) -> aiocoap.Message:
        if request.message.opt.uri_path != (".well-known", "core"):
            await asyncio.Event().wait()
        links = ",".join(f"</mute-{number}>" for number in range(9)).encode()
        return aiocoap.Message(
            code=aiocoap.CONTENT, payload=links[:60].rpartition(b",")[0], content_format=40
        )

    async with answering(handle) as port:
        draft = await look(f"coap://{LOOPBACK}:{port}")

    assert "# /mute-0: no answer within 1 s" in draft.text
    assert any(remark.startswith("it took longer than 2.5 s: ") for remark in draft.remarks)


def test_what_belongs_to_one_device_is_not_drafted():
    """Ids and secrets are named in a comment, not written into a profile that others share."""
    oscore = {"sender_id": "01", "recipient_id": "02", "secret": "${secret:lamp}"}
    text = drafted(HERE, CoapOptions.model_validate({"oscore": oscore}), [])

    assert "# options.oscore belongs into the device's overrides" in text
    assert yaml.safe_load(text)["points"] == {}


def test_a_draft_of_a_huge_answer_is_bounded():
    """Of thousands of values the first 32 become points."""
    payload = json.dumps([{"a": number} for number in range(100)] + [list(range(100))]).encode()
    text = drafted(HERE, CoapOptions(), [Seen(CoreLink("/all"), 50, payload)])

    assert len(yaml.safe_load(text)["points"]) == 32
