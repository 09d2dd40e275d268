"""Links: who is asked when, and what becomes of the answers.

A link is one TCP connection with one or many units behind it, asked one request at a time. Each poll group of each
device has fixed slots, spread over its period by the device's id; a slot that is missed is left out, never made up for.

- A device that refuses a block gives a frame of bad readings for it; its other blocks are read all the same.
- A unit that does not answer is reported silent, waits on its own, and is asked with less patience until it answers
  again; the connection is renewed, so that its late answer meets nobody.
- When no unit answers, or no connection can be made, the link ends with `TransientError`.
- A connection that the peer closed between two polls is made anew without a word: many devices do that.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import random
import zlib
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from connectors.modbus.client import Connection, ConnectionLost, Refused, Request, Unanswered, dial
from connectors.modbus.codec import BlockCodec
from connectors.modbus.config import ModbusOptions, ModbusPoint, faults, options_of, unit_of
from connectors.modbus.plan import plan
from twin.errors import TransientError
from twin.frame import Frame
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic import BaseModel

    from connectors.base import Link, Sink
    from connectors.home import Home
    from connectors.modbus.plan import Block
    from twin.frame import Ids
    from twin.model.bound import BoundDevice
    from twin.model.district import Device

FIRST_WITHIN_S = 0.5
"""The first polls of a link are spread over at most this time."""

FIRST_BACKOFF_S = 0.5
LAST_BACKOFF_S = 5.0
LEAST_PATIENCE_S = 0.5
FULL_PATIENCE_EVERY = 4


class Reader:
    """One block of one device, ready to be read: the request, and what turns the answer into a frame."""

    def __init__(self, block: Block, bound: BoundDevice) -> None:
        """Compile the block."""
        self.block = block
        self.request = Request(block, unit_of(bound.device.endpoint))
        self._codec = BlockCodec(block, options_of(bound.device).order)
        self._refused = np.full(len(self._codec.ids), Reason.DEVICE_EXCEPTION, np.uint8)

    def frame(self, payload: bytes, received: int) -> Frame:
        """Return what the device gave."""
        decoded = self._codec.decode(payload)
        return Frame(self._codec.ids, decoded.values, received, 0, decoded.quality, decoded.details)

    def refused(self, words: str, received: int) -> Frame:
        """Return bad readings of all points with the device's words."""
        size = len(self._codec.ids)
        details = dict.fromkeys(range(size), words)
        return Frame(self._codec.ids, np.full(size, np.nan), received, 0, self._refused, details)


@dataclass(slots=True)
class Unit:
    """A device as its link sees it: how long to wait for it, and how often in a row it has not answered."""

    bound: BoundDevice
    ids: Ids
    options: ModbusOptions
    misses: int = 0
    ask_from: float = 0.0

    def missed(self, now: float) -> None:
        """Count a request without an answer and put off the next."""
        longest = min(LAST_BACKOFF_S, FIRST_BACKOFF_S * 2**self.misses)
        self.misses += 1
        self.ask_from = now + longest * random.uniform(0.5, 1.0)

    def patience_s(self, slowest_s: float) -> float:
        """Return how long to wait for an answer; a silent unit gets its full time only now and then.

        `slowest_s` is the longest that any unit of the link took to answer.
        """
        if self.misses % FULL_PATIENCE_EVERY == 0:
            return self.options.timeout
        return min(self.options.timeout, max(LEAST_PATIENCE_S, 5 * slowest_s))


@dataclass(slots=True)
class Job:
    """A poll group of one unit with its slots: `anchor + k * period_s`, in the loop's seconds."""

    unit: Unit
    readers: Sequence[Reader]
    period_s: float
    anchor: float = 0.0

    @property
    def share(self) -> float:
        """A number of [0, 1) that spreads groups over time, the same after each start."""
        device = self.unit.bound.device
        return zlib.crc32(f"{device.district}/{device.id}/{self.period_s}".encode()) / 2**32

    def start(self, now: float) -> float:
        """Fix the slots; returns when to poll first, which is soon whatever the period."""
        self.anchor = now + self.share * self.period_s
        return now + self.share * min(self.period_s, FIRST_WITHIN_S)

    def next_slot(self, due: float, now: float) -> float:
        """Return the first slot after `now` and after `due`, the one just used.

        A timer may wake a little early, and rounding may put a slot after itself: neither polls twice.
        """
        passed = math.floor((max(due, now) - self.anchor) / self.period_s + 1e-6)
        return self.anchor + (passed + 1) * self.period_s


