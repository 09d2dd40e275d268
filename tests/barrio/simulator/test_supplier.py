"""Who takes a district's orders, over HTTP."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest

from barrio.notify.webhook import signature
from barrio.simulator import supplier
from barrio.simulator.addresses import channels_of, ports_of, supplier_port
from barrio.simulator.field import Field
from barrio.simulator.plain import answered, plain
from barrio.simulator.supplier import Supplier
from tests.servers import LOOPBACK, free_port
from twin.alarms.book import AlarmBook
from twin.errors import StartError
from twin.notify_spec import ChannelSpec
from twin.services.book import ServiceBook

NOW_S = 1_764_355_200
ORDER = {"event": "supply.requested", "delivery": "one", "data": {"tank": "tank", "fill_to_percent": 90.0}}


@asynccontextmanager
async def supplying(monkeypatch, secret=""):
    """A supplier that is quick, with what arrived."""
    monkeypatch.setattr(supplier, "ACKNOWLEDGED_AFTER_S", 0.05)
    monkeypatch.setattr(supplier, "DELIVERED_AFTER_S", 0.1)
    arrived: list[tuple[str, float]] = []
    port = free_port()
    one = Supplier(LOOPBACK, port, lambda *what: arrived.append(what), secret, lambda: NOW_S)
    await one.start()
    client = httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{port}", trust_env=False, timeout=5)
    try:
        async with client:
            yield one, client, arrived
    finally:
        await one.stop()


async def test_an_order_is_acknowledged_and_delivered_once(monkeypatch):
    """The answer has a reference; the same delivery posted again gets the same one and no second lorry."""
    async with supplying(monkeypatch) as (one, client, arrived):
        first = (await client.post("/orders", json=ORDER)).json()
        second = (await client.post("/orders", json=ORDER)).json()
        other = (await client.post("/orders", json=ORDER | {"delivery": "two"})).json()
        await asyncio.sleep(0.4)

    assert first == second == {"acknowledged": True, "reference": "P-000123"}
    assert other["reference"] == "P-000124"
    assert arrived == [("tank", 0.9), ("tank", 0.9)]
    assert one.notices == 0


async def test_other_events_are_taken_and_no_order(monkeypatch):
    """An escalation, a cancellation and an alarm get an empty answer; nobody is sent."""
    async with supplying(monkeypatch) as (one, client, arrived):
        answers = [
            await client.post(path, json=ORDER | {"event": event})
            for path, event in (("/orders", "supply.escalated"), ("/notices", "alarm.raised"))
        ]
        await asyncio.sleep(0.3)

    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {}), (200, {})]
    assert (arrived, one.notices) == ([], 2)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("", "the delivery is not signed"),
        ("v1=00", "the delivery is not signed"),
        (signature("other", NOW_S, json.dumps(ORDER).encode()), "the signature is not that of this body"),
        (signature("key", NOW_S, b"{}"), "the signature is not that of this body"),
        (signature("key", NOW_S - 301, json.dumps(ORDER).encode()), "the delivery was signed long ago"),
    ],
)
async def test_who_has_not_the_key_orders_nothing(monkeypatch, header, words):
    """Without, with another's or with an old signature it is 401 with words."""
    async with supplying(monkeypatch, "key") as (_, client, arrived):
        headers = {"Barrio-Signature": header} if header else {}
        answer = await client.post("/orders", content=json.dumps(ORDER), headers=headers)
        await asyncio.sleep(0.3)

    assert (answer.status_code, answer.json()["detail"]) == (401, words)
    assert arrived == []


