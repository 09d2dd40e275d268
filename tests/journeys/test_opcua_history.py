"""OPC UA with history: what changed while nobody listened is in the store afterwards, and no gap is left."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from asyncua import ua

from connectors.conformance.proxy import TcpProxy
from tests.connectors.opcua.plants import Historian
from tests.connectors.opcua.servers import URI
from tests.journeys.running import running, write_district

DEVICES = """\
devices:
  - {{id: tank, profile: tank, site: house, endpoint: "opc.tcp://127.0.0.1:{port}/bms"}}
"""
PROFILE = f"""\
profile: tank
protocol: opcua
kind: WaterTank
poll: 50ms
options: {{namespace: "{URI}", insecure: "a cable on the bench", publishing: 100ms, keep_alive: 1s, queue_size: 1000}}
points:
  level: {{quantity: tank_level, node: "s=Level", unit: mm, dead_band: 0}}
"""


def level(number):
    return ua.Variant(float(number), ua.VariantType.Double)


@asynccontextmanager
async def historian():
    """A server that remembers."""
    server = Historian({"Level": level(0)})
    await asyncio.to_thread(server.__enter__)
    try:
        yield server
    finally:
        await asyncio.to_thread(server.__exit__)


async def count_up(server, first, last, each_s):
    """Write each number once, with a time of its own."""
    for number in range(first, last + 1):
        await asyncio.to_thread(server.write, "Level", level(number), source=datetime.now(UTC))
        await asyncio.sleep(each_s)


async def heard(one, number):
    """Return when a number is the newest that is known."""

    async def known():
        return (await one.get("/api/v1/points/little/tank/level/latest"))["value"] == number / 1000

    await one.until(known)


async def filled(one, reason):
    """Return the gaps of a reason once one of them is filled."""
    found: list[dict[str, Any]] = []

    async def so():
        gaps = (await one.get("/api/v1/gaps", point="little/tank/level"))["gaps"]
        found[:] = [gap for gap in gaps if gap["reason"] == reason]
        return any(gap["filled"] for gap in found)

    await one.until(so)
    return found


async def test_nothing_is_missing_after_a_cut_and_after_a_restart(tmp_path):
    """Every value is stored exactly once, what was missed is marked, and the ledger calls both gaps filled."""
    async with historian() as server, TcpProxy(server.port) as proxy:
        write_district(tmp_path, DEVICES.format(port=proxy.port), tank=PROFILE)
        async with running(tmp_path) as one:
            await heard(one, 0)
            await count_up(server, 1, 20, 0.03)
            await heard(one, 20)
            await proxy.refuse()
            await count_up(server, 21, 50, 0.06)
            await proxy.allow()
            cut = await filled(one, "link_down")
            await count_up(server, 51, 60, 0.03)
            await heard(one, 60)
            assert await one.stop() == 0
            await count_up(server, 61, 90, 0.06)
            await one.start()
            stopped = await filled(one, "platform_stopped")
            await count_up(server, 91, 100, 0.03)
            await heard(one, 100)
            words = await one.say("gaps")

            async def stored():
                return {value for value, *_ in await one.past("tank/level")} >= {0.1}

            await one.until(stored)
            rows = await one.past("tank/level")

    times = Counter(round(value * 1000) for value, *_ in rows)
    missed = {round(value * 1000) for value, quality, _ in rows if quality == "backfilled"}
    assert times == Counter(range(101))
    assert set(range(22, 50)) | set(range(62, 90)) <= missed
    assert not missed & {*range(1, 20), *range(52, 60), *range(92, 101)}
    assert [gap["filled"] for gap in cut] == [True]
    assert [gap["filled"] for gap in stopped] == [True]
    for reason in ("link_down", "platform_stopped"):
        (line,) = (line for line in words.stdout.splitlines() if reason in line)
        assert line.endswith("(filled from the device's history)")
