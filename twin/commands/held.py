"""One point that is, or was just, under command."""

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
class Held:
    """A point, who holds it, and what is still to be done for it. Times are ns UTC, 0 for none.

    `before` is the value to go back to, known when `has_before`. `version` grows with every command that takes the
    point. `owed_at` is when to try again to send what should be there, `owed` why that was not done yet. `restoring`
    is what brings the value before back, while that lasts.
    """

    policy: Policy
    array: PriorityArray = field(default_factory=PriorityArray)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    queue: int = 0
    working: bool = False
    version: int = 0
    before: Value | None = None
    has_before: bool = False
    sent_at: int = 0
    awaiting: Command | None = None
    restoring: Command | None = None
    owed_at: int = 0
    owed: str = ""
    tries: int = 0
    difference_said: bool = False
    resends: Meter | None = None

    @property
    def idle(self) -> bool:
        """Whether nobody holds it and nothing is to be done."""
        return not (
            len(self.array) or self.has_before or self.owed_at or self.queue or self.working or self.awaiting
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
