"""The resource directory: registered, found, run out, remembered."""

from __future__ import annotations

import aiocoap
import pytest

from connectors.coap import linkformat
from connectors.coap.directory import Directory, Rejected
from connectors.home import Home
from tests.connectors.coap.pushing import JSON, LINKS, listening, pack

TEMP = b'</temp>;rt="temperature";ct=110,</hum>;ct=110'
HOT = pack({"n": "temp", "v": 21.5})


async def whole(field, path: str) -> list[linkformat.CoreLink]:
    """Get a list of links, block by block."""
    body, number, more = b"", 0, True
    while more:
        answer = await field.ask(aiocoap.GET, path, block2=(number, False, 2))
        assert answer.code is aiocoap.CONTENT
        body += answer.payload
        number += 1
        more = answer.opt.block2 is not None and answer.opt.block2.more
    return linkformat.parse(body.decode())


async def test_a_device_registers_and_is_recognised_by_its_address():
    """After POST /rd the device's readings need no name; lookups find it and its resources."""
    async with listening("lamp-1", "lamp-2") as field:
        made = await field.post("/rd?ep=lamp-2&lt=60&et=lamp", TEMP, content_format=LINKS)
        pushed = await field.post("/readings", HOT, content_format=JSON)
        endpoints = await whole(field, "/rd-lookup/ep?et=lamp")
        resources = await whole(field, "/rd-lookup/res?rt=temperature")

    assert (made.code, made.opt.location_path, pushed.code) == (aiocoap.CREATED, ("rd", "2"), aiocoap.CHANGED)
    assert field.sink.by_name(field.devices[1]) == {"t": 21.5}
    assert [(link.target, link.attributes["ep"]) for link in endpoints] == [("/rd/2", "lamp-2")]
    base = endpoints[0].attributes["base"]
    assert base.startswith("coap://127.0.0.1:")
    assert [(link.target, link.attributes["anchor"]) for link in resources] == [(f"{base}/temp", base)]


async def test_a_registration_is_renewed_and_removed():
    """POST to its place renews it, DELETE ends it, and both say so when there is none (RFC 9176, section 5.3)."""
    async with listening("lamp-1") as field:
        await field.post("/rd?ep=lamp-1", TEMP, content_format=LINKS)
        renewed = await field.post("/rd/1?lt=120")
        removed = await field.ask(aiocoap.DELETE, "/rd/1")
        again = await field.ask(aiocoap.DELETE, "/rd/1")
        pushed = await field.post("/readings", HOT, content_format=JSON)

    codes = [one.code for one in (renewed, removed, again, pushed)]
    assert codes == [aiocoap.CHANGED, aiocoap.DELETED, aiocoap.NOT_FOUND, aiocoap.UNAUTHORIZED]


async def test_registrations_survive_a_restart():
    """What was registered is in the notes: the device is recognised when the link runs anew."""
    home = Home()
    async with listening("lamp-1", home=home) as field:
        await field.post("/rd?ep=lamp-1", TEMP, content_format=LINKS)
        place = next(iter(home.notes))

    assert place == f"rd/127.0.0.1:{field.port}/lamp-1"
    held = Directory(["lamp-1"], home.notes, f"rd/127.0.0.1:{field.port}/")
    assert held.at("127.0.0.1:9") == "lamp-1"


@pytest.mark.parametrize(
    ("query", "payload", "words"),
    [
        ("?ep=lamp-1&lt=soon", TEMP, "lt is 1 to"),
        ("?ep=lamp-1&lt=0", TEMP, "lt is 1 to"),
        ("?ep=lamp-1&base=http://x", TEMP, "base is an address"),
        ("?ep=lamp-1", b"<temp", "no <link> at character 0"),
        ("?ep=lamp-1", b"</t>" * 3, "no comma"),
        ("", TEMP, "ep=NAME"),
    ],
)
async def test_an_impossible_registration_is_refused(query, payload, words):
    """4.00, with what is wrong with it."""
    async with listening("lamp-1") as field:
        answer = await field.post(f"/rd{query}", payload, content_format=LINKS)

    assert answer.code is aiocoap.BAD_REQUEST
    assert words in answer.payload.decode()


def test_a_registration_runs_out():
    """After its lifetime the device is not known any more."""
    clock = [1_000.0]
    held = Directory(["lamp-1"], {}, "", lambda: clock[0])
    held.register("lamp-1", {"lt": "60"}, "", "10.0.0.1:5683", "coap")

    before = held.at("10.0.0.1:5683")
    clock[0] += 60

    assert (before, held.at("10.0.0.1:5683"), held.endpoints({})) == ("lamp-1", None, [])


def test_two_devices_behind_one_address_are_not_guessed():
    """Another port of a host is the device there only when it is the only one."""
    held = Directory(["lamp-1", "lamp-2"], {}, "")
    held.register("lamp-1", {}, "", "10.0.0.1:1", "coap")
    alone = held.at("10.0.0.1:9")
    held.register("lamp-2", {}, "", "10.0.0.1:2", "coap")

    assert (alone, held.at("10.0.0.1:9"), held.at("10.0.0.1:2")) == ("lamp-1", None, "lamp-2")


def test_a_damaged_note_is_dropped():
    """A note that is not a registration is none."""
    notes = {"lamp-1": "{}", "lamp-2": "["}

    assert Directory(["lamp-1", "lamp-2"], notes, "").endpoints({}) == []
    assert notes == {}


def test_pages_are_parts_of_the_whole():
    """`count` and `page` cut the list (RFC 9176, section 6.2)."""
    held = Directory([f"e{number}" for number in range(5)], {}, "")
    for number in range(5):
        held.register(f"e{number}", {}, "", f"10.0.0.{number}:1", "coap")

    pages = [held.endpoints({"count": "2", "page": str(page)}) for page in range(3)]

    assert [[link.attributes["ep"] for link in page] for page in pages] == [
        ["e0", "e1"],
        ["e2", "e3"],
        ["e4"],
    ]
    with pytest.raises(Rejected, match="at most 8192 bytes"):
        held.register("e0", {}, "<" * 9_000, "10.0.0.1:1", "coap")


def test_a_directory_keeps_what_a_lookup_can_ask_for():
    """The domain is an attribute (RFC 9176, section 5), an address of its own stands without its last slash."""
    held = Directory(["lamp-1"], {}, "")
    held.register("lamp-1", {"base": "coap://10.0.0.7:5683/", "d": "north"}, "", "10.0.0.8:9", "coap")
    (found,) = held.endpoints({"d": "nor*"})

    assert found.attributes == {
        "ep": "lamp-1",
        "base": "coap://10.0.0.7:5683",
        "rt": "core.rd-ep",
        "d": "north",
    }
    assert held.endpoints({"d": "sou*"}) == []


def test_a_registration_has_a_bound():
    """More attributes than are kept are refused, with their number, and so are more attributes of a link."""
    held = Directory(["lamp-1"], {}, "")
    with pytest.raises(Rejected, match="at most 16 attributes"):
        held.register("lamp-1", {f"a{number}": "1" for number in range(17)}, "", "h:1", "coap")
    with pytest.raises(Rejected, match="more than 24 attributes of one link"):
        held.register(
            "lamp-1", {}, "</t>" + ";a;b;c;d;e" + "".join(f";x{n}" for n in range(20)), "h:1", "coap"
        )

    assert held.get("1") is None
