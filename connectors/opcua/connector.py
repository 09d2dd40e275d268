"""The OPC UA connector: one link per server, one subscription per publishing interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from connectors.opcua.access import Access, Patience
from connectors.opcua.addresses import address_of, method_of, notifiers_of
from connectors.opcua.config import OpcUaOptions, OpcUaPoint
from twin.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from asyncua import ua

    from connectors.abilities import Draft, Outcome, Setting
    from connectors.base import Sink
    from connectors.home import Home
    from connectors.opcua.memory import Memory
    from connectors.opcua.run import Run
    from connectors.opcua.session import Session
    from twin.model.bound import BoundDevice
    from twin.model.district import Device, Point
    from twin.model.protocol import Endpoint


class OpcUaConnector:
    """Protocol `opcua`."""

    name = "opcua"
    schemes: Mapping[str, int] = {"opc.tcp": 4840}
    point_model = OpcUaPoint
    options_model = OpcUaOptions

    def check(self, device: Device) -> Iterator[tuple[str, str]]:
        """Yield options that contradict each other, and addresses that cannot be made out."""
        for option, words in Access.of(cast("OpcUaOptions", device.options)).faults():
            yield f"options.{option}", words
        try:
            notifiers_of(device)
        except ValueError as error:
            yield "options.events", str(error)
        for name, point in device.points.items():
            for key, words in _faults_of(device, point):
                yield f"points.{name}.{key}", words

    def links(self, devices: Sequence[BoundDevice], home: Home) -> list[OpcUaLink]:
        """Return one link per endpoint; devices that want other times of their session get one of their own."""
        groups: dict[tuple[object, ...], list[BoundDevice]] = {}
        for one in devices:
            options = cast("OpcUaOptions", one.device.options)
            times = (options.timeout, options.keep_alive, options.chunk, options.recheck)
            ways = (options.mode, options.history, options.history_window, Access.of(options))
            groups.setdefault((str(one.device.endpoint), *times, *ways), []).append(one)
        return [OpcUaLink(str(members[0].device.endpoint), members, home) for members in groups.values()]

    async def discover(self, endpoint: Endpoint, options: Mapping[str, object], home: Home) -> Draft:
        """Return a draft of a profile for what the server has; `TransientError` when it is away."""
        from connectors.opcua.discover import discover

        return await discover(endpoint, options, home)


def _faults_of(device: Device, point: Point) -> Iterator[tuple[str, str]]:
    address = cast("OpcUaPoint", point.address)
    key = "node" if address.node else "path" if address.path else "method"
    try:
        (method_of if address.method else address_of)(device, point)
    except ValueError as error:
        yield key, str(error)
    if point.writable and address.field:
        yield "writable", "a field of a structure cannot be written by itself"
    if address.method and not point.writable:
        yield "method", "a point that is a method can only be written: say `writable: true`"


class OpcUaLink:
    """A session with one server, for all devices behind it."""

    def __init__(self, url: str, devices: Sequence[BoundDevice], home: Home) -> None:
        self._url = url
        self._devices = tuple(devices)
        self._options = cast("OpcUaOptions", devices[0].device.options)
        self._home = home
        self._security = Access.of(self._options).words()
        self._memory: Memory | None = None
        self._running: Run | None = None
        self._patience = Patience()

    @property
    def name(self) -> str:
        """The endpoint with its path."""
        return self._url

    @property
    def devices(self) -> Sequence[BoundDevice]:
        """The devices whose nodes this server holds."""
        return self._devices

    @property
    def security(self) -> str:
        """How the peer is spoken to, for health."""
        return self._security

    async def run(self, sink: Sink) -> None:
        """Deliver what the server publishes until cancelled; `TransientError` at the first loss."""
        from connectors.opcua.session import heeding

        await heeding(self._deliver(sink))

    async def _deliver(self, sink: Sink) -> None:
        session = self._session()
        try:
            with session.losses():
                try:
                    await session.open()
                    self._patience.refused = 0
                    self._security = session.security
                    sink.up()
                    run = self._run(session, sink)
                    await run.prepare()
                    self._running = run
                    await run.deliver()
                finally:
                    self._running = None
                    await session.close()
        except TransientError as away:
            self._patience.after(away)
            raise

    async def probe(self) -> str:
        """Return product, state and number of namespaces that the server says of itself."""
        from connectors.opcua.session import SERVER_STATUS

        session = self._session()
        with session.losses():
            try:
                await session.open()
                namespaces = await session.namespaces()
                status = await session.read(SERVER_STATUS)
            finally:
                await session.close()
        return f"{_product(status)}, {len(namespaces)} namespaces"

    async def write(self, settings: Sequence[Setting]) -> Sequence[Outcome]:
        """Write nodes or call methods, and read back; `TransientError` when nothing could be sent."""
        run = self._up()
        with run.session.losses():
            return await run.commands.write(settings)

    async def acknowledge(self, device: str, key: str, comment: str) -> str:
        """Acknowledge the condition `key` of `device`; returns "" when done, else why not."""
        run = self._up()
        with run.session.losses():
            return await run.acknowledge(device, key, comment)

    def _up(self) -> Run:
        if self._running is None:
            raise TransientError(self._url, "there is no session")
        return self._running

    def _run(self, session: Session, sink: Sink) -> Run:
        from connectors.opcua.conditions import Conditions
        from connectors.opcua.memory import Heard, Memory
        from connectors.opcua.run import Run

        if self._memory is None:
            self._memory = Memory(Heard(self._home, self._devices), Conditions())
        return Run(session, sink, self._devices, self._options, self._memory)

    def _session(self) -> Session:
        from connectors.opcua.session import session_of

        return session_of(self._url, self._options, self._home)


def _product(status: ua.ServerStatusDataType | None) -> str:
    if status is None:
        return "a server that does not tell its product"
    build = status.BuildInfo
    name = " ".join(word for word in (build.ProductName, build.SoftwareVersion) if word) or "unnamed product"
    return f"{name} ({status.State.name.lower()})"


connector = OpcUaConnector()
