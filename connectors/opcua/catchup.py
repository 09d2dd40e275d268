"""Which stretches of history to ask for: from what was heard last to where this session began to listen.

What a session could not ask for, or not read to its end, is owed to the next one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from asyncua import ua
from asyncua.ua.uaerrors._base import UaError

from connectors.opcua.history import SETTLE_S, Backfill, Stretch
from connectors.opcua.memory import Owed
from twin.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from connectors.base import Sink
    from connectors.opcua.config import OpcUaOptions
    from connectors.opcua.memory import Memory
    from connectors.opcua.services import Limits
    from connectors.opcua.session import Session
    from connectors.opcua.subscription import Item, Subscription

    # an item's group, its place there and its node
    Served = tuple[Subscription, int, ua.NodeId]

_NS = 1_000_000_000
_NOTE_EVERY_S = 30.0
_MOST_PENDING = 8


class CatchUp:
    """What is missing of the items of one run; `served` says which items are read under which nodes."""

    def __init__(
        self,
        session: Session,
        sink: Sink,
        options: OpcUaOptions,
        memory: Memory,
        served: Callable[[], Iterable[Served]],
    ) -> None:
        self._session = session
        self._sink = sink
        self._options = options
        self._memory = memory
        self._heard = memory.heard
        self._served = served
        self._pending: dict[int, list[Stretch]] = {}
        self._later: dict[int, Owed] = {}
        self._backfill: Backfill | None = None
        self._asked = False

    async def run(self, limits: Limits) -> None:
        """Find out what has history, ask for what was missed, and note how far everything was heard."""
        await asyncio.sleep(self._options.publishing + SETTLE_S)
        served = list(self._served())
        self._backfill = Backfill(
            self._session, self._sink, limits.history, self._filled, self._memory.seldom
        )
        try:
            await self._backfill.learn(list(dict.fromkeys(node for _, _, node in served)), limits.read)
        except (UaError, TimeoutError, TransientError):
            return  # what is wrong with the session, its live part will say
        self._asked = True
        if not self._readable(served):
            return
        now = self._sink.now_ns()
        for group, place, node in served:
            item = group.items[place]
            missed = _owed(self._begins(item, now), group.first[place], now)
            if self._ask(group, place, node, [*self._heard.owed.get(item.bound.id, []), missed]):
                self._heard.owed.pop(item.bound.id, None)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._backfill.run())
            tasks.create_task(self._note())

    def _readable(self, served: Iterable[Served]) -> set[int]:
        known = self._backfill.readable if self._backfill is not None else {}
        return {group.items[place].bound.id for group, place, node in served if node in known}

    def _begins(self, item: Item, now: int) -> int:
        earliest = now - int(self._options.history_window * _NS)
        return max(earliest, self._heard.last.get(item.bound.id, earliest))

    def again(self, group: Subscription, since: Sequence[int], firsts: Mapping[int, int]) -> None:
        """Ask for what was lost while this session listened: from `since` to `firsts`, by place."""
        for one, place, node in list(self._served()):
            if one is group and place in firsts and since[place]:
                self._ask(group, place, node, [_owed(since[place], firsts[place], self._sink.now_ns())])

    def _ask(self, group: Subscription, place: int, node: ua.NodeId, listed: Sequence[Owed]) -> bool:
        """Ask for stretches; False when they cannot be asked for in this session."""
        if self._backfill is None or node not in self._backfill.readable:
            return False
        item = group.items[place]
        if not self._same_clock(item):
            return False
        pending = self._pending.setdefault(item.bound.id, [])
        if len(pending) >= _MOST_PENDING:
            self._postpone(item.bound.id, listed)
            return True
        stretches = [
            Stretch(one.start, one.first, one.stop, one.delivered, item=item, node=node, open=group.open)
            for one in listed
        ]
        pending.extend(stretches)
        self._backfill.ask(stretches)
        return True

    def _postpone(self, one: int, listed: Sequence[Owed]) -> None:
        """Leave to the next session what a server loses faster than its history can be read."""
        known = [*listed, *([self._later[one]] if one in self._later else [])]
        early, late = min(known, key=lambda each: each.start), max(known, key=lambda each: each.stop)
        self._later[one] = Owed(early.start, late.first, late.stop, early.delivered)

    def _same_clock(self, item: Item) -> bool:
        """Whether the server's times can be set against ours: else nobody knows which gap its history fills."""
        ahead = 0 if self._backfill is None else self._backfill.ahead
        if abs(ahead) <= item.device.max_skew_s * _NS:
            return True
        self._memory.once("opcua.history_of_another_clock", link=self._session.url, ahead_s=ahead // _NS)
        return False

    def _filled(self, stretch: Stretch) -> None:
        self._pending[stretch.item.bound.id].remove(stretch)

    async def _note(self) -> None:
        while True:
            await asyncio.sleep(_NOTE_EVERY_S)
            self.remember()

    def remember(self) -> None:
        """Keep how far each point was delivered, and what history still owes."""
        now, served = self._sink.now_ns(), list(self._served())
        for group, place, _ in served:
            self._keep(group, place, now)
        for one, stretches in self._pending.items():
            owed = [Owed(each.start, each.first, each.stop, each.delivered) for each in stretches]
            self._heard.owe(one, [*owed, *([self._later[one]] if one in self._later else [])])
        self._heard.save(self._readable(served))

    def _keep(self, group: Subscription, place: int, now: int) -> None:
        item = group.items[place]
        heard = group.source[place] or int(group.heard[place])
        if not heard:
            return
        if not self._asked and self._options.history == "auto":
            one = item.bound.id
            missed = _owed(self._begins(item, now), group.first[place], now)
            self._heard.owe(one, [*self._heard.owed.get(one, []), missed])
        self._heard.last[item.bound.id] = heard


def _owed(start: int, first: int, now: int) -> Owed:
    return Owed(start, first or now, max(now, first))
