"""One point that is, or was, under command."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from twin.clock import NS
from twin.commands.priorities import PriorityArray
from twin.commands.rates import Meter

if TYPE_CHECKING:
    from twin.commands.book import Policy
    from twin.commands.command import Command
    from twin.commands.priorities import Slot
    from twin.commands.values import Value


LONGEST_WAIT_NS = 60 * NS
"""Longest time between two tries."""


@dataclass(slots=True)
class Owed:
    """Something that should be sent and was not yet: why, since when, when to try again; times are ns UTC."""

    words: str
    since: int
    again: int
    tries: int = 0
    said: bool = False

    def waits(self, now_ns: int) -> bool:
        """Whether it is too soon to try again; a wall clock that was set back makes nobody wait longer."""
        return 0 < self.again - now_ns <= LONGEST_WAIT_NS


@dataclass(slots=True)
class Held:
    """A point, who holds it, and what is still to be done for it. Times are ns UTC, 0 for none.

    `queue` counts who waits for the point, `working` what is done for it in the background. `version` grows with every
    change of who holds it. `before` is the value to go back to, known when `has_before`; `restoring` is what brings it
    back, while that lasts. `leases` are when those of this process's commands end, by command, on the clock that
    nobody can set.
    """

    policy: Policy
    array: PriorityArray = field(default_factory=PriorityArray)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    queue: int = 0
    working: int = 0
    version: int = 0
    before: Value | None = None
    has_before: bool = False
    restoring: Command | None = None
    sent_at: int = 0
    awaiting: Command | None = None
    owed: Owed | None = None
    difference_said: bool = False
    resends: Meter | None = None
    leases: dict[int, float] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Path of the point."""
        return self.policy.path

    def lease(self, command: int, ends_s: float) -> None:
        """Note when the lease of a command ends; those of commands that hold nothing any more are forgotten."""
        held = {slot.command for _, slot in self.array}
        self.leases = {known: ends for known, ends in self.leases.items() if known in held} | {
            command: ends_s
        }

    def is_over(self, slot: Slot, now_ns: int, monotonic_s: float) -> bool:
        """Whether a lease is over: by the wall clock, or, where that was set back, by how long it has lasted."""
        return bool(slot.until) and (
            now_ns >= slot.until or monotonic_s >= self.leases.get(slot.command, math.inf)
        )

    def may_resend(self, now_ns: int) -> bool:
        """Whether the rule lets a value that the device left be sent again now; counts it when it does."""
        if self.policy.rule.hold is None:
            return False
        self.resends = self.resends or Meter(self.policy.rule.hold)
        if self.resends.free_at(now_ns) > now_ns:
            return False
        self.resends.note(now_ns)
        return True
