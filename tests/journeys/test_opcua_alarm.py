"""An alarm of an OPC UA server: seen here, acknowledged from here, over there."""

import asyncio
from contextlib import asynccontextmanager

import httpx
from asyncua import ua

from tests.connectors.opcua.plants import Plant
from tests.connectors.opcua.servers import URI
from tests.journeys.running import running, write_district

DEVICES = """\
devices:
  - {{id: boiler, profile: boiler, site: house, endpoint: "{endpoint}"}}
"""
PROFILE = f"""\
profile: boiler
protocol: opcua
kind: Boiler
options: {{namespace: "{URI}", insecure: "a cable on the bench", publishing: 100ms, events: true}}
points:
  level: {{quantity: tank_level, node: "s=Level", unit: mm}}
"""


@asynccontextmanager
async def boiler():
    """A server whose boiler has an alarm."""
    plant = Plant({"Level": ua.Variant(5.0, ua.VariantType.Double)})
    await asyncio.to_thread(plant.__enter__)
    try:
        yield plant
    finally:
        await asyncio.to_thread(plant.__exit__)


async def conditions(one):
    return (await one.get("/api/v1/conditions"))["conditions"]


async def refusal(one, number, **headers):
    """Return the status of an acknowledgement with these headers."""
    async with httpx.AsyncClient(base_url=one.url, trust_env=False, headers=headers) as client:
        answer = await client.post(f"/api/v1/conditions/{number}/acknowledge", json={"who": "mallory"})
    return answer.status_code


async def test_an_alarm_is_seen_acknowledged_and_over(tmp_path):
    """The server hears of the acknowledgement once, by who may; the alarm leaves the list when it is over."""
    async with boiler() as plant:
        write_district(tmp_path, DEVICES.format(endpoint=plant.endpoint), boiler=PROFILE)
        async with running(tmp_path) as one:

            async def up():
                return (await one.link())["up"]

            async def standing():
                return await conditions(one)

            async def over():
                return not await conditions(one)

            await one.until(up)
            await asyncio.to_thread(plant.raise_alarm, "too hot", 800)
            await one.until(standing)
            (alarm,) = await conditions(one)
            shown = await one.say("conditions")
            strange = [
                await refusal(one, alarm["id"]),
                await refusal(one, alarm["id"], authorization="Bearer no"),
            ]
            before = list(plant.acknowledged)
            done = await one.say("acknowledge", str(alarm["id"]), "--who", "ana", "--comment", "on my way")
            after = [text for _, text in plant.acknowledged]
            await asyncio.to_thread(plant.raise_alarm, "cool again", 100, active=False, acked=True)
            await one.until(over)
            events = await one.say("events")

    assert (alarm["device"], alarm["words"], alarm["severity"]) == ("little/boiler", "too hot", 800)
    assert (alarm["active"], alarm["acknowledged"]) == (True, False)
    assert "active, not acknowledged" in shown.stdout
    assert strange == [404, 401]
    assert before == []
    assert done.returncode == 0, done.stderr
    assert done.stdout == "acknowledged: little/boiler: too hot\n"
    assert after == ["ana: on my way"]
    assert [line for line in events.stdout.splitlines() if "too hot" in line or "cool again" in line]
