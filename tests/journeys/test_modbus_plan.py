"""A Modbus device that refuses a register: learned once, remembered over a restart; and a device that is away."""

import re
import struct

from connectors.conformance.proxy import TcpProxy
from tests.connectors.modbus.bank import ILLEGAL_ADDRESS, Bank, over_tcp
from tests.journeys.running import running, write_district

MISSING = 7
DEVICES = """\
devices:
  - {{id: meter, profile: meter, site: house, endpoint: "modbus+tcp://127.0.0.1:{port}/1"}}
"""
PROFILE = """\
profile: meter
protocol: modbus
kind: EnergyMeter
poll: 200ms
options: {timeout: 1s}
points:
""" + "\n".join(f'  t{at}: {{quantity: air_temperature, register: "holding:{at}"}}' for at in range(16))


class Refusing(Bank):
    """A device without register 7; `quiet` counts the requests since it last refused one."""

    refusals = quiet = 0

    def answer(self, unit, pdu):
        """Refuse what covers it."""
        first, count = struct.unpack_from(">HH", pdu, 1)
        self.quiet += 1
        if first <= MISSING < first + count:
            self.refusals, self.quiet = self.refusals + 1, 0
            return bytes([pdu[0] | 0x80, ILLEGAL_ADDRESS])
        return super().answer(unit, pdu)


def heard(one, points):
    """A question: whether so many points have a value."""

    async def so():
        return (await one.get("/api/v1/status"))["points"]["heard"] == points

    return so


async def test_a_learned_plan_outlives_the_process(tmp_path):
    """The second process asks for what the first found missing not even once, and people can see why."""
    bank = Refusing()
    async with over_tcp(bank) as port:
        write_district(tmp_path, DEVICES.format(port=port), meter=PROFILE)
        async with running(tmp_path) as one:

            async def learned():
                return bank.refusals and bank.quiet > 20

            await one.until(learned)
            first = bank.refusals
            assert await one.stop() == 0
            bank.refusals = 0
            await one.start()
            await one.until(heard(one, 15))
            second = bank.refusals
            explained = await one.say("explain", "modbus", "little/meter")
            why = await one.say("why", f"little/meter/t{MISSING}")

    assert first > 1
    assert second == 0
    assert re.search(rf"t{MISSING} \(holding {MISSING}\).*illegal data address", explained.stdout)
    assert "illegal data address" in why.stdout.splitlines()[-1]


async def test_a_device_that_is_away_is_said_once(tmp_path):
    """However often it is tried, the log has one line when the link drops and one when it is back."""
    async with over_tcp(Bank()) as port, TcpProxy(port) as proxy:
        write_district(tmp_path, DEVICES.format(port=proxy.port), meter=PROFILE)
        async with running(tmp_path) as one:
            await one.until(heard(one, 16))
            dialled = proxy.arrivals
            proxy.silence()

            async def tried():
                return proxy.arrivals >= dialled + 3

            async def up():
                return (await one.link())["up"]

            await one.until(tried)
            down = await one.link()
            proxy.calm()
            await one.until(up)
            said = one.events("link.down", "link.back")

    assert (down["up"], down["drops"]) == (False, 1)
    assert [one["event"] for one in said] == ["link.down", "link.back"]
    assert said[0]["link"] == said[1]["link"] == f"modbus+tcp://127.0.0.1:{proxy.port}"
