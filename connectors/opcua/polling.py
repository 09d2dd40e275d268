"""Reading instead of subscribing, for servers that cannot: what changed and what did not, told as a subscription would.

Each group of one period is read in chunks that the server takes, spread over the period, so that neither the server
nor this process has all its work in one moment.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from asyncua.ua.attribute_ids import AttributeIds

from connectors.opcua import services
from connectors.opcua.codec import ns_of
from connectors.opcua.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from asyncua import ua

    from connectors.base import Sink
    from connectors.opcua.session import Session
    from connectors.opcua.subscription import Change, Item

_NOTHING = (object(), -1, -1)


def groups_of(items: Iterable[Item]) -> list[tuple[float, Subscription]]:
    """Return the items by their period, seconds."""
    groups: dict[float, list[Item]] = {}
    for item in items:
        groups.setdefault(item.sampling_s, []).append(item)
    return [(period, Subscription(members)) for period, members in groups.items()]


class Polling:
    """One group of items that are read with one period."""

    def __init__(
        self, session: Session, sink: Sink, items: Subscription, period_s: float, chunk: int
    ) -> None:
        self.items = items
        self._session = session
        self._sink = sink
        self._period_s = period_s
        self._chunk = chunk
        self._last: list[tuple[object, int, int]] = [_NOTHING] * len(items.items)
        self._nodes: dict[int, ua.NodeId] = {}

    def serve(self, nodes: dict[int, ua.NodeId]) -> None:
        """Read these nodes from now on, by place."""
        self._nodes = nodes

    async def run(self) -> None:
        """Read for ever; raises what ends the session."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            places = sorted(self._nodes)
            parts = [places[at : at + self._chunk] for at in range(0, len(places), self._chunk)]
            for number, part in enumerate(parts):
                await asyncio.sleep(due + number * self._period_s / len(parts) - loop.time())
                await self._read(part)
            # A round that took longer than its period leaves out those that it missed.
            missed = max(0, int((loop.time() - due) // self._period_s))
            due += self._period_s * (missed + 1)
            await asyncio.sleep(due - loop.time())

    async def _read(self, places: Sequence[int]) -> None:
        nodes = [self._nodes[place] for place in places]
        found = await services.read(self._session, nodes, AttributeIds.Value, self._chunk)
        received = self._sink.now_ns()
        news = list(self._news(places, found))
        for frame in (self.items.take(news, received), self.items.confirm(_server_time(found), received)):
            if frame is not None:
                await self._sink.submit(frame)

    def _news(self, places: Sequence[int], found: Sequence[ua.DataValue]) -> Iterable[Change]:
        """Yield what differs from the last read: value, status or time."""
        for place, data in zip(places, found, strict=True):
            place_, raw, status, time = change_of(place, data)
            if self._last[place] != (raw, status, time):
                self._last[place] = (raw, status, time)
                yield place_, raw, status, time


def change_of(place: int, data: ua.DataValue) -> Change:
    """Return one read value as a change."""
    raw = data.Value.Value if data.Value is not None else None
    status = data.StatusCode.value if data.StatusCode is not None else 0
    return place, raw, status, ns_of(data.SourceTimestamp)


def _server_time(found: Sequence[ua.DataValue]) -> int:
    """Return the earliest time at which the server says that it answered, 0 where it does not say."""
    times = [ns_of(data.ServerTimestamp) for data in found]
    return min(times, default=0)
