"""What the tests of a connector stand on: a sink that remembers, devices made by hand, a link that surely ends."""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.base import CLOSE_WITHIN_S
from twin.errors import TransientError
from twin.model.bound import BoundDevice, BoundPoint
from twin.model.district import Device, Point
from twin.model.protocol import parse_endpoint
from twin.model.quantities import Quantity
from twin.model.spec import PointSpec
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence

    from connectors.base import Connector, Link
    from twin.events import DeviceEvent
    from twin.frame import Frame, Ids

_HERE = Path(__file__)
_ANYTHING = Quantity("anything", title="Anything", titulo="Cualquiera")


@dataclass(frozen=True, slots=True)
class Reading:
    """One value out of a frame."""

    id: int
    value: float
    reason: Reason
    detail: str
    time: int
    received: int


@dataclass(frozen=True, slots=True)
class Silence:
    """One call of `Sink.silent`."""

    ids: tuple[int, ...]
    reason: Reason
    words: str


@dataclass(slots=True)
class RecordingSink:
    """Sink that keeps what a link delivers, in order."""

    frames: list[Frame] = field(default_factory=list)
    silences: list[Silence] = field(default_factory=list)
    backfilled: list[Frame] = field(default_factory=list)
    fills: list[tuple[tuple[int, ...], int, int]] = field(default_factory=list)
    events: list[DeviceEvent] = field(default_factory=list)
    strangers: dict[str, str] = field(default_factory=dict)
    ups: int = 0
    refused: int = 0
    downs: list[TransientError] = field(default_factory=list)
    _room: asyncio.Event = field(default_factory=asyncio.Event)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._room.set()

    @property
    def full(self) -> bool:
        """Whether the buffer is full; tests set it."""
        return not self._room.is_set()

    @full.setter
    def full(self, now: bool) -> None:
        (self._room.clear if now else self._room.set)()

    def now_ns(self) -> int:
        """Wall clock."""
        return time.time_ns()

    def up(self) -> None:
        """Count."""
        self.ups += 1
        self._news.set()

    async def submit(self, frame: Frame) -> None:
        """Keep the frame; waits while `full`."""
        await self._room.wait()
        self.offer(frame)

    def offer(self, frame: Frame) -> bool:
        """Keep the frame, unless `full`: then it is counted in `refused`."""
        if self.full:
            self.refused += 1
            return False
        self.frames.append(frame)
        self._news.set()
        return True

    async def commit(self, frame: Frame) -> None:
        """Keep the frame; `TransientError` while `full`, as the intake does."""
        if not self.offer(frame):
            raise TransientError("spool", "the buffer is full", retry_after_s=1.0)

    def silent(self, ids: Ids, reason: Reason, words: str) -> None:
        """Keep the silence."""
        self.silences.append(Silence(tuple(ids.tolist()), reason, words))
        self._news.set()

    async def backfill(self, frame: Frame) -> None:
        """Keep the frame, apart from what is new; waits while `full`."""
        await self._room.wait()
        self.backfilled.append(frame)
        self._news.set()

    def filled(self, ids: Ids, start: int, stop: int) -> None:
        """Keep the interval."""
        self.fills.append((tuple(ids.tolist()), start, stop))
        self._news.set()

    def event(self, event: DeviceEvent) -> None:
        """Keep the event."""
        self.events.append(event)
        self._news.set()

    def stranger(self, identity: str, words: str) -> None:
        """Keep who it was and what it said."""
        self.strangers[identity] = words
        self._news.set()

    def down(self, error: TransientError) -> None:
        """Keep why the link ended; called by `supervised`."""
        self.downs.append(error)
        self._news.set()

    async def wait_for(self, predicate: Callable[[], object], timeout: float = 5.0) -> None:  # noqa: ASYNC109
        """Return as soon as `predicate` holds, looked at after each delivery; AssertionError after `timeout` s."""
        try:
            async with asyncio.timeout(timeout):
                while not predicate():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError as error:
            heard = f"{len(self.frames)} frames, {self.ups} ups, silences {self.silences[-3:]}"
            message = f"still not so after {timeout} s: {heard}"
            raise AssertionError(message) from error

    def readings(self) -> Iterator[Reading]:
        """Yield every reading of every frame in the order of arrival."""
        for frame in self.frames:
            for at, (point, value) in enumerate(zip(frame.ids.tolist(), frame.values.tolist(), strict=True)):
                own = frame.time if isinstance(frame.time, int) else int(frame.time[at])
                reason = Reason.GOOD if frame.quality is None else Reason(int(frame.quality[at]))
                yield Reading(point, value, reason, frame.details.get(at, ""), own, frame.received)

    def latest(self, device: BoundDevice) -> dict[str, Reading]:
        """Return the newest reading of each point of `device` that was heard, by name."""
        names = {bound.id: bound.point.name for bound in device.points}
        return {names[reading.id]: reading for reading in self.readings() if reading.id in names}

    def by_name(self, device: BoundDevice) -> dict[str, float]:
        """Return the newest value of each point of `device` that was heard, by name."""
        return {name: reading.value for name, reading in self.latest(device).items()}


