"""Each fault, over the real protocol, seen by a plain client of each library."""

import asyncio
import contextlib
import json
import time

import aiocoap
import cbor2
import pytest
from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.status_codes import StatusCodes
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusIOException

from barrio.simulator.faults import parse_faults
from barrio.simulator.field import Field
from tests.moved import MovedClock

START_S = 1_790_000_000.0
TANK, MET, LAMP, BMS = range(4)


@contextlib.asynccontextmanager
async def serving(district, base_port, *faults, clock=None):
    given = parse_faults(faults, district)
    async with Field(
        district, base_port=base_port, speed=60.0, start_s=START_S, faults=given, clock=clock
    ) as field:
        yield field


@contextlib.asynccontextmanager
async def modbus(base_port, timeout_s=1.0):
    client = AsyncModbusTcpClient("127.0.0.1", port=base_port + TANK, timeout=timeout_s, retries=0)
    assert await client.connect()
    try:
        yield client
    finally:
        client.close()


@contextlib.asynccontextmanager
async def coap():
    context = await aiocoap.Context.create_client_context(transports=["udp6"])
    try:
        yield context
    finally:
        await context.shutdown()


async def get(context, port, path):
    request = aiocoap.Message(code=aiocoap.GET, uri=f"coap://127.0.0.1:{port}{path}")
    return await asyncio.wait_for(context.request(request).response, 1.5)


def opcua(base_port):
    return Client(f"opc.tcp://127.0.0.1:{base_port + BMS}")


async def node(client, name):
    index = await client.get_namespace_index("urn:barrio:profiles:bms")
    return client.get_node(ua.NodeId(name, index))


async def test_a_silent_modbus_device_gives_no_answer_and_then_answers_again(small, base_port):
    """The connection stands, nothing comes; after the fault's time the device is back."""
    clock = MovedClock()
    async with (
        serving(small, base_port, "silent:tank+2s", clock=clock) as field,
        modbus(base_port) as client,
    ):
        with pytest.raises(ModbusIOException):
            await client.read_input_registers(0, count=1, device_id=7)
        clock.move(2.1)
        await field.tick()
        async with modbus(base_port) as again:
            answer = await again.read_input_registers(0, count=1, device_id=7)

    assert answer.registers[0] > 0


async def test_a_silent_coap_device_gives_no_answer(small, base_port):
    """Not even an acknowledgement comes, while its neighbour answers."""
    async with serving(small, base_port, "silent:lamp"), coap() as context:
        await asyncio.sleep(0.3)
        with pytest.raises(TimeoutError):
            await get(context, base_port + LAMP, "/driver")
        neighbour = await get(context, base_port + MET, "/weather")

    assert neighbour.code.is_successful()


async def test_a_silent_device_behind_opcua_is_one_that_the_server_cannot_reach(small, base_port):
    """Its nodes are bad with BadNoCommunication, those of its neighbour stay good."""
    async with serving(small, base_port, "silent:room"):
        await asyncio.sleep(0.3)
        async with opcua(base_port) as client:
            mine = await (await node(client, "room.Temperature")).read_data_value(raise_on_bad_status=False)
            other = await (await node(client, "ahu.ReturnTemperature")).read_data_value()

    assert mine.StatusCode.value == StatusCodes.BadNoCommunication
    assert other.StatusCode.is_good()


async def test_a_wrong_value_stands_on_the_wire(small, base_port):
    """The value that was asked for arrives on each protocol, a state by its code too."""
    faults = ("wrong:tank/temperature=999", "wrong:tank/leak=alarm", "wrong:lamp/driver_temperature=-300")
    async with serving(small, base_port, *faults, "wrong:room/co2=77777"):
        await asyncio.sleep(0.8)
        async with modbus(base_port) as client, coap() as context, opcua(base_port) as bms:
            registers = (await client.read_input_registers(9, count=1, device_id=7)).registers
            leak = (await client.read_discrete_inputs(2, count=1, device_id=7)).bits[0]
            driver = float((await get(context, base_port + LAMP, "/driver")).payload)
            co2 = await (await node(bms, "room.Co2")).read_value()

    assert (registers, leak, driver, co2) == ([9_990], True, -300.0, 77_777.0)


