import asyncio
import socket

import numpy as np
import pytest

from barrio.simulator.addresses import mapping, rewritten
from barrio.simulator.field import Field
from barrio.simulator.plain import plain
from connectors.conformance.recording import RecordingSink
from connectors.home import Home
from connectors.registry import Connectors
from twin.errors import StartError
from twin.model.bound import BoundDevice, BoundPoint
from twin.model.district import Device, Point
from twin.model.quantities import Aggregation

START_S = 1_790_000_000.0


class Gathering(RecordingSink):
    """A sink that keeps the last value and quality of each point."""

    def __init__(self):
        super().__init__()
        self.values = {}
        self.troubles = []

    def now_ns(self):
        return 1

    def offer(self, frame):
        quality = np.zeros(len(frame.ids), np.uint8) if frame.quality is None else frame.quality
        for index, (point, value) in enumerate(zip(frame.ids.tolist(), frame.values.tolist(), strict=True)):
            if quality[index] == 0:
                self.values[point] = value
            else:
                self.troubles.append((point, int(quality[index]), frame.details.get(index)))
        return True

    async def submit(self, frame):
        self.offer(frame)

    async def commit(self, frame):
        self.offer(frame)

    def silent(self, ids, reason, words):
        self.troubles.append((ids.tolist(), reason, words))


def bind(district):
    """Return the devices bound, with the names of all states by id and each point by its id."""
    names = sorted({name for _, point in district.points() for name in point.states.values()})
    numbers = {name: index for index, name in enumerate(names)}
    points: dict[int, tuple[Device, Point]] = {}
    devices = []
    for device in district.devices.values():
        bound = []
        for point in device.points.values():
            states = {code: numbers[name] for code, name in point.states.items()}
            bound.append(BoundPoint(len(points), point, states))
            points[len(points)] = (device, point)
        devices.append(BoundDevice(device, tuple(bound)))
    return devices, points, names


async def read_all(district, wanted, within_s=25.0):
    """Read with the real connectors until every point was heard, or the time is over."""
    devices, points, names = bind(district)
    sink, connectors = Gathering(), Connectors()
    tasks = [
        asyncio.create_task(link.run(sink))
        for name in {bound.device.protocol for bound in devices}
        for link in connectors[name].links(
            [bound for bound in devices if bound.device.protocol == name], Home()
        )
    ]
    for _ in range(round(within_s / 0.1)):
        if len(sink.values) >= wanted:
            break
        await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return sink, points, names


def differences(field, sink, points, names):
    """Yield what was read other than simulated, with what the field said."""
    for number, value in sink.values.items():
        device, point = points[number]
        simulated = field.desk.world.value(device, point)
        if point.quantity.aggregation is Aggregation.STATE:
            if names[int(value)] != simulated:
                yield point.path, names[int(value)], simulated
        elif abs(value * point.scale + point.offset - simulated) > 0.51 * abs(point.scale) + 1e-6 * abs(
            simulated
        ):
            yield point.path, value * point.scale + point.offset, simulated


async def test_every_point_of_the_demo_is_read_as_simulated(maderas, base_port):
    """Each of the points, over its own protocol, by the connectors, decodes to the value of the world."""
    async with Field(maderas, base_port=base_port, speed=0.0, start_s=START_S) as field:
        served = plain(rewritten(maderas, field.endpoints))
        sink, points, names = await read_all(served, sum(1 for _ in maderas.points()))

    assert sink.troubles == []
    assert len(sink.values) == len(points)
    assert list(differences(field, sink, points, names)) == []


async def test_the_values_move_while_time_runs(small, base_port):
    """With time running fast, what devices show an hour of simulated time later is something else."""
    async with Field(small, base_port=base_port, speed=3_600.0, start_s=START_S) as field:
        tank = small.devices["tank"]
        first = field.desk.world.value(tank, tank.points["inlet_flow"]), field.desk.world.time_s
        await asyncio.sleep(1.2)
        later = field.desk.world.value(tank, tank.points["outlet_flow"]), field.desk.world.time_s

    assert later[1] > first[1] + 1_800
    assert later[0] != first[0]


@pytest.mark.parametrize(("kind", "offset"), [(socket.SOCK_STREAM, 0), (socket.SOCK_DGRAM, 1)])
async def test_a_taken_port_is_named_and_nothing_stays(small, base_port, kind, offset):
    """A port that somebody else has stops the start with one line; the other ports are free again."""
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", base_port + offset))
        if kind == socket.SOCK_STREAM:
            other.listen()
        with pytest.raises(StartError, match=f"port {base_port + offset} on 127.0.0.1 cannot be had"):
            await Field(small, base_port=base_port).start()

    async with Field(small, base_port=base_port):
        pass


async def test_ready_is_called_when_all_listen(small, base_port):
    """run() says once that it serves, and ends by cancellation."""
    said = asyncio.Event()
    task = asyncio.create_task(Field(small, base_port=base_port).run(said.set))
    await asyncio.wait_for(said.wait(), 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert len(mapping(small, base_port)) == 4


def test_time_does_not_run_backwards(small):
    """A negative speed is refused before anything starts."""
    with pytest.raises(ValueError, match="backwards"):
        Field(small, base_port=23_000, speed=-1)
