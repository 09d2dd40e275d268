"""The whole field of a district: its world, a server for each network peer, and the faults that it was told to show."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from barrio.simulator import addresses
from barrio.simulator.desk import Desk
from barrio.simulator.faults import RESTART_TAKES_S, Fault, Kind
from barrio.simulator.world import World
from twin.clock import SystemClock
from twin.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from barrio.simulator.server import Server
    from twin.clock import Clock
    from twin.model.district import Device, District

TICK_S = 0.5
_STOP_WITHIN_S = 1.5


class Field:
    """Serves every device of a district on loopback, derived from its files alone.

    `endpoints` says where: peers as written to (host, port). `speed` is how many simulated seconds pass in one real
    second; 0 lets time stand still. `start_s` is the simulated time at the start (seconds since 1970 UTC), the
    clock's own when left out; the same seed and start give the same values at the same simulated time.
    """

    def __init__(
        self,
        district: District,
        *,
        base_port: int,
        host: str = "127.0.0.1",
        seed: int = 1,
        speed: float = 1.0,
        faults: Sequence[Fault] = (),
        clock: Clock | None = None,
        start_s: float | None = None,
    ) -> None:
        if speed < 0:
            raise ValueError(f"time cannot run backwards, found speed {speed}")
        self.district = district
        self.endpoints = addresses.mapping(district, base_port, host)
        self._clock: Clock = clock or SystemClock()
        self._speed = speed
        self._start_s = self._clock.now_ns() / 1e9 if start_s is None else start_s
        self._born_s = self._clock.monotonic_s()
        self.desk = Desk(World(district, seed, self._start_s), tuple(faults))
        self._servers = _servers(district, self.endpoints, self.desk)
        self._tasks: list[asyncio.Task[None]] = []
        self._started: list[Server] = []

    async def run(self, ready: Callable[[], None] | None = None) -> None:
        """Serve until cancelled; `ready` is called once, when every server listens."""
        async with self:
            if ready is not None:
                ready()
            await asyncio.gather(*self._tasks)

    async def start(self) -> None:
        """Start every server and the passing of time; StartError when a port is taken, with nothing left behind."""
        try:
            async with asyncio.TaskGroup() as group:
                for server in self._servers.values():
                    group.create_task(self._begin(server))
        except* StartError as found:
            await self.stop()
            raise StartError(_first(found)) from None
        self._born_s = self._clock.monotonic_s()
        self._tasks = [asyncio.create_task(self._pass_time(), name="field.time")]
        for fault in self.desk.faults:
            if fault.kind is Kind.RESTART:
                server = self._servers[self.district.devices[fault.device].endpoint.peer]
                self._tasks.append(asyncio.create_task(self._restart(server, fault), name="field.restart"))

    async def stop(self) -> None:
        """Stop time and every server; bounded."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        started, self._started = self._started, []
        if started:
            await asyncio.wait(
                [asyncio.create_task(server.stop()) for server in started], timeout=_STOP_WITHIN_S
            )

    async def tick(self) -> None:
        """Bring the world to now and tell whoever wants to be told; called twice a second."""
        self.desk.elapsed_s = self._clock.monotonic_s() - self._born_s
        self.desk.world.advance(self._start_s + self._speed * self.desk.elapsed_s)
        for server in self._started:
            await server.publish()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _begin(self, server: Server) -> None:
        await server.start()
        self._started.append(server)

    async def _pass_time(self) -> None:
        while True:
            await self.tick()
            await asyncio.sleep(TICK_S)

    async def _restart(self, server: Server, fault: Fault) -> None:
        await asyncio.sleep(fault.start_s)
        self._started.remove(server)
        await server.stop()
        await asyncio.sleep(fault.end_s - fault.start_s if fault.end_s < float("inf") else RESTART_TAKES_S)
        await self._begin(server)


def _servers(district: District, places: Mapping[str, tuple[str, int]], desk: Desk) -> dict[str, Server]:
    behind: dict[str, list[Device]] = {}
    for device in district.devices.values():
        behind.setdefault(device.endpoint.peer, []).append(device)
    return {peer: _server(devices, desk, *places[peer]) for peer, devices in behind.items()}


def _server(devices: Sequence[Device], desk: Desk, host: str, port: int) -> Server:
    """Return the server for a peer; the libraries are imported when a district needs them."""
    match devices[0].protocol:
        case "modbus":
            from barrio.simulator.modbus import ModbusServer

            return ModbusServer(devices, desk, host, port)
        case "opcua":
            from barrio.simulator.opcua import OpcUaServer

            return OpcUaServer(devices, desk, host, port)
        case "coap":
            from barrio.simulator.coap import CoapServer

            return CoapServer(devices, desk, host, port)
        case other:
            raise StartError(
                f"the simulator does not speak {other!r} ({devices[0].id}), only modbus, opcua and coap"
            )


def _first(found: BaseExceptionGroup[StartError]) -> str:
    error: BaseException = found
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error)
