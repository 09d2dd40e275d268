"""What a server kept while nobody listened: read by HistoryRead after a break, slowly, beside what is live.

For each point the stretch begins at the last time that was delivered (of an earlier run too, by `home.notes`) and ends
where the new session began to listen. A stretch is called filled only as far as the archive proves it:

- its beginning, by a value at or before it; else from the first value that the archive has;
- its end, by the value with which the live readings began; else up to the last value that the archive has;
- while the server itself was away, only up to its last value before it started again.

Raw history is OPC 10000-11, 6.4.3; continuation points are 6.3 there. A server that gives as many values as were asked
for without a continuation point is asked again from the last of them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.uaerrors._base import UaError, UaStatusCodeError

from connectors.opcua import services
from connectors.opcua.codec import BAD, judge, ns_of, status_name
from connectors.opcua.memory import Owed
from twin.errors import TransientError
from twin.frame import Frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from connectors.base import Sink
    from connectors.opcua.session import Session
    from connectors.opcua.subscription import Item

NS = 1_000_000_000
SETTLE_S = 1.0
_RETRIES_S = (0.0, 2.0, 4.0)
_PER_CALL = 500
_NODES_PER_CALL = 10
_TOGETHER_NS = 10 * NS
_MOST_PER_POINT = 200_000
_MOST_PAGES = 20_000
_MOST_FRUITLESS = 10
_SHORTEST_PAUSE_S = 0.01
_EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BAD_NO_DATA = 0x809B_0000
_BAD_NO_COMMUNICATION = 0x8031_0000


@dataclass(slots=True)
class Stretch(Owed):
    """What is missing of one point in this session."""

    item: Item = field(kw_only=True)
    node: ua.NodeId = field(kw_only=True)
    open: Callable[[object], object] = lambda raw: raw


@dataclass(slots=True)
class _Found:
    """What the archive had for one stretch: the times of its first and last value, and of those before a restart."""

    count: int = 0
    begins: int = 0
    ends: int = 0
    before_boot: int = 0
    proven: bool = False
    whole: bool = True
    refused: bool = False


class Backfill:
    """Reads the stretches that `ask` queues, those that began last first, for ever."""

    def __init__(
        self,
        session: Session,
        sink: Sink,
        most_nodes: int,
        done: Callable[[Stretch], None],
        complain: Callable[..., None],
    ) -> None:
        self._session = session
        self._sink = sink
        self._most_nodes = max(1, min(most_nodes, _NODES_PER_CALL))
        self._done = done
        self._queue: deque[Stretch] = deque()
        self._news = asyncio.Event()
        self._complain = complain
        self._boot = 0
        self.readable: dict[ua.NodeId, bool] = {}
        self.ahead = 0

    async def learn(self, nodes: Sequence[ua.NodeId], chunk: int) -> None:
        """Find out which nodes have history that may be read: `readable` says whether it is also being written.

        `ahead` is by how many ns the server's clock is ahead of ours, 0 where it does not tell.
        """
        attributes = (AttributeIds.UserAccessLevel, AttributeIds.Historizing)
        wanted = [(node, attribute) for node in nodes for attribute in attributes]
        found = [
            services.value_of(data) for data in await services.read_several(self._session, wanted, chunk)
        ]
        for node, access, historizing in zip(nodes, found[::2], found[1::2], strict=True):
            if isinstance(access, int) and access & (1 << ua.AccessLevel.HistoryRead):
                self.readable[node] = historizing is not False
        self._boot = ns_of(_moment(await self._session.read(ObjectIds.Server_ServerStatus_StartTime)))
        told = ns_of(_moment(await self._session.read(ObjectIds.Server_ServerStatus_CurrentTime)))
        self.ahead = told - self._sink.now_ns() if told else 0

    def ask(self, stretches: Iterable[Stretch]) -> None:
        """Queue what is missing."""
        self._queue.extend(stretches)
        self._news.set()

    async def run(self) -> None:
        """Read for ever what is asked for; raises what ends the session."""
        while True:
            await self._news.wait()
            self._news.clear()
            self._queue = deque(sorted(self._queue, key=lambda one: one.start, reverse=True))
            while self._queue:
                await self._fill(self._next())

    def _next(self) -> list[Stretch]:
        """Return stretches that begin at about the same time, since a request has one beginning for all its nodes."""
        batch = [self._queue.popleft()]
        while self._queue and len(batch) < self._most_nodes:
            if batch[0].start - self._queue[0].start > _TOGETHER_NS:
                break
            batch.append(self._queue.popleft())
        return batch

    async def _fill(self, batch: list[Stretch]) -> None:
        waiting = batch
        for wait_s in _RETRIES_S:
            await asyncio.sleep(wait_s)
            late: list[Stretch] = []
            for one, found in zip(waiting, await self._read(waiting), strict=True):
                # The archive may take a while until it has the value with which the live readings began.
                if found.whole and one.start < one.first < one.stop and found.ends < one.first:
                    late.append(one)
                else:
                    self._claim(one, found, found.ends >= one.first or one.first <= one.start)
            waiting = late
            if not waiting:
                return
        for one, found in zip(waiting, await self._read(waiting), strict=True):
            self._claim(one, found, found.ends >= one.first)

    def _claim(self, one: Stretch, found: _Found, to_the_end: bool) -> None:  # noqa: FBT001 (one caller)
        """Say what is filled: as far as the archive proves it, in two parts where the server was away between."""
        if not found.refused:
            self._done(one)
        if not found.proven and not found.count:
            return
        start = one.start if found.proven else found.begins
        stop = one.stop if to_the_end and found.whole else found.ends + 1
        parts = [(start, stop)]
        if start < self._boot < stop:
            parts = [(start, found.before_boot + 1), (self._boot, stop)]
        ids = np.array([one.item.bound.id], np.int32)
        for begin, end in parts:
            if self.readable.get(one.node) and begin < end:
                self._sink.filled(ids, begin, end)

    async def _read(self, batch: list[Stretch]) -> list[_Found]:
        """Read all of a batch: one request for all, then each that has more by itself."""
        start, stop = min(one.start for one in batch), max(one.stop for one in batch)
        found = [_Found() for _ in batch]
        per_node = _PER_CALL // len(batch)
        results = await self._ask(
            start, stop, per_node, [ua.HistoryReadValueId(NodeId=one.node) for one in batch]
        )
        for one, summary, result in zip(batch, found, results, strict=True):
            await self._follow(one, summary, result, start, per_node)
            if not summary.proven and summary.whole:
                summary.proven = await self._reaches_back(one)
        return found

    async def _follow(
        self, one: Stretch, found: _Found, result: ua.HistoryReadResult, start: int, asked: int
    ) -> None:
        """Deliver a result and all that continues it, whatever the server says of its end: bounded."""
        fruitless = 0
        for _ in range(_MOST_PAGES):
            before, values = found.ends, self._values(one, found, result)
            last = await self._deliver(one, found, values)
            fruitless = 0 if found.ends > before else fruitless + 1
            point = result.ContinuationPoint
            full = bool(point) or len(values) >= asked
            if not full or last >= one.stop:
                return
            if found.count > _MOST_PER_POINT or fruitless >= _MOST_FRUITLESS or (not point and last <= start):
                found.whole = False
                return
            start = start if point else last
            asked = _PER_CALL
            (result,) = await self._ask(start, one.stop, asked, [_continued(one.node, point)])
        found.whole = False

    def _values(self, one: Stretch, found: _Found, result: ua.HistoryReadResult) -> list[ua.DataValue]:
        status = result.StatusCode.value
        if status >= BAD:
            found.whole = False
            if status != _BAD_NO_DATA:
                found.refused = True
                point, error = one.item.bound.point.path, status_name(status)
                self._complain("opcua.history_refused", link=self._session.url, point=point, error=error)
            return []
        data: Any = result.HistoryData
        return list(getattr(data, "DataValues", None) or ())

    async def _deliver(self, one: Stretch, found: _Found, values: Sequence[ua.DataValue]) -> int:
        """Backfill the values that are wanted; returns the time of the last one, 0 for none."""
        judged, times, last = [], [], 0
        for data in values:
            time = ns_of(data.SourceTimestamp)
            if not time:
                found.whole = False
                continue
            last = max(last, time)
            self._note(one, found, time)
            if one.start < time < min(one.first, one.stop) and time > max(found.ends, one.delivered):
                status = data.StatusCode.value if data.StatusCode is not None else 0
                raw = data.Value.Value if data.Value is not None else None
                judged.append(judge(one.item.bound, one.open(raw), status))
                times.append(time)
        found.ends = max(found.ends, last)
        if judged:
            one.delivered = max(one.delivered, *times)
            await self._sink.backfill(_frame(one, judged, times, self._sink.now_ns()))
        return last

    def _note(self, one: Stretch, found: _Found, time: int) -> None:
        found.count += 1
        found.begins = min(found.begins or time, time)
        if time <= one.start:
            found.proven = True
        # What a server reads while it starts is older than its start: the live value is the first that it could keep.
        if time < min(self._boot, one.first):
            found.before_boot = max(found.before_boot, time)

    async def _reaches_back(self, one: Stretch) -> bool:
        """Whether the archive has a value before the stretch: it was being written when the stretch began."""
        nodes = [ua.HistoryReadValueId(NodeId=one.node)]
        details = _details(_time(one.start), _EARLIEST, 1)
        (result,) = await self._send(details, nodes)
        await self._release(result, one.node, details)
        data: Any = result.HistoryData
        values = getattr(data, "DataValues", None) or ()
        return result.StatusCode.value < BAD and any(
            0 < ns_of(one_.SourceTimestamp) <= one.start for one_ in values
        )

    async def _release(
        self, result: ua.HistoryReadResult, node: ua.NodeId, details: ua.ReadRawModifiedDetails
    ) -> None:
        if result.ContinuationPoint:
            await services.release(self._session, details, [_continued(node, result.ContinuationPoint)])

    async def _ask(
        self, start: int, stop: int, most: int, nodes: Sequence[ua.HistoryReadValueId]
    ) -> list[ua.HistoryReadResult]:
        return await self._send(_details(_time(start), _time(stop), most), nodes)

    async def _send(
        self, details: ua.ReadRawModifiedDetails, nodes: Sequence[ua.HistoryReadValueId]
    ) -> list[ua.HistoryReadResult]:
        """Ask, then rest for as long as the answer took: history never has more than half of server and wire."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            return await services.history(self._session, details, nodes)
        except UaStatusCodeError as error:
            if error.code in _ENDS_SESSION:
                raise
            code = error.code
        except (UaError, TimeoutError, TransientError):
            # History that is slow or not understood must not end the session that the live readings come by.
            code = _BAD_NO_COMMUNICATION
        finally:
            await asyncio.sleep(max(_SHORTEST_PAUSE_S, loop.time() - begun))
        return [ua.HistoryReadResult(StatusCode=ua.StatusCode(ua.UInt32(code))) for _ in nodes]


_ENDS_SESSION = frozenset({0x8025_0000, 0x8026_0000, 0x8022_0000, 0x8086_0000})


def _details(start: datetime, stop: datetime, most: int) -> ua.ReadRawModifiedDetails:
    return ua.ReadRawModifiedDetails(
        IsReadModified=False,
        StartTime=start,
        EndTime=stop,
        NumValuesPerNode=ua.Counter(most),
        ReturnBounds=False,
    )


def _continued(node: ua.NodeId, point: bytes | None) -> ua.HistoryReadValueId:
    return ua.HistoryReadValueId(NodeId=node, ContinuationPoint=point)


def _frame(
    one: Stretch, judged: Sequence[tuple[float, int, str]], times: Sequence[int], received: int
) -> Frame:
    values, reasons, words = zip(*judged, strict=True)
    return Frame(
        np.full(len(judged), one.item.bound.id, np.int32),
        np.array(values, np.float64),
        received,
        np.array(times, np.int64),
        np.array(reasons, np.uint8) if any(reasons) else None,
        {at: text for at, text in enumerate(words) if text},
    )


def _time(time: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time // 1000)


def _moment(found: object) -> datetime | None:
    return found if isinstance(found, datetime) else None
