"""Secrets of a district: missed before anything begins, and never seen again once they are there."""

import asyncio
import base64
from contextlib import asynccontextmanager

import httpx
import pytest
from asyncua import ua

from tests.barrio.processes import barrio
from tests.connectors.mqtt.broker import PASSWORD, USER, Mosquitto
from tests.connectors.opcua.pki import DER, SecureBms, identity
from tests.connectors.opcua.servers import URI
from tests.journeys.running import Barrio, running, write_district
from tests.servers import free_port

OSCORE = "6b65796f66636f6170636162696e6574"
GUESS = "canary-guess-5731"
DEVICES = """\
devices:
  - {{id: counter, profile: counter, site: house, endpoint: "{broker}/city/counter"}}
  - {{id: ahu, profile: ahu, site: house, endpoint: "{ahu}"}}
  - {{id: lamp, profile: lamp, site: house, endpoint: "coap://127.0.0.1:{lamp}"}}
"""
COUNTER = f"""\
profile: counter
protocol: mqtt
kind: PeopleCounter
options: {{user: {USER}, password: "${{secret:broker}}", insecure: "a cable on the bench"}}
points:
  people: {{quantity: pedestrian_count, topic: people}}
"""
AHU = f"""\
profile: ahu
protocol: opcua
kind: AirHandlingUnit
options: {{namespace: "{URI}", user: operator, password: "${{secret:bms}}"}}
points:
  supply: {{quantity: air_temperature, node: "s=Supply"}}
"""
LAMP = """\
profile: lamp
protocol: coap
kind: StreetLight
options: {timeout: 1s, oscore: {sender_id: "01", recipient_id: "02", secret: "${secret:lamp}"}}
points:
  level: {quantity: dimming_level, resource: /light, unit: "%"}
"""
GIVEN = {
    "BARRIO_SECRET_BROKER": PASSWORD,
    "BARRIO_SECRET_BMS": GUESS,
    "BARRIO_SECRET_LAMP": OSCORE,
    "BARRIO_LOG_LEVEL": "debug",
}
PATHS = (
    "status",
    "points",
    "gaps",
    "conditions",
    "device-events",
    "why/little/ahu/supply",
    "why/little/lamp/level",
)
COMMANDS = (
    ("status", "--json"),
    ("why", "little/ahu/supply"),
    ("check", "little", "--connect"),
)


@asynccontextmanager
async def threaded(server):
    """A server that is started and stopped in a thread."""
    await asyncio.to_thread(server.__enter__)
    try:
        yield server
    finally:
        await asyncio.to_thread(server.__exit__, None, None, None)


def write(folder, broker="mqtt://127.0.0.1:1", ahu="opc.tcp://127.0.0.1:1"):
    devices = DEVICES.format(broker=broker, ahu=ahu, lamp=free_port())
    write_district(folder, devices, counter=COUNTER, ahu=AHU, lamp=LAMP)


def trusting(folder, server):
    """Have a certificate of ours, and trust a server's by putting it into the folder of those."""
    assert barrio("certs", "opcua", "--data", "data", cwd=folder).returncode == 0
    trusted = folder / "data" / "connectors" / "opcua" / "trusted"
    trusted.mkdir(exist_ok=True)
    (trusted / "bms.der").write_bytes(server.certificate.public_bytes(DER))


def forms(secret: bytes) -> set[bytes]:
    """A secret, and what else would give it away."""
    return {secret, secret.hex().encode(), base64.b64encode(secret).rstrip(b"="), secret[::-1]}


async def everything(one: Barrio) -> dict[str, bytes]:
    """Return all that the platform has said and written, by where."""
    found = {str(path): path.read_bytes() for path in one.folder.rglob("*") if path.is_file()}
    async with httpx.AsyncClient(
        base_url=one.url, trust_env=False, timeout=20, headers=one.shown()
    ) as client:
        for path in (*(f"/api/v1/{path}" for path in PATHS), "/metrics", "/openapi.json"):
            found[path] = (await client.get(path)).content
    for words in COMMANDS:
        done = await one.say(*words)
        found[" ".join(words)] = f"{done.stdout}{done.stderr}".encode()
    return found


def test_every_secret_that_is_not_set_is_named(tmp_path):
    """One line each, with the place that asks for it; nothing is begun."""
    write(tmp_path)
    done = barrio("run", "little", "--data", "data", "--listen", "127.0.0.1:0", cwd=tmp_path)

    assert done.returncode == 2
    assert done.stdout == ""
    assert [line.split(" secret ")[0] for line in done.stderr.splitlines()] == [
        "little/devices.yaml:2: counter.options.password:",
        "little/devices.yaml:3: ahu.options.password:",
        "little/devices.yaml:4: lamp.options.oscore.secret:",
    ]
    assert all(f"set BARRIO_SECRET_{name}" in done.stderr for name in ("BROKER", "BMS", "LAMP"))
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("secret", [b"no such thing"])
def test_a_secret_is_recognised_in_any_form(secret):
    """What this test looks for would be found."""
    assert {b"no such thing", b"6e6f2073756368207468696e67"} <= forms(secret)


async def test_no_secret_is_ever_seen(tmp_path):
    """Neither one that is right, nor one that was refused, is in logs, answers, words of errors, or files."""
    (tmp_path / "broker").mkdir()
    elsewhere = tmp_path / "little-one"
    elsewhere.mkdir()
    server = identity()
    bms = SecureBms({"Supply": ua.Variant(21.5, ua.VariantType.Double)}, server)
    with Mosquitto(tmp_path / "broker", password=True) as broker:
        async with threaded(bms):
            write(elsewhere, broker.url, bms.endpoint)
            await asyncio.to_thread(trusting, elsewhere, server)
            async with running(elsewhere, **GIVEN) as one:

                async def links():
                    return {link["protocol"]: link for link in (await one.get("/api/v1/status"))["links"]}

                async def refused():
                    return "BadUserAccessDenied" in (await links())["opcua"]["words"]

                async def counted():
                    await broker.say("city/counter/people", "5")
                    return await one.past("counter/people")

                await one.until(refused)
                await one.until(counted)
                said = await everything(one)
                assert await one.stop() == 0
                said |= {str(path): path.read_bytes() for path in elsewhere.rglob("*") if path.is_file()}

    secrets = [PASSWORD.encode(), GUESS.encode(), OSCORE.encode(), bytes.fromhex(OSCORE)]
    seen = {
        (where, form)
        for where, text in said.items()
        for secret in secrets
        for form in forms(secret)
        if form in text
    }
    assert seen == set()
    assert any(where.endswith("notes.sqlite") for where in said)
    assert b"ahu" in said["status --json"]
