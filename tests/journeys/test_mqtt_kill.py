"""MQTT with QoS 1: what the broker was given is in the store, though the platform was killed meanwhile."""

import json
import time

from tests.connectors.mqtt.broker import Mosquitto
from tests.journeys.running import running, write_district

MESSAGES = 1_000
DEVICES = """\
devices:
  - {{id: counter, profile: counter, site: house, endpoint: "{url}/city/counter"}}
"""
PROFILE = """\
profile: counter
protocol: mqtt
kind: PeopleCounter
points:
  people: {quantity: pedestrian_count, topic: people, key: count, time: at, time_format: ms, dead_band: 0}
"""


async def test_killed_while_messages_flow(tmp_path):
    """Each of a thousand messages is in the store once, whenever it came; nothing else is."""
    broker_folder = tmp_path / "broker"
    broker_folder.mkdir()
    begun = round(time.time() * 1000) - MESSAGES
    with Mosquitto(broker_folder) as broker:
        write_district(tmp_path, DEVICES.format(url=broker.url), counter=PROFILE)
        async with running(tmp_path) as one:

            async def up():
                return (await one.link())["up"]

            async def publish():
                async with broker.client() as client:
                    for number in range(MESSAGES):
                        payload = json.dumps({"count": number, "at": begun + number})
                        await client.publish("city/counter/people", payload, qos=1)
                        if number == MESSAGES // 2:
                            one.kill()

            async def all_stored():
                return len(await one.past("counter/people")) == MESSAGES

            await one.until(up)
            await publish()
            await one.start()
            await one.until(all_stored)
            rows = await one.past("counter/people")
            status = await one.get("/api/v1/status")

    assert [value for value, *_ in rows] == [float(number) for number in range(MESSAGES)]
    assert status["balanced"]
    assert MESSAGES // 3 < status["readings"]["received"] < MESSAGES