@dataclass(slots=True)
class _Session:
    """One run of a link."""

    link: ModbusLink
    sink: Sink
    connection: Connection | None = None
    units: list[Unit] = field(default_factory=list)
    slowest_s: float = 0.0
    is_up: bool = False

    async def poll_for_ever(self) -> None:
        now = asyncio.get_running_loop().time
        await self._connected()
        jobs = self.link.jobs()
        self.units = list({id(job.unit): job.unit for job in jobs}.values())
        queue = [(job.start(now()), number, job) for number, job in enumerate(jobs)]
        heapq.heapify(queue)
        while True:
            due, number, job = queue[0]
            if due < job.unit.ask_from:
                heapq.heapreplace(queue, (job.unit.ask_from, number, job))
                continue
            await asyncio.sleep(max(0.0, due - now()))
            await self._poll(job)
            heapq.heapreplace(queue, (job.next_slot(due, now()), number, job))

    async def _poll(self, job: Job) -> None:
        for reader in job.readers:
            try:
                frame = reader.frame(await self._ask(job.unit, reader), self.sink.now_ns())
            except Refused as refusal:
                frame = reader.refused(refusal.words, self.sink.now_ns())
            except Unanswered as error:
                self._missed(job.unit, error)
                return
            job.unit.misses = 0
            if not self.is_up:
                self.is_up = True
                self.sink.up()
            await self.sink.submit(frame)

    async def _ask(self, unit: Unit, reader: Reader) -> bytes:
        loop = asyncio.get_running_loop()
        while True:
            connection = await self._connected()
            began = loop.time()
            try:
                payload = await connection.ask(reader.request, unit.patience_s(self.slowest_s))
            except Unanswered as error:
                self.close()
                # Closed since it last answered: reading twice does no harm, and the new one has not answered yet.
                if not (isinstance(error, ConnectionLost) and connection.answered):
                    raise
            else:
                self.slowest_s = max(self.slowest_s, loop.time() - began)
                return payload

    async def _connected(self) -> Connection:
        if self.connection is None or not self.connection.alive:
            self.close()
            self.connection = await dial(self.link.devices[0].device.endpoint, self.link.connect_timeout_s)
        return self.connection

    def _missed(self, unit: Unit, error: Unanswered) -> None:
        unit.missed(asyncio.get_running_loop().time())
        self.sink.silent(unit.ids, Reason.NO_ANSWER, error.words)
        if all(other.misses for other in self.units):
            raise TransientError(error.peer, error.words) from error

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class ModbusLink:
    """One TCP connection and the units behind it."""

    def __init__(self, devices: Sequence[BoundDevice]) -> None:
        """Take the devices of one host and port."""
        self._devices = tuple(devices)
        self._readers = {
            (number, group.period_s): tuple(Reader(block, bound) for block in group.blocks)
            for number, bound in enumerate(self._devices)
            for group in plan(bound)
        }

    @property
    def name(self) -> str:
        """The peer, as in endpoints."""
        return self._devices[0].device.endpoint.peer

    @property
    def devices(self) -> Sequence[BoundDevice]:
        """The devices that this link reads."""
        return self._devices

    @property
    def security(self) -> str:
        """How the peer is spoken to, for health."""
        return "none"

    @property
    def connect_timeout_s(self) -> float:
        """The longest that one of the devices allows."""
        return max(options_of(bound.device).connect_timeout for bound in self._devices)

    def jobs(self) -> list[Job]:
        """Return what is to be polled, with fresh units."""
        units = [_unit(bound) for bound in self._devices]
        return [
            Job(units[number], readers, period_s) for (number, period_s), readers in self._readers.items()
        ]

    async def run(self, sink: Sink) -> None:
        """Poll until cancelled; `TransientError` when the peer is away or no unit behind it answers."""
        session = _Session(self, sink)
        try:
            await session.poll_for_ever()
        finally:
            session.close()

    async def probe(self) -> str:
        """Read the first block of the first device; `TransientError` when there is no answer."""
        reader = next(iter(self._readers.values()))[0]
        options = options_of(self._devices[0].device)
        connection = await dial(self._devices[0].device.endpoint, self.connect_timeout_s)
        try:
            await connection.ask(reader.request, options.timeout)
        except Refused as refusal:
            said = f"with {refusal.words}"
        else:
            block = reader.block
            said = f"{block.table} {block.start} to {block.start + block.count - 1}"
        finally:
            connection.close()
        return f"unit {reader.request.unit} answered {said}"


def _unit(bound: BoundDevice) -> Unit:
    return Unit(bound, np.array([point.id for point in bound.points], np.int32), options_of(bound.device))


class ModbusConnector:
    """Modbus TCP."""

    @property
    def name(self) -> str:
        """Name in profiles and of the entry point."""
        return "modbus"

    @property
    def schemes(self) -> Mapping[str, int]:
        """`modbus+tcp://HOST:502/UNIT`."""
        return {"modbus+tcp": 502}

    @property
    def point_model(self) -> type[BaseModel]:
        """Model of a point's address."""
        return ModbusPoint

    @property
    def options_model(self) -> type[BaseModel]:
        """Model of `options`."""
        return ModbusOptions

    def check(self, device: Device) -> Iterable[tuple[str, str]]:
        """Yield what the schemas cannot see."""
        return faults(device)

    def links(self, devices: Sequence[BoundDevice], home: Home) -> Sequence[Link]:
        """Return one link for each host and port."""
        peers: defaultdict[str, list[BoundDevice]] = defaultdict(list)
        for bound in devices:
            peers[bound.device.endpoint.peer].append(bound)
        return [ModbusLink(members) for members in peers.values()]
