"""The OPC UA connector: one link per server, one subscription per publishing interval."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import structlog

from connectors.opcua.codec import node_of, ns_of, status_name
from connectors.opcua.config import OpcUaOptions, OpcUaPoint
from connectors.opcua.subscription import Subscription, changes_of, items_of
from twin.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from asyncua import ua

    from connectors.base import Sink
    from connectors.home import Home
    from connectors.opcua.session import Session
    from twin.frame import Frame
    from twin.model.bound import BoundDevice
    from twin.model.district import Device

log = structlog.get_logger()

MISSED_KEEP_ALIVES = 3


class OpcUaConnector:
    """Protocol `opcua`."""

    name = "opcua"
    schemes: Mapping[str, int] = {"opc.tcp": 4840}
    point_model = OpcUaPoint
    options_model = OpcUaOptions

    def check(self, device: Device) -> Iterator[tuple[str, str]]:
        """Yield points whose node id cannot be made out."""
        for name, point in device.points.items():
            try:
                node_of(device, point)
            except ValueError as error:
                yield f"points.{name}.node", str(error)

    def links(self, devices: Sequence[BoundDevice], home: Home) -> list[OpcUaLink]:
        """Return one link per endpoint; devices that want other times of their session get one of their own."""
        groups: dict[tuple[str, float, float, int, float], list[BoundDevice]] = {}
        for one in devices:
            options = cast("OpcUaOptions", one.device.options)
            own = (options.timeout, options.keep_alive, options.chunk, options.recheck)
            groups.setdefault((str(one.device.endpoint), *own), []).append(one)
        return [OpcUaLink(key[0], members) for key, members in groups.items()]


class OpcUaLink:
    """A session with one server, for all devices behind it."""

    def __init__(self, url: str, devices: Sequence[BoundDevice]) -> None:
        self._url = url
        self._devices = tuple(devices)
        self._options = cast("OpcUaOptions", devices[0].device.options)

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
        return "none"

    async def run(self, sink: Sink) -> None:
        """Deliver what the server publishes until cancelled; `TransientError` at the first loss."""
        session = self._session()
        try:
            try:
                await session.open()
                sink.up()
                await Run(session, sink, self._devices, self._options).deliver()
            finally:
                await session.close()
        except Exception as error:
            away = session.away(error)
            if away is None:
                raise
            raise away from error

    async def probe(self) -> str:
        """Return product, state and number of namespaces that the server says of itself."""
        from connectors.opcua.session import SERVER_STATUS

        session = self._session()
        try:
            try:
                await session.open()
                namespaces = await session.namespaces()
                status = await session.read(SERVER_STATUS)
            finally:
                await session.close()
        except Exception as error:
            away = session.away(error)
            if away is None:
                raise
            raise away from error
        return f"{_product(status)}, {len(namespaces)} namespaces"

    def _session(self) -> Session:
        from connectors.opcua.session import Session

        # The library logs what it raises as well, with traces; whoever wants that sets its level.
        chatter = logging.getLogger("asyncua")
        if chatter.level == logging.NOTSET:
            chatter.setLevel(logging.CRITICAL + 1)
        return Session(self._url, self._options.timeout, self._options.keep_alive)


def _product(status: ua.ServerStatusDataType | None) -> str:
    if status is None:
        return "a server that does not tell its product"
    build = status.BuildInfo
    name = " ".join(word for word in (build.ProductName, build.SoftwareVersion) if word) or "unnamed product"
    return f"{name} ({status.State.name.lower()})"


@dataclass(slots=True)
class _Active:
    """A subscription of this run; `heard_s` is the loop's time of its last publish response."""

    id: int
    items: Subscription
    silence_s: float
    heard_s: float