@pytest.mark.parametrize("number", ["nan", "inf", "-1e300"])
async def test_a_value_that_no_register_holds_is_the_nearest_that_it_does(small, base_port, number):
    """Nonsense never stops a server: floats carry it, integers show their end."""
    faults = [f"wrong:tank/{name}={number}" for name in ("level", "volume", "inlet_meter")]
    async with serving(small, base_port, *faults, f"wrong:room/people={number}", f"wrong:met/rain={number}"):
        await asyncio.sleep(0.8)
        async with modbus(base_port) as client, coap() as context, opcua(base_port) as bms:
            answer = await client.read_input_registers(0, count=18, device_id=7)
            rain = await get(context, base_port + MET, "/rain")
            people = await (await node(bms, "room.People")).read_value()

    assert not answer.isError()
    assert answer.registers[0] in {0, 0xFFFF}
    assert rain.code.is_successful()
    assert abs(people) == 2**53


async def test_an_exception_is_an_answer_that_is_an_error(small, base_port):
    """Modbus gives exception 4, CoAP 5.00, OPC UA BadDeviceFailure; a point's neighbours stay good."""
    async with serving(small, base_port, "exception:tank", "exception:lamp", "exception:room/co2"):
        await asyncio.sleep(0.8)
        async with modbus(base_port) as client, coap() as context, opcua(base_port) as bms:
            answer = await client.read_input_registers(0, count=1, device_id=7)
            lamp = await get(context, base_port + LAMP, "/lamp")
            co2 = await (await node(bms, "room.Co2")).read_data_value(raise_on_bad_status=False)
            people = await (await node(bms, "room.People")).read_data_value()

    assert answer.isError()
    assert answer.exception_code == 4
    assert lamp.code == aiocoap.INTERNAL_SERVER_ERROR
    assert co2.StatusCode.value == StatusCodes.BadDeviceFailure
    assert people.StatusCode.is_good()


async def test_a_frozen_sensor_does_not_move(small, base_port):
    """The frozen flow stays to the bit while the flow beside it goes on."""
    async with serving(small, base_port, "frozen:tank/outlet_flow"), modbus(base_port) as client:
        await asyncio.sleep(0.6)
        before = (await client.read_input_registers(6, count=10, device_id=7)).registers
        await asyncio.sleep(2.5)
        after = (await client.read_input_registers(6, count=10, device_id=7)).registers

    assert before[:2] == after[:2]
    assert before[2:] != after[2:]


async def test_a_restarted_server_is_away_and_comes_back(small, base_port):
    """Connections break, the port refuses for three seconds, then the server answers again."""
    async with serving(small, base_port, "restart:tank@0.5s"):
        async with modbus(base_port) as client:
            assert not (await client.read_input_registers(0, count=1, device_id=7)).isError()
            await asyncio.sleep(1.2)
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", base_port)
        await asyncio.sleep(2.8)
        async with modbus(base_port) as again:
            answer = await again.read_input_registers(0, count=1, device_id=7)

    assert not answer.isError()


async def test_a_restarted_opcua_server_forgets_its_sessions(small, base_port):
    """After the restart a new session reads again."""
    async with serving(small, base_port, "restart:ahu@0.2s+0.5s"):
        await asyncio.sleep(1.8)
        async with opcua(base_port) as client:
            value = await (await node(client, "ahu.ReturnTemperature")).read_value()

    assert 15.0 < value < 35.0


async def test_unknown_registers_units_and_functions_are_refused(small, base_port):
    """What the profile does not map is exception 2, another unit 11, another function 1, too many registers 3."""
    async with serving(small, base_port), modbus(base_port) as client:
        codes = [
            (await client.read_input_registers(500, count=1, device_id=7)).exception_code,
            (await client.read_input_registers(0, count=1, device_id=9)).exception_code,
            (await client.mask_write_register(address=0, device_id=7)).exception_code,
            (await client.write_register(4, 1, device_id=7)).exception_code,
        ]

    assert codes == [2, 11, 1, 2]


