"""Commands to a Modbus device, from the command line through the real platform: a lease, a kill in the middle."""

import asyncio
import json
import struct

from tests.connectors.modbus.bank import Bank, over_tcp
from tests.journeys.running import running, write_district

DEVICES = """\
devices:
  - {{id: pump, profile: pump, site: house, endpoint: "modbus+tcp://127.0.0.1:{port}/1"}}
"""
PROFILE = """\
profile: pump
protocol: modbus
kind: Pump
poll: 200ms
options: {timeout: 1s}
points:
  pressure:
    {quantity: water_pressure, register: "holding:1", scale: 0.1, unit: kPa, minimum: 0, maximum: 500, writable: true}
  run: {quantity: pump_state, register: "coil:0", states: {0: "off", 1: "on"}, writable: true}
  level: {quantity: level_ratio, register: "holding:2", scale: 0.1, unit: "%"}
"""
RULES = """\
commands:
  - id: pressure
    on: pump
    point: pressure
    maximum: 400 kPa
    read_back: {within: 5s, tolerance: 0.1 kPa}
  - id: run
    on: pump
    point: run
    confirm: {within: 60s}
    interlocks: [{must: level > 10 %, because: it must not run dry, to: ["on"]}]
"""
PRESSURE = "little/pump/pressure"


def district(folder, port):
    write_district(folder, DEVICES.format(port=port), pump=PROFILE)
    (folder / "little" / "commands.yaml").write_text(RULES)


def heard(one, path=PRESSURE):
    """A question: whether a point has a value."""

    async def so():
        return (await one.get(f"/api/v1/points/{path}/latest"))["value"] is not None

    return so


def written(bank):
    """Values that registers were given, in order."""
    return [struct.unpack(">H", pdu[3:5])[0] for pdu in bank.writes if pdu[0] == 6]


async def test_a_lease_from_the_command_line(tmp_path):
    """The register holds the value, then what it held before; the log says who, why and what, and is sound."""
    bank = Bank(registers=[0, 3_000, 500, *[0] * 97])
    async with over_tcp(bank) as port:
        district(tmp_path, port)
        async with running(tmp_path) as one:
            await one.until(heard(one))
            asked = await one.say(
                "command", PRESSURE, "2.5 bar", "--for", "2s", "--why", "test", "--who", "ana", "--json"
            )
            assert asked.returncode == 0, asked.stderr
            body = json.loads(asked.stdout)
            assert (body["state"], body["value"], body["before"], body["read_back"]) == (
                "confirmed",
                250.0,
                300.0,
                250.0,
            )

            async def back():
                return bank.registers[1] == 3_000 and not (await one.get("/api/v1/desired"))["desired"]

            await one.until(back)
            high = await one.say("command", PRESSURE, "450")
            verified = await one.say("audit", "verify")
            shown = await one.say("audit", "show")
            assert await one.stop() == 0
            at_rest = await one.say("audit", "verify")
            listed = await one.say("commands")

    assert written(bank) == [2_500, 3_000]
    assert (high.returncode, "takes 0 kPa to 400 kPa, found 450 kPa" in high.stderr) == (2, True)
    assert verified.stdout.startswith("sound: ")
    assert at_rest.stdout.startswith("sound: ")
    assert "why: test" in shown.stdout
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["id", "3", "2", "1"]


async def test_two_steps_and_an_interlock(tmp_path):
    """The pump runs once somebody confirms, and not while its tank is empty."""
    bank = Bank(registers=[0, 3_000, 500, *[0] * 97])
    async with over_tcp(bank) as port:
        district(tmp_path, port)
        async with running(tmp_path) as one:
            await one.until(heard(one, "little/pump/level"))
            prepared = json.loads((await one.say("command", "little/pump/run", "on", "--json")).stdout)
            assert (prepared["state"], bank.coils[0]) == ("prepared", 0)
            done = await one.say("confirm", str(prepared["id"]), prepared["code"], "--who", "ben")
            assert (done.returncode, bank.coils[0]) == (0, 1)
            bank.registers[2] = 50

            async def empty():
                return (await one.get("/api/v1/points/little/pump/level/latest"))["value"] == 5.0

            await one.until(empty)
            dry = await one.say("command", "little/pump/run", "on")
            off = await one.say("command", "little/pump/run", "off")

    assert "it must not run dry: 'level > 10 %' (pump/level is 5 %) does not hold" in dry.stderr
    assert "to confirm: barrio confirm" in off.stdout


async def test_killed_while_a_device_is_asked(tmp_path):
    """After the restart the command is unknown until the register tells, is not sent again, and its lease ends."""
    bank = Bank(registers=[0, 3_000, 500, *[0] * 97])
    async with over_tcp(bank) as port:
        district(tmp_path, port)
        async with running(tmp_path) as one:
            await one.until(heard(one))
            bank.spoil = lambda _, pdu: None if pdu[0] == 6 else pdu
            asking = await one.get("/api/v1/commands")
            assert asking == {"commands": []}
            work = asyncio.create_task(one.say("command", PRESSURE, "200", "--for", "15s"))
            await asyncio.wait_for(bank.was_written.wait(), 20)
            one.kill()
            await work
            bank.spoil = lambda _, pdu: pdu
            await one.start()

            async def told():
                [command] = (await one.get("/api/v1/commands", point=PRESSURE))["commands"]
                return command["state"] == "confirmed"

            await one.until(told)
            assert written(bank) == [2_000]

            async def back():
                return bank.registers[1] == 3_000

            await one.until(back)
            entries = (await one.get("/api/v1/audit"))["entries"]
            verdict = await one.get("/api/v1/audit/verify")

    steps = [entry["step"] for entry in reversed(entries) if entry.get("id") == 1]
    assert steps == ["accepted", "sending", "interrupted", "confirmed", "ended"]
    assert verdict["sound"]
    assert written(bank) == [2_000, 3_000]