class Run:
    """One run of a link: from the open session to its loss."""

    def __init__(
        self, session: Session, sink: Sink, devices: Iterable[BoundDevice], options: OpcUaOptions
    ) -> None:
        self._session = session
        self._sink = sink
        self._options = options
        self._wanted = {interval: Subscription(items) for interval, items in items_of(devices).items()}
        self._active: dict[int, _Active] = {}
        self._chunk = options.chunk
        self._namespaces: dict[str, int] = {}
        self._unacknowledged: list[ua.SubscriptionAcknowledgement] = []

    async def deliver(self) -> None:
        """Subscribe, then deliver for ever; raises what ends the session."""
        from connectors.opcua.session import MOST_ITEMS_PER_CALL

        self._namespaces = await self._session.namespaces()
        most = await self._session.read(MOST_ITEMS_PER_CALL)
        self._chunk = min(self._chunk, most or self._chunk)
        for publishing_s, items in self._wanted.items():
            await self._subscribe(publishing_s, items)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(len(self._active) + 1):
                tasks.create_task(self._publish())
            tasks.create_task(self._watch())
            tasks.create_task(self._recheck())
            tasks.create_task(self._session.keep_secure())

    async def _subscribe(self, publishing_s: float, items: Subscription) -> None:
        granted = await self._session.subscribe(publishing_s, min(self._options.keep_alive, items.confirm_s))
        # A keep-alive may be late by a publishing interval, and by the way to here.
        silence_s = max(MISSED_KEEP_ALIVES * granted.keep_alive_s, granted.keep_alive_s + publishing_s + 1.0)
        active = _Active(granted.id, items, silence_s, asyncio.get_running_loop().time())
        self._active[granted.id] = active
        await self._monitor(active, range(len(items.items)))

    async def _monitor(self, active: _Active, places: Iterable[int]) -> None:
        """Ask the server for items, one bad node never keeping the others from being served."""
        from connectors.opcua.session import monitoring, node_id

        refusals: dict[int, str] = {}
        asked: dict[int, ua.MonitoredItemCreateRequest] = {}
        for place in places:
            item = active.items.items[place]
            node = node_id(item.node, self._namespaces)
            if node is None:
                refusals[place] = f"the server has no namespace {item.node.namespace}"
            else:
                asked[place] = monitoring(place, node, item.sampling_s, item.queue_size)
        codes = await self._session.monitor(active.id, list(asked.values()), self._chunk)
        for place, code in zip(asked, codes, strict=True):
            if code >> 30:
                refusals[place] = status_name(code)
        active.items.accept(place for place in asked if place not in refusals)
        self._offer(active.items.refuse(refusals, self._sink.now_ns()))

    async def _publish(self) -> None:
        """Keep one publish request with the server, for ever."""
        from asyncua.ua import uaerrors

        while True:
            acknowledged, self._unacknowledged = self._unacknowledged, []
            try:
                result = await self._session.publish(acknowledged)
            except uaerrors.BadTimeout:
                continue
            except uaerrors.BadTooManyPublishRequests:
                await asyncio.sleep(min(active.silence_s for active in self._active.values()) / 2)
            except uaerrors.UaStructParsingError as error:
                self._lose(str(error.__cause__ or error))
            else:
                self._handle(result)

    def _handle(self, result: ua.PublishResult) -> None:
        from asyncua import ua

        active = self._active.get(result.SubscriptionId)
        if active is None:
            return
        active.heard_s = asyncio.get_running_loop().time()
        received = self._sink.now_ns()
        message = result.NotificationMessage
        for notification in message.NotificationData or ():
            if isinstance(notification, ua.DataChangeNotification):
                self._offer(active.items.take(changes_of(notification), received))
            elif isinstance(notification, ua.StatusChangeNotification):
                words = f"subscription ended by the server: {status_name(notification.Status.value)}"
                raise TransientError(self._session.url, words)
        if message.NotificationData:
            self._unacknowledged.append(
                ua.SubscriptionAcknowledgement(result.SubscriptionId, message.SequenceNumber)
            )
        if not result.MoreNotifications:
            self._offer(active.items.confirm(ns_of(message.PublishTime), received))

    def _lose(self, words: str) -> None:
        log.warning("opcua.response_not_understood", link=self._session.url, error=words)
        for active in self._active.values():
            active.items.forget()

    def _offer(self, frame: Frame | None) -> None:
        if frame is not None:
            self._sink.offer(frame)

    async def _watch(self) -> None:
        """Raise when a subscription is silent for too long, however alive the connection looks."""
        loop = asyncio.get_running_loop()
        while True:
            ends = min(
                (active.heard_s + active.silence_s, active.silence_s) for active in self._active.values()
            )
            if ends[0] <= loop.time():
                raise TransientError(self._session.url, f"no keep-alive for {ends[1]:.3g} s")
            await asyncio.sleep(ends[0] - loop.time())

    async def _recheck(self) -> None:
        """Ask again, now and then, for the nodes that the server refused."""
        while True:
            await asyncio.sleep(self._options.recheck)
            if any(active.items.refused for active in self._active.values()):
                self._namespaces = await self._session.namespaces()
            for active in self._active.values():
                if active.items.refused:
                    await self._monitor(active, tuple(active.items.refused))


connector = OpcUaConnector()
