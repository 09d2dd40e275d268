"""From messages to the sink: nothing is acknowledged before it is durable, nothing waits without bound."""

from __future__ import annotations

import asyncio
import zlib
from collections import OrderedDict
from typing import TYPE_CHECKING

from connectors.mqtt.routes import named
from connectors.mqtt.sparkplug import REBIRTH, DataType, encode
from twin.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.base import Sink
    from connectors.mqtt.heard import Heard
    from connectors.mqtt.inbox import Arrival
    from connectors.mqtt.routes import Routes
    from connectors.mqtt.session import Session
    from connectors.mqtt.writing import Echoes
    from twin.frame import Frame

_WAIT_S = 1.0
_MOST_REMEMBERED = 2_000


class Delivery:
    """Delivers what a session receives; outlives sessions, so that it knows what comes a second time."""

    def __init__(self, routes: Routes, echoes: Echoes) -> None:
        self._routes = routes
        self._echoes = echoes
        self._done: OrderedDict[int, int] = OrderedDict()

    async def run(self, session: Session, sink: Sink) -> None:
        """Deliver until the connection is lost, which is TransientError."""
        if not session.resumed:
            # The broker has forgotten us and counts anew: a packet identifier says nothing about earlier ones.
            self._done.clear()
        while True:
            await self._batch(session, sink, await session.take())
            await asyncio.sleep(0)

    async def _batch(self, session: Session, sink: Sink, arrivals: Sequence[Arrival]) -> None:
        frames: list[Frame] = []
        for arrival in arrivals:
            heard = None if self._is_done(arrival) else self._routes.hear(arrival)
            if heard is None:
                self._stranger(arrival, sink)
                continue
            for frame in heard.frames:
                self._echoes.hear(frame)
                if arrival.mid:
                    frames.append(frame)
                else:
                    sink.offer(frame)
            await self._beside(heard, session, sink)
        await _commit(frames, session, sink)
        for arrival in arrivals:
            self._remember(arrival)
            session.ack(arrival)

    async def _beside(self, heard: Heard, session: Session, sink: Sink) -> None:
        for ids, reason, words in heard.silences:
            sink.silent(ids, reason, words)
        if heard.rebirth:
            payload = encode([(REBIRTH, DataType.BOOLEAN, True)], time_ns=sink.now_ns())
            await session.send(heard.rebirth, payload, qos=0)

    def _stranger(self, arrival: Arrival, sink: Sink) -> None:
        if not arrival.again and self._routes.is_new(arrival.topic):
            size = arrival.skipped or len(arrival.payload)
            sink.stranger(
                named(arrival.topic), f"publishes {size} bytes, no device of the district reads them"
            )

    def _is_done(self, arrival: Arrival) -> bool:
        """Whether a repeated message is one that was delivered before the connection was lost."""
        return bool(arrival.again and arrival.mid and self._done.get(arrival.mid) == _mark(arrival))

    def _remember(self, arrival: Arrival) -> None:
        if arrival.mid:
            self._done[arrival.mid] = _mark(arrival)
            self._done.move_to_end(arrival.mid)
            if len(self._done) > _MOST_REMEMBERED:
                self._done.popitem(last=False)


def _mark(arrival: Arrival) -> int:
    return zlib.crc32(arrival.payload, zlib.crc32(arrival.topic.encode("utf-8", "surrogatepass")))


async def _commit(frames: Sequence[Frame], session: Session, sink: Sink) -> None:
    """Return when all are durable, however long there is no room; TransientError when the connection is lost."""
    left = list(frames)
    while left:
        found = await asyncio.gather(*(sink.commit(frame) for frame in left), return_exceptions=True)
        full = [one for one in found if isinstance(one, TransientError)]
        for one in found:
            if isinstance(one, BaseException) and not isinstance(one, TransientError):
                raise one
        left = [frame for frame, one in zip(left, found, strict=True) if one is not None]
        if left:
            await asyncio.sleep(full[0].retry_after_s or _WAIT_S)
            if session.lost:
                raise TransientError(full[0].peer, session.lost)