async def test_a_signed_order_is_taken(monkeypatch):
    """The signature is that of `barrio.notify.webhook`."""
    async with supplying(monkeypatch, "key") as (_, client, _):
        body = json.dumps(ORDER).encode()
        headers = {"Barrio-Signature": signature("key", NOW_S, body)}
        answer = await client.post("/orders", content=body, headers=headers)

    assert answer.json()["acknowledged"] is True


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("GET", "/orders", b"", 405),
        ("POST", "/elsewhere", json.dumps(ORDER).encode(), 404),
        ("POST", "/orders", b"no json", 400),
        ("POST", "/orders", b"[1]", 400),
        ("POST", "/orders", b'{"event": "supply.requested", "data": {"tank": 5}}', 422),
        ("POST", "/orders", b"x" * 300_000, 413),
    ],
)
async def test_nonsense_gets_an_answer_and_no_lorry(monkeypatch, method, path, content, status):
    """Whatever is sent, the supplier answers what is wrong with it."""
    async with supplying(monkeypatch) as (_, client, arrived):
        answer = await client.request(method, path, content=content)
        await asyncio.sleep(0.3)

    assert answer.status_code == status
    assert answer.json()["detail"]
    assert arrived == []


async def test_a_connection_that_says_nothing_is_let_go(monkeypatch):
    """Who connects and is silent does not hold the supplier up."""
    monkeypatch.setattr(supplier, "_WITHIN_S", 0.2)
    async with supplying(monkeypatch) as (one, client, _):
        reader, writer = await asyncio.open_connection(LOOPBACK, one._port)
        writer.write(b"POST /orders HTTP/1.1\r\n")
        ended = await asyncio.wait_for(reader.read(), 3)
        writer.close()
        answer = await client.post("/orders", json=ORDER)

    assert ended == b""
    assert answer.status_code == 200


async def test_a_taken_port_is_named():
    """The port is said as those of the devices are."""
    one, port = None, free_port()
    one = Supplier(LOOPBACK, port, lambda *_: None)
    await one.start()
    try:
        with pytest.raises(StartError, match=f"TCP port {port} on {LOOPBACK} cannot be had"):
            await Supplier(LOOPBACK, port, lambda *_: None).start()
    finally:
        await one.stop()


def with_channels(district):
    """The district with suppliers and people to be told, all of them elsewhere."""
    water = ChannelSpec(id="water", webhook="https://supplier.example/orders", secret="${secret:water}")
    mail = ChannelSpec.model_validate(
        {
            "id": "people",
            "email": {"to": ["a@b.example"], "from": "b@b.example", "server": "mail.example:587"},
        }
    )
    services = ServiceBook("small", suppliers=(water,))
    return replace(district, services=services, alarms=AlarmBook(channels=(mail,)))


def test_nobody_outside_is_told_of_a_simulated_district(small):
    """Every channel leads to the supplier's port on this machine, and needs no secret."""
    district = with_channels(small)
    port = supplier_port(district, 21_000)
    there = answered(plain(district), LOOPBACK, port)
    channels = channels_of(there)

    assert (port, ports_of(district), ports_of(small)) == (21_004, 5, 4)
    assert [channel.webhook for channel in channels] == [
        "http://127.0.0.1:21004/orders",
        "http://127.0.0.1:21004/notices",
    ]
    assert [list(channel.secrets()) for channel in channels] == [[], []]
    assert all(channel.way == "webhook" for channel in channels)


async def test_a_field_sends_a_lorry_to_the_tank(monkeypatch, small, base_port):
    """What is ordered at the field's supplier arrives in the field's tank; an order for no tank arrives nowhere."""
    monkeypatch.setattr(supplier, "ACKNOWLEDGED_AFTER_S", 0.05)
    monkeypatch.setattr(supplier, "DELIVERED_AFTER_S", 0.1)
    monkeypatch.setattr("barrio.simulator.field.FILLED_IN_S", 1.0)
    async with Field(with_channels(small), base_port=base_port) as field:
        before = field.desk.world.level("tank")
        async with httpx.AsyncClient(trust_env=False) as client:
            for delivery, tank in enumerate(("room", "nowhere", "tank")):
                order = {
                    "event": "supply.requested",
                    "delivery": str(delivery),
                    "data": {"tank": tank, "fill_to_percent": 99},
                }
                await client.post(f"http://127.0.0.1:{base_port + 4}/orders", json=order)
        after = before
        for _ in range(400):
            after = max(after, field.desk.world.level("tank"))
            if after > 0.985:
                break
            await asyncio.sleep(0.05)

    assert before < 0.95
    assert after == pytest.approx(0.99, abs=0.005)
