"""The whole field of a district: its world, a server for each network peer, and the faults that it was told to show."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Self

from barrio.simulator import addresses
from barrio.simulator.behaviour import TANKS, kind_of_device
from barrio.simulator.desk import Desk
from barrio.simulator.faults import RESTART_TAKES_S, Fault, Kind
from barrio.simulator.supplier import FILLED_IN_S, Supplier
from barrio.simulator.tanks import Tanks
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
_SPOKEN = frozenset({"modbus", "opcua"})


class Field:
    """Serves every device of a district on loopback, derived from its files alone.

    `endpoints` says where: peers as written to (host, port). `speed` is how many simulated seconds pass in one real
    second; 0 lets time stand still. `start_s` is the simulated time at the start (seconds since 1970 UTC), the
    clock's own when left out; the same seed and start give the same values at the same simulated time. The devices in
    `absent` are not simulated: nobody answers at their port.
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
        self.tanks = Tanks(self.desk.world, self.desk.faults, speed)
        self.absent = tuple(device for device in district.devices.values() if _kind_of(device) is None)
        port = addresses.supplier_port(district, base_port)
        self.supplier = None if port is None else Supplier(host, port, self._deliver)
        self._servers = _servers(district, self.endpoints, self.desk)
        self._tasks: list[asyncio.Task[None]] = []
        self._started: list[Server] = []

    @property
    def remark(self) -> str:
        """One line about the devices that are not simulated, empty when all of them are."""
        if not self.absent:
            return ""
        kinds = Counter(device.endpoint.scheme for device in self.absent)
        said = ", ".join(f"{count} {scheme}" for scheme, count in sorted(kinds.items()))
        return f"{self.district.id}: {said} not simulated: {', '.join(one.id for one in self.absent[:5])}" + (
            " …" if len(self.absent) > 5 else ""
        )

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
                if self.supplier is not None:
                    group.create_task(self.supplier.start())
        except* StartError as found:
            await self.stop()
            raise StartError(_first(found)) from None
        self._born_s = self._clock.monotonic_s()
        self._tasks = [asyncio.create_task(self._pass_time(), name="field.time")]
        for fault in self.desk.faults:
            if fault.kind is Kind.RESTART:
                restarted = self._servers.get(self.district.devices[fault.device].endpoint.peer)
                if restarted is not None:
                    self._tasks.append(
                        asyncio.create_task(self._restart(restarted, fault), name="field.restart")
                    )

    async def stop(self) -> None:
        """Stop time and every server; bounded."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        started, self._started = self._started, []
        stops = [server.stop() for server in started]
        if self.supplier is not None:
            stops.append(self.supplier.stop())
        if stops:
            await asyncio.wait([asyncio.create_task(stop) for stop in stops], timeout=_STOP_WITHIN_S)

    async def tick(self) -> None:
        """Bring the world to now and tell whoever wants to be told; called twice a second."""
        self.desk.elapsed_s = self._clock.monotonic_s() - self._born_s
        self.tanks.step(self.desk.elapsed_s)
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

    def _deliver(self, device: str, fill_to: float) -> None:
        """Take a lorry that has arrived; one that finds no tank goes home."""
        found = self.district.devices.get(device)
        if found is not None and kind_of_device(found) in TANKS:
            self.tanks.deliver(device, fill_to, FILLED_IN_S, self.desk.elapsed_s)

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
        if _kind_of(device) is not None:
            behind.setdefault(device.endpoint.peer, []).append(device)
    return {peer: _server(devices, desk, *places[peer]) for peer, devices in behind.items()}


def _kind_of(device: Device) -> str | None:
    """Return what stands in for a device; None for what needs a broker, or pushes with a secret that is not ours."""
    if device.protocol != "coap":
        return device.protocol if device.protocol in _SPOKEN else None
    from connectors.coap.config import options_of

    if device.endpoint.scheme == "coap":
        return "coap"
    return (
        "pushing" if device.endpoint.scheme == "coap+listen" and options_of(device).oscore is None else None
    )


def _server(devices: Sequence[Device], desk: Desk, host: str, port: int) -> Server:
    """Return the server for a peer; the libraries are imported when a district needs them."""
    match _kind_of(devices[0]):
        case "modbus":
            from barrio.simulator.modbus import ModbusServer

            return ModbusServer(devices, desk, host, port)
        case "opcua":
            from barrio.simulator.opcua import OpcUaServer

            return OpcUaServer(devices, desk, host, port)
        case "coap":
            from barrio.simulator.coap import CoapServer

            return CoapServer(devices, desk, host, port)
        case _:
            from barrio.simulator.pushing import CoapPushers

            return CoapPushers(devices, desk, host, port)


def _first(found: BaseExceptionGroup[StartError]) -> str:
    error: BaseException = found
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error)
