"""Who is asked when: units that answer or are silent, and the slots of poll groups. Pure, in the loop's seconds."""

from __future__ import annotations

import heapq
import math
import random
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from connectors.modbus.config import ModbusOptions
    from connectors.modbus.learning import DevicePlan
    from connectors.modbus.plan import Block
    from twin.frame import Ids
    from twin.model.bound import BoundDevice

FIRST_WITHIN_S = 0.05
"""The first polls of a link are spread over at most this time."""

FIRST_BACKOFF_S = 0.5
LAST_BACKOFF_S = 4.0
"""Longest from one try of a silent unit to the next: with an answer's time it stays below 5 s."""

LEAST_PATIENCE_S = 0.5
FULL_PATIENCE_EVERY = 4

LEAST_PATIENCE_IN_LINE_S = 0.1
FULL_PATIENCE_IN_LINE_EVERY = 16
"""Where all units of a line wait while one is waited for, much less is spent on one that is silent."""


@dataclass(slots=True, eq=False)
class Unit:
    """A device as its link sees it: how long to wait for it, and how often in a row it has not answered."""

    bound: BoundDevice
    number: int
    ids: Ids
    options: ModbusOptions
    plan: DevicePlan
    misses: int = 0
    ask_from: float = 0.0
    is_sought: bool = False
    """The scout asks it, on a connection of its own."""

    unsure: bool = True
    """An earlier answer may still be on its way."""

    tells_set_aside: bool = True
    """What the plan has set aside is still to be told."""

    has_no_mask: bool = False
    """It refused function 22."""

    @property
    def asked_from(self) -> float:
        """When its polls may go on: never by themselves while the scout looks for it."""
        return math.inf if self.is_sought else self.ask_from

    def missed(self, asked_at: float, now: float) -> None:
        """Count a request without an answer and put off the next, counted from when this one was asked."""
        longest = min(LAST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** min(self.misses, 8))
        self.misses += 1
        self.ask_from = max(asked_at + longest * random.uniform(0.5, 1.0), now)

    def patience_s(self, slowest_s: float, *, in_line: bool = False) -> float:
        """Return how long to wait for an answer; a silent unit gets its full time only now and then.

        `slowest_s` is the longest that any unit of the link took to answer, 0 when none has. `in_line` says that all
        others wait meanwhile.
        """
        every = FULL_PATIENCE_IN_LINE_EVERY if in_line else FULL_PATIENCE_EVERY
        least = LEAST_PATIENCE_IN_LINE_S if in_line else LEAST_PATIENCE_S
        if self.misses % every == 0 or not slowest_s:
            return self.options.timeout
        return min(self.options.timeout, max(least, 5 * slowest_s))


@dataclass(slots=True, eq=False)
class Job:
    """A poll group of one unit with its slots: `anchor + k * period_s`."""

    unit: Unit
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


@dataclass(slots=True, eq=False)
class Poll:
    """One poll of a job: the slot that it was due in, the blocks that are still to be read, and those that were."""

    job: Job
    number: int
    due: float
    pending: list[Block]
    read: list[Block] = field(default_factory=list)
    refusals: int = 0

    @property
    def unit(self) -> Unit:
        """Who is asked."""
        return self.job.unit

    def replan(self) -> None:
        """Go on with the blocks of a plan that has changed, without what this poll has read."""
        self.pending = [block for block in _blocks(self.job) if block not in self.read]


class Slots:
    """The jobs of a link by the time at which each is due."""

    def __init__(self, units: Iterable[Unit], now: float) -> None:
        """Line up the poll groups of all units, the first polls soon after `now`."""
        jobs = [Job(unit, period_s) for unit in units for period_s in unit.plan.periods]
        self.requests = sum(len(_blocks(job)) for job in jobs)
        self._queue = [(job.start(now), number, job) for number, job in enumerate(jobs)]
        heapq.heapify(self._queue)

    def next_due(self) -> float:
        """Return when the next poll is due, as far as its unit may be asked by then."""
        queue = self._queue
        while queue[0][0] < queue[0][2].unit.asked_from:
            _, number, job = queue[0]
            heapq.heapreplace(queue, (job.unit.asked_from, number, job))
        return queue[0][0]

    def take(self) -> Poll:
        """Return the poll that is due next; it is put back when it has ended."""
        due, number, job = heapq.heappop(self._queue)
        return Poll(job, number, due, list(_blocks(job)))

    def put_back(self, poll: Poll, now: float) -> None:
        """Line up the next poll of a job."""
        heapq.heappush(self._queue, (poll.job.next_slot(poll.due, now), poll.number, poll.job))

    def move(self, unit: Unit, at: float) -> None:
        """Have all of a unit polled at a time, whatever their slots."""
        self._queue = [(at if job.unit is unit else due, number, job) for due, number, job in self._queue]
        heapq.heapify(self._queue)


def _blocks(job: Job) -> Sequence[Block]:
    return job.unit.plan.blocks(job.period_s)
