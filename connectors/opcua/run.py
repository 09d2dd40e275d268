"""One run of a link: from the open session to its loss. What is subscribed to, what is polled, what stands beside."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from asyncua import ua
from asyncua.ua import uaerrors
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.uaerrors._base import UaStatusCodeError

from connectors.opcua import services
from connectors.opcua.catchup import CatchUp
from connectors.opcua.codec import status_name
from connectors.opcua.commands import Commands
from connectors.opcua.events import Events
from connectors.opcua.lookup import Lost, resolve
from connectors.opcua.polling import Polling, change_of, groups_of
from connectors.opcua.publishing import Active, Publishing
from connectors.opcua.session import monitoring
from connectors.opcua.structures import Structures
from connectors.opcua.subscription import Subscription, items_of
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from connectors.base import Sink
    from connectors.opcua.addresses import Address
    from connectors.opcua.catchup import Served
    from connectors.opcua.config import OpcUaOptions
    from connectors.opcua.memory import Memory
    from connectors.opcua.session import Session
    from connectors.opcua.subscription import Item
    from twin.frame import Frame
    from twin.model.bound import BoundDevice

MISSED_KEEP_ALIVES = 3
_CANNOT_SUBSCRIBE = (
    uaerrors.BadServiceUnsupported,
    uaerrors.BadTooManySubscriptions,
    uaerrors.BadNotImplemented,
    uaerrors.BadNotSupported,
)
# The same for one item, and BadTooManyMonitoredItems.
_CANNOT_MONITOR = frozenset({0x800B_0000, 0x803D_0000, 0x8040_0000, 0x80DB_0000})
# BadMonitoredItemFilterInvalid and Unsupported, BadFilterNotAllowed, BadDeadbandFilterInvalid.
_CANNOT_FILTER = frozenset({0x8043_0000, 0x8044_0000, 0x8045_0000, 0x808E_0000})
_BANDS = {False: ua.DeadbandType.Absolute, True: ua.DeadbandType.Percent}


class Run:
    """One run of a link."""

    def __init__(
        self,
        session: Session,
        sink: Sink,
        devices: Sequence[BoundDevice],
        options: OpcUaOptions,
        memory: Memory,
    ) -> None:
        self.session = session
        self._sink = sink
        self._options = options
        self._memory = memory
        # One without items too: where there are only methods, its keep-alives show that the server is there.
        self._wanted = {interval: Subscription(items) for interval, items in items_of(devices).items()}
        self._groups = list(self._wanted.values())
        self._polls: list[Polling] = []
        self._tasks: asyncio.TaskGroup | None = None
        self._limits = services.Limits(*[options.chunk] * 4)
        self._namespaces: dict[str, int] = {}
        self._nodes: dict[Address, ua.NodeId | Lost] = {}
        self._structures = Structures()
        self._publishing = Publishing(session, sink, memory, self._recover, self._take_events)
        self._catch_up = CatchUp(session, sink, options, memory, self._served)
        self.events = Events(session, sink, devices, memory)
        self.commands = Commands(session, devices, self._find, self._structures.open)

    async def deliver(self) -> None:
        """Deliver for ever, once all is prepared; raises what ends the session."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                for work in (*self._publishing.tasks(), *(poll.run() for poll in self._polls)):
                    self._tasks.create_task(work)
                self._tasks.create_task(self._recheck())
                self._tasks.create_task(self.session.keep_secure())
                self._tasks.create_task(self.events.refresh())
                if self._options.history == "auto":
                    self._tasks.create_task(self._catch_up.run(self._limits))
        finally:
            self._catch_up.remember()

    async def prepare(self) -> None:
        """Find out what the server has, and subscribe; before that no address leads anywhere."""
        await self._learn_namespaces()
        self._limits = await services.limits(self.session, self._options.chunk)
        await self._resolve(item.node for group in self._groups for item in group.items)
        await self._learn_structures()
        for publishing_s, items in self._wanted.items():
            await self._serve(publishing_s, items)
        if self.events.wanted:
            await self._subscribe_events()

    async def _learn_namespaces(self) -> None:
        self._namespaces = await self.session.namespaces()

    async def _ask_for(
        self, subscription: int, requests: Sequence[ua.MonitoredItemCreateRequest]
    ) -> list[int]:
        return await services.monitor(self.session, subscription, requests, self._limits.monitor)

    async def _resolve(self, addresses: Iterable[Address]) -> None:
        found = await resolve(self.session, addresses, self._namespaces, self._limits.translate)
        self._nodes.update(found)

    async def _find(self, addresses: Sequence[Address]) -> list[ua.NodeId | Lost]:
        """Return the nodes of addresses, looked up if they were not found yet."""
        await self._resolve(one for one in addresses if not isinstance(self._nodes.get(one), ua.NodeId))
        return [self._nodes[one] for one in addresses]

    async def _learn_structures(self) -> None:
        items = [item for group in self._groups for item in group.items if item.structured]
        nodes = [node for item in items if isinstance(node := self._nodes[item.node], ua.NodeId)]
        for group in self._groups:
            group.open = self._structures.open
        if nodes:
            with suppress(UaStatusCodeError):  # without layouts, fields are undecodable and say so
                await self._structures.learn(self.session, nodes, self._limits.read)

    async def _serve(self, publishing_s: float, items: Subscription) -> None:
        """Subscribe to items, or poll them where that is wanted or all that the server can do."""
        if self._options.mode != "poll":
            try:
                active = await self._subscribe(publishing_s, items, items.confirm_s)
            except _CANNOT_SUBSCRIBE as error:
                if self._options.mode == "subscribe":
                    raise
                name = type(error).__name__
                self._memory.once("opcua.polls_instead", link=self.session.url, error=name)
            else:
                await self._monitor(active, items, range(len(items.items)))
                return
        self._poll(items.items)

    async def _subscribe(self, publishing_s: float, items: Subscription | None, confirm_s: float) -> Active:
        granted = await self.session.subscribe(publishing_s, min(self._options.keep_alive, confirm_s))
        # A keep-alive may be late by a publishing interval, and by the way to here.
        silence_s = max(MISSED_KEEP_ALIVES * granted.keep_alive_s, granted.keep_alive_s + publishing_s + 1.0)
        active = Active(granted.id, items, silence_s, asyncio.get_running_loop().time())
        self._publishing.active[granted.id] = active
        return active

    async def _subscribe_events(self) -> None:
        """Give events a subscription of their own, so that a storm of them stands in no reading's way."""
        try:
            active = await self._subscribe(self._options.publishing, None, self._options.keep_alive)
        except _CANNOT_SUBSCRIBE as error:
            self._memory.once("opcua.no_events", link=self.session.url, error=type(error).__name__)
            return
        requests = await self.events.requests(self._find)
        codes = await self._ask_for(active.id, requests)
        self.events.accept(active.id, codes)

    def _poll(self, items: Iterable[Item]) -> None:
        for period_s, group in groups_of(items):
            group.open = self._structures.open
            self._groups.append(group)
            poll = Polling(self.session, self._sink, group, period_s, self._limits.read)
            poll.serve(self._found(group, range(len(group.items))))
            self._polls.append(poll)
            if self._tasks is not None:
                self._tasks.create_task(poll.run())

    def _found(self, group: Subscription, places: Iterable[int]) -> dict[int, ua.NodeId]:
        """Return the nodes of places; those without one are refused with words."""
        nodes: dict[int, ua.NodeId] = {}
        refusals: dict[int, str] = {}
        for place in places:
            node = self._nodes[group.items[place].node]
            if isinstance(node, Lost):
                refusals[place] = node.words
            else:
                nodes[place] = node
        self._offer(group.refuse(refusals, self._sink.now_ns()))
        group.accept(nodes)
        return nodes

    async def _monitor(self, active: Active, items: Subscription, places: Iterable[int]) -> None:
        """Ask the server for items, one bad node never keeping the others from being served."""
        nodes = self._found(items, places)
        codes = await self._create(active, items, nodes, banded=True)
        bare = {place: nodes[place] for place, code in codes.items() if code in _CANNOT_FILTER}
        if bare:
            self._say_unfiltered(items, bare, codes)
            codes.update(await self._create(active, items, bare, banded=False))
        refusals = {place: status_name(code) for place, code in codes.items() if code >> 30}
        if self._options.mode == "auto" and (moved := [p for p in refusals if codes[p] in _CANNOT_MONITOR]):
            self._memory.once("opcua.polls_instead", link=self.session.url, error=refusals[moved[0]])
            for place in moved:
                del refusals[place]
            self._poll(items.items[place] for place in moved)
        self._offer(items.refuse(refusals, self._sink.now_ns()))

    async def _create(
        self, active: Active, items: Subscription, nodes: dict[int, ua.NodeId], *, banded: bool
    ) -> dict[int, int]:
        """Create monitored items; returns their status codes by place."""
        requests = []
        for place, node in nodes.items():
            item = items.items[place]
            request = monitoring(place, node, item.sampling_s, item.queue_size)
            if banded and item.band is not None:
                request.RequestedParameters.Filter = ua.DataChangeFilter(
                    Trigger=ua.DataChangeTrigger.StatusValue,
                    DeadbandType=ua.UInt32(_BANDS[item.band.percent]),
                    DeadbandValue=ua.Double(item.band.size),
                )
            requests.append(request)
        codes = await self._ask_for(active.id, requests)
        return dict(zip(nodes, codes, strict=True))

    def _say_unfiltered(self, items: Subscription, bare: dict[int, ua.NodeId], codes: dict[int, int]) -> None:
        first = next(iter(bare))
        self._memory.once(
            "opcua.deadband_refused",
            link=self.session.url,
            points=len(bare),
            point=items.items[first].bound.point.path,
            error=status_name(codes[first]),
        )

    async def acknowledge(self, device: str, key: str, comment: str) -> str:
        """Acknowledge a condition; returns "" when done, else why not."""
        return await self.events.acknowledge(device, key, comment, self._namespaces)

    async def _take_events(self, events: Sequence[ua.EventFieldList], received: int) -> None:
        await self.events.take(events, received, self._namespaces)

    async def _recover(self, items: Subscription | None, lost: int) -> None:
        """After messages that nobody has any more: a gap that says so, the values of now, and history for the rest."""
        if items is None:
            self.events.refresh_soon()
            return
        items.forget()
        since = list(items.source)
        nodes = {place: node for group, place, node in self._served() if group is items}
        places = [place for place in nodes if place not in items.refused]
        words = f"lost on the way: {lost} message{'' if lost == 1 else 's'} of the server"
        self._sink.silent(items.ids[places], Reason.NO_ANSWER, words)
        found = await services.read(
            self.session, [nodes[place] for place in places], AttributeIds.Value, self._limits.read
        )
        changes = [change_of(place, data) for place, data in zip(places, found, strict=True)]
        self._offer(items.take(changes, self._sink.now_ns()))
        self._catch_up.again(items, since, {change[0]: change[3] for change in changes})

    def _served(self) -> Iterator[Served]:
        """Yield the items that are read, each where it is: in its subscription, or in the group that is polled."""
        polled = {id(item) for poll in self._polls for item in poll.items.items}
        own = {id(poll.items) for poll in self._polls}
        for group in self._groups:
            for place, item in enumerate(group.items):
                node = self._nodes[item.node]
                if isinstance(node, ua.NodeId) and (id(group) in own or id(item) not in polled):
                    yield group, place, node

    def _offer(self, frame: Frame | None) -> None:
        if frame is not None:
            self._sink.offer(frame)

    async def _recheck(self) -> None:
        """Now and then see whether the server is still trusted, and ask again for the nodes that it refused."""
        while True:
            await asyncio.sleep(self._options.recheck)
            await self.session.judge_again()
            await self._learn_namespaces()  # also shows that the server is there, where nothing else is asked
            refused = [group for group in self._groups if group.refused]
            await self._resolve(group.items[place].node for group in refused for place in group.refused)
            for active in self._publishing.active.values():
                if active.items is not None and active.items.refused:
                    await self._monitor(active, active.items, tuple(active.items.refused))
            for poll in self._polls:
                if poll.items.refused:
                    poll.serve(self._found(poll.items, range(len(poll.items.items))))
