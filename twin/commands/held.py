"""One point that is, or was, under command."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from twin.commands.priorities import PriorityArray
from twin.commands.rates import Meter

if TYPE_CHECKING:
    from twin.commands.book import Policy
    from twin.commands.command import Command
    from twin.commands.values import Value


@dataclass(slots=True)
class Owed:
    """Something that should be sent and was not yet: why, since when, when to try again; times are ns UTC."""

    words: str
    since: int
    again: int
    tries: int = 0
    said: bool = False


@dataclass(slots=True)
class Held:
    """A point, who holds it, and what is still to be done for it. Times are ns UTC, 0 for none.

    `queue` counts who waits for the point, `working` what is done for it in the background. `version` grows with every
    change of who holds it. `before` is the value to go back to, known when `has_before`; `restoring` is what brings it
    back, while that lasts.
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

    @property
    def path(self) -> str:
        """Path of the point."""
        return self.policy.path

    def may_resend(self, now_ns: int) -> bool:
        """Whether the rule lets a value that the device left be sent again now; counts it when it does."""
        if self.policy.rule.hold is None:
            return False
        self.resends = self.resends or Meter(self.policy.rule.hold)
        if self.resends.free_at(now_ns) > now_ns:
            return False
        self.resends.note(now_ns)
        return True