async def test_a_reserved_hole_reads_as_zero(small, base_port):
    """Registers between two points that a block read bridges are zero, as on real devices."""
    async with serving(small, base_port), modbus(base_port) as client:
        registers = (await client.read_input_registers(0, count=22, device_id=7)).registers

    assert registers[1] == registers[13] == 0


async def test_a_modbus_command_is_kept_and_limits_are_held(small, base_port):
    """A coil and a set point stay as written; a set point out of range is exception 3."""
    async with serving(small, base_port), modbus(base_port) as client:
        await client.write_coil(0, value=True, device_id=7)
        await client.write_register(0, 420, device_id=7)
        refused = await client.write_register(0, 9_000, device_id=7)
        await asyncio.sleep(1.0)
        coil = (await client.read_coils(0, count=1, device_id=7)).bits[0]
        setpoint = (await client.read_holding_registers(0, count=1, device_id=7)).registers

    assert (coil, setpoint, refused.exception_code) == (True, [420], 3)


async def test_a_coap_command_dims_the_lamp(small, base_port):
    """A PUT is kept and the lamp's power follows; nonsense is 4.00."""
    async with serving(small, base_port), coap() as context:
        uri = f"coap://127.0.0.1:{base_port + LAMP}/lamp"
        put = aiocoap.Message(
            code=aiocoap.PUT, uri=uri, payload=b'{"on": true, "level": 40}', content_format=50
        )
        changed = await context.request(put).response
        wrong = aiocoap.Message(code=aiocoap.PUT, uri=uri, payload=b'{"level": 400}', content_format=50)
        refused = await context.request(wrong).response
        await asyncio.sleep(1.2)
        lamp = json.loads((await get(context, base_port + LAMP, "/lamp")).payload)
        meter = cbor2.loads((await get(context, base_port + LAMP, "/meter")).payload)

    assert (changed.code, refused.code) == (aiocoap.CHANGED, aiocoap.BAD_REQUEST)
    assert lamp == {"on": True, "level": 40.0}
    assert 40.0 < meter["power"] < 48.0


async def test_an_opcua_command_is_kept(small, base_port):
    """A written set point stays; one that the device does not take is written over."""
    async with serving(small, base_port), opcua(base_port) as client:
        setpoint = await node(client, "room.Setpoint")
        await setpoint.write_value(24.5)
        await asyncio.sleep(1.2)
        kept = await setpoint.read_value()
        await setpoint.write_value(90.0)
        await asyncio.sleep(1.2)
        refused = await setpoint.read_value()

    assert (kept, refused) == (24.5, 24.5)


async def test_opcua_values_carry_the_time_of_their_change(small, base_port):
    """A value's source time is when it changed, not when it is asked."""
    async with serving(small, base_port), opcua(base_port) as client:
        await asyncio.sleep(0.7)
        found = await (await node(client, "room.Temperature")).read_data_value()

    assert abs(found.SourceTimestamp.timestamp() - time.time()) < 5.0


async def test_an_observer_is_told_of_changes(small, base_port):
    """An observed resource notifies by itself, with rising numbers and a Max-Age."""
    async with serving(small, base_port), coap() as context:
        uri = f"coap://127.0.0.1:{base_port + MET}/wind"
        request = context.request(aiocoap.Message(code=aiocoap.GET, uri=uri, observe=0))
        first = await asyncio.wait_for(request.response, 2)
        second = await asyncio.wait_for(anext(aiter(request.observation)), 6)
        request.observation.cancel()

    assert first.opt.max_age == second.opt.max_age == 30
    assert second.opt.observe > first.opt.observe
    assert {record["n"] for record in json.loads(second.payload)} == {"speed", "gust", "direction"}
