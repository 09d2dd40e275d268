"""Events and alarms of a server: monitored, refreshed after each connect, acknowledged there.

After a refresh, conditions that were known and are not told again have ended while nobody listened (OPC 10000-9, 4.5),
and are said to have ended.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog
from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIdNames, ObjectIds
from asyncua.ua.uaerrors._base import UaStatusCodeError

from connectors.opcua import services
from connectors.opcua.addresses import notifiers_of
from connectors.opcua.codec import status_name
from connectors.opcua.conditions import (
    FIELDS,
    MOST_CONDITIONS,
    Condition,
    address_in,
    event_filter,
    text_of,
    told,
)
from connectors.opcua.lookup import Lost
from connectors.opcua.session import node_id
from twin.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from connectors.base import Sink
    from connectors.opcua.addresses import Address
    from connectors.opcua.memory import Memory
    from connectors.opcua.session import Session
    from twin.events import DeviceEvent
    from twin.model.bound import BoundDevice

    Find = Callable[[Sequence[Address]], Awaitable[list[ua.NodeId | Lost]]]

log = structlog.get_logger()

_MOST_KINDS = 1000
_LONGEST_ID = 1000
_QUEUE = 1000
_BURST = 1000
_PER_S = 100.0
_REFRESH_PAUSE_S = 2.0
_CONTROL = frozenset({ObjectIds.RefreshStartEventType, ObjectIds.RefreshEndEventType})
_ANEW = frozenset({ObjectIds.RefreshRequiredEventType, ObjectIds.EventQueueOverflowEventType})


class Events:
    """The event items of one run."""

    def __init__(self, session: Session, sink: Sink, devices: Iterable[BoundDevice], memory: Memory) -> None:
        self._session = session
        self._sink = sink
        self._memory = memory
        self._conditions = memory.conditions
        self._notifiers = [
            (f"{one.device.district}/{one.device.id}", address)
            for one in devices
            for address in notifiers_of(one.device)
        ]
        self._asked: list[int] = []
        self._subscription = 0
        self._kinds: dict[ua.NodeId, str] = {}
        self._told: set[tuple[str, str]] | None = None
        self._anew = asyncio.Event()
        self._budget = float(_BURST)
        self._spent_at = 0.0
        self.dropped = 0

    @property
    def wanted(self) -> bool:
        """Whether any device wants events."""
        return bool(self._notifiers)

    async def requests(self, find: Find) -> list[ua.MonitoredItemCreateRequest]:
        """Return the requests for the event items; notifiers that the server lacks are said and left out."""
        found = await find([address for _, address in self._notifiers])
        requests = []
        for handle, node in enumerate(found):
            if isinstance(node, Lost):
                self._memory.once("opcua.no_events", link=self._session.url, error=node.words)
                continue
            self._asked.append(handle)
            requests.append(_request(handle, node))
        return requests

    def accept(self, subscription: int, codes: Sequence[int]) -> None:
        """Note which items the server gave, and ask for the state of all conditions."""
        for handle, code in zip(self._asked, codes, strict=True):
            if code >> 30:
                device, address = self._notifiers[handle]
                words = f"{address}: {status_name(code)}"
                self._memory.once("opcua.no_events", link=self._session.url, device=device, error=words)
        if not all(code >> 30 for code in codes):
            self._subscription = subscription
            self._anew.set()

    def refresh_soon(self) -> None:
        """Ask for the state of all conditions, since something may have been missed."""
        self._anew.set()

    async def refresh(self) -> None:
        """Ask for the state of all conditions whenever that is needed, for ever."""
        while True:
            await self._anew.wait()
            self._anew.clear()
            await self._refresh()
            await asyncio.sleep(_REFRESH_PAUSE_S)
            self._end_storm()

    async def _refresh(self) -> None:
        number = ua.Variant(self._subscription, ua.VariantType.UInt32)
        kind = ua.NodeId(ua.Int32(ObjectIds.ConditionType))
        method = ua.NodeId(ua.Int32(ObjectIds.ConditionType_ConditionRefresh))
        try:
            await services.call(self._session, kind, method, [number])
        except (UaStatusCodeError, TimeoutError, TransientError) as error:
            # A server without conditions has no such method; a session that is lost is noticed by the publish loop.
            log.debug("opcua.no_refresh", link=self._session.url, error=str(error))

    async def take(
        self, events: Iterable[ua.EventFieldList], received: int, namespaces: Mapping[str, int]
    ) -> None:
        """Deliver what a publish response tells of events."""
        uris = {index: uri for uri, index in namespaces.items()}
        for one in events:
            if one.ClientHandle >= len(self._notifiers):
                continue
            values = [variant.Value for variant in one.EventFields or ()]
            fields = dict(zip((name for name, _, _ in FIELDS), values, strict=False))
            kind = fields.get("type")
            if isinstance(kind, ua.NodeId) and kind.NamespaceIndex == 0 and self._control(kind.Identifier):
                continue
            name = await self._kind(kind)
            self._deliver(
                told(self._notifiers[one.ClientHandle][0], name, fields, received, uris), fields, uris
            )

    def _control(self, kind: object) -> bool:
        """Handle the events that frame a refresh, or ask for one."""
        if kind in _ANEW:
            self._anew.set()
        if kind == ObjectIds.RefreshStartEventType:
            self._told = set()
        elif kind == ObjectIds.RefreshEndEventType and self._told is not None:
            for gone in self._conditions.without(self._told):
                self._sink.event(replace(gone.event, active=False, received=self._sink.now_ns()))
            self._told = None
        return kind in _CONTROL or kind in _ANEW

    def _deliver(self, event: DeviceEvent, fields: Mapping[str, Any], uris: Mapping[int, str]) -> None:
        if event.key:
            if self._told is not None:
                self._told.add((event.device, event.key))
                if len(self._told) > MOST_CONDITIONS:
                    self._told = None  # not a refresh that anything can be concluded from
            event_id = fields.get("id")
            if not isinstance(event_id, bytes) or len(event_id) > _LONGEST_ID:
                event_id = b""
            condition = Condition(address_in(fields["condition"], uris), event_id, event)
            self._conditions.note(condition, over=fields.get("retain") is False)
        if self._affordable():
            self._sink.event(event)

    def _affordable(self) -> bool:
        """Whether another event is within what is delivered in a storm; counts those that are not."""
        now = asyncio.get_running_loop().time()
        self._budget = min(_BURST, self._budget + (now - self._spent_at) * _PER_S)
        self._spent_at = now
        if self._budget >= 1:
            self._budget -= 1
            return True
        if not self.dropped:
            self._memory.seldom("opcua.event_storm", link=self._session.url, per_s=_PER_S)
        self.dropped += 1
        self._anew.set()
        return False

    def _end_storm(self) -> None:
        """Say what a storm cost; the state of conditions is asked for again once it is over."""
        if self.dropped:
            self._memory.seldom("opcua.events_dropped", link=self._session.url, events=self.dropped)
            self.dropped = 0
            self._anew.set()

    async def _kind(self, kind: object) -> str:
        """Return the name of an event type; those of the server itself are read once."""
        if not isinstance(kind, ua.NodeId):
            return "Event"
        if kind.NamespaceIndex == 0:
            return (
                ObjectIdNames.get(kind.Identifier, "Event") if isinstance(kind.Identifier, int) else "Event"
            )
        if kind not in self._kinds:
            if len(self._kinds) >= _MOST_KINDS:
                return "Event"
            self._kinds[kind] = await self._read_name(kind)
        return self._kinds[kind]

    async def _read_name(self, kind: ua.NodeId) -> str:
        try:
            (data,) = await services.read(self._session, [kind], AttributeIds.BrowseName, 1)
        except (UaStatusCodeError, services.UnreadableError):
            return "Event"
        return text_of(getattr(services.value_of(data), "Name", None)) or "Event"

    async def acknowledge(self, device: str, key: str, comment: str, namespaces: Mapping[str, int]) -> str:
        """Acknowledge a condition by its newest EventId; returns "" when done, else why not."""
        condition = self._conditions.get(device, key)
        if condition is None:
            return "the server tells of no such condition any more"
        node = node_id(condition.node, dict(namespaces))
        if node is None:
            return f"the server has no namespace {condition.node.namespace}"
        arguments = [
            ua.Variant(condition.event_id, ua.VariantType.ByteString),
            ua.Variant(ua.LocalizedText(comment), ua.VariantType.LocalizedText),
        ]
        method = ua.NodeId(ua.Int32(ObjectIds.AcknowledgeableConditionType_Acknowledge))
        try:
            result = await services.call(self._session, node, method, arguments)
        except TimeoutError:
            return f"no answer within {self._session.timeout_s:g} s: it may be acknowledged or not"
        except UaStatusCodeError as error:
            return f"the server refused: {type(error).__name__}"
        code = result.StatusCode.value
        return f"the server refused: {status_name(code)}" if code >> 30 else ""


def _request(handle: int, node: ua.NodeId) -> ua.MonitoredItemCreateRequest:
    return ua.MonitoredItemCreateRequest(
        ItemToMonitor=ua.ReadValueId(NodeId=node, AttributeId=AttributeIds.EventNotifier),
        MonitoringMode=ua.MonitoringMode.Reporting,
        RequestedParameters=ua.MonitoringParameters(
            ClientHandle=handle,
            SamplingInterval=0,
            QueueSize=_QUEUE,
            DiscardOldest=True,
            Filter=event_filter(),
        ),
    )
