"""Devices that push over CoAP: what was acknowledged is kept, whatever happens to the process."""

import json
import time
from contextlib import asynccontextmanager

import aiocoap

from connectors.coap import exchange
from connectors.coap.line import line_to
from tests.journeys.running import running, write_district
from tests.servers import LOOPBACK, free_port

SENML_JSON = 110
DEVICES = """\
devices:
  - {{id: bin-003, profile: bin, site: house, endpoint: "coap+listen://127.0.0.1:{port}/bin-003"}}
"""
PROFILE = """\
profile: bin
protocol: coap
kind: WasteContainer
points:
  level: {quantity: waste_level_ratio, name: level, unit: "1", dead_band: 0}
"""


@asynccontextmanager
async def field(folder, **variables):
    """A platform that listens; yields it and what posts a pack to it."""
    port = free_port()
    write_district(folder, DEVICES.format(port=port), bin=PROFILE)

    async def post(*records, name="bin-003"):
        message = exchange.request(f"/readings?ep={name}", LOOPBACK, aiocoap.POST)
        message.payload = json.dumps(records).encode()
        message.opt.content_format = SENML_JSON
        async with line_to(LOOPBACK, port) as line:
            return await exchange.ask(line, message, 20)

    async with running(folder, **variables) as one:

        async def up():
            return (await one.link())["up"]

        await one.until(up)
        yield one, post


async def percents(one):
    return [round(value) for value, *_ in await one.past("bin-003/level")]


async def test_what_was_acknowledged_survives_a_kill(tmp_path):
    """Killed right after 2.04, the platform has each acknowledged reading when it is back; strangers are listed."""
    async with field(tmp_path) as (one, post):
        answers = [await post({"n": "level", "v": number / 10}) for number in range(3)]
        stranger = await post({"n": "level", "v": 0.9}, name="bin-666")
        status = await one.say("status")
        last = await post({"n": "level", "v": 0.7})
        one.kill()
        await one.start()

        async def stored():
            return 70 in await percents(one)

        await one.until(stored)
        rows = await percents(one)

    assert [answer.code for answer in (*answers, last)] == [aiocoap.CHANGED] * 4
    assert stranger.code in {aiocoap.UNAUTHORIZED, aiocoap.FORBIDDEN}
    assert "bin-666" in next(line for line in status.stdout.splitlines() if line.startswith("unknown"))
    assert sorted(rows) == [0, 10, 20, 70]


async def test_a_full_buffer_is_said_to_the_device(tmp_path):
    """While nothing fits into the spool the device is told when to come again; what got 2.04 is kept, no more."""
    store = f"http://{LOOPBACK}:{free_port()}"
    async with field(tmp_path, BARRIO_SPOOL_BYTES="1000000", BARRIO_STORE=store) as (one, post):
        now = round(time.time())
        taken, code = 0, aiocoap.CHANGED
        for number in range(60):
            pack = ({"n": "level", "v": at / 2000, "t": now - 1000 * number - at} for at in range(1000))
            answer = await post(*pack)
            code = answer.code
            if code != aiocoap.CHANGED:
                break
            taken += 1
        status = (await one.get("/api/v1/status"))["alarms"]

    assert taken > 2
    assert code == aiocoap.SERVICE_UNAVAILABLE
    assert answer.opt.max_age > 0
    assert {"store away", "spool refuses"} <= {alarm["kind"] for alarm in status}