def device(
    connector: Connector,
    endpoint: str,
    points: Mapping[str, Mapping[str, Any]],
    *,
    name: str = "device",
    poll_s: float = 0.1,
    options: Mapping[str, Any] | None = None,
) -> Device:
    """Return a device whose points are the mappings of a profile: `{"level": {"register": "holding:0"}}`.

    Connectors never look at a quantity, so all points have the same; keys that belong to `PointSpec` are split off as
    the loader does it.
    """
    return Device(
        id=name,
        district="test",
        name=name,
        profile="by-hand",
        kind="Test",
        protocol=connector.name,
        site="bench",
        endpoint=parse_endpoint(endpoint, connector.schemes),
        location=None,
        poll_s=poll_s,
        trust_time=True,
        max_skew_s=300.0,
        options=connector.options_model.model_validate(options or {}),
        points={key: _point(connector, name, key, keys) for key, keys in points.items()},
        file=_HERE,
        line=1,
    )


def _point(connector: Connector, owner: str, name: str, keys: Mapping[str, Any]) -> Point:
    shared = set(PointSpec.model_fields)
    spec = PointSpec.model_validate(
        {"quantity": _ANYTHING.name, **{key: keys[key] for key in keys if key in shared}}
    )
    address = connector.point_model.model_validate({key: keys[key] for key in keys if key not in shared})
    return Point(
        path=f"test/{owner}/{name}",
        name=name,
        quantity=_ANYTHING,
        address=address,
        scale=spec.scale,
        offset=spec.offset,
        minimum=-math.inf,
        maximum=math.inf,
        wraps_at=spec.wraps_at,
        dead_band=spec.dead_band,
        heartbeat_s=spec.heartbeat or 60.0,
        silent_after_s=spec.silent_after or 30.0,
        states=spec.states or {},
        writable=spec.writable,
        description=spec.description,
        file=_HERE,
        line=1,
        readable=getattr(address, "readable", True),
    )


def bind(one: Device, first: int = 0) -> BoundDevice:
    """Return `one` with ids `first`, `first + 1` … and state ids 1, 2 … in the order of the profile's states."""
    names = sorted({state for point in one.points.values() for state in point.states.values()})
    ids = {state: number for number, state in enumerate(names, start=1)}
    points = (
        BoundPoint(number, point, {raw: ids[state] for raw, state in point.states.items()})
        for number, point in enumerate(one.points.values(), start=first)
    )
    return BoundDevice(one, tuple(points))


def bind_all(devices: Sequence[Device]) -> list[BoundDevice]:
    """Return devices bound one after the other, no id twice."""
    bound: list[BoundDevice] = []
    for one in devices:
        bound.append(bind(one, first=sum(len(earlier.points) for earlier in bound)))
    return bound


@asynccontextmanager
async def running(link: Link, sink: RecordingSink) -> AsyncIterator[asyncio.Task[None]]:
    """Run a link while the block runs, then cancel it; it must end within `CLOSE_WITHIN_S`.

    What the link raises by itself is raised here when the block ends.
    """
    async with _ending(asyncio.create_task(link.run(sink))) as task:
        yield task


@asynccontextmanager
async def supervised(
    link: Link, sink: RecordingSink, wait_s: float = 0.05
) -> AsyncIterator[asyncio.Task[None]]:
    """Run a link as the supervisor does: `TransientError` goes to `sink.downs`, and after `wait_s` it runs anew."""

    async def again() -> None:
        while True:
            try:
                await link.run(sink)
            except TransientError as error:
                sink.down(error)
                await asyncio.sleep(wait_s)

    async with _ending(asyncio.create_task(again())) as task:
        yield task


@asynccontextmanager
async def _ending(task: asyncio.Task[None]) -> AsyncIterator[asyncio.Task[None]]:
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await task
