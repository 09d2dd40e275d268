"""How long to wait before another try, and when to leave it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from twin.clock import NS

if TYPE_CHECKING:
    from random import Random

DAY_S = 86_400.0
FEWEST_TRIES = 12
"""Tries before anything is given up or steps aside, about 45 minutes: by then a clock that jumped shows nothing."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Waits that double from `first_s` to `longest_s`, each shortened at random by up to half.

    The randomness keeps those who failed together from coming back together. A wait that the other side asks for is
    kept, up to `longest_asked_s`.
    """

    random: Random
    first_s: float = 1.0
    longest_s: float = 900.0
    longest_asked_s: float = DAY_S
    give_up_after_s: float = 7 * DAY_S

    @property
    def give_up_after_ns(self) -> int:
        """Age at which an entry is given up."""
        return round(self.give_up_after_s * NS)

    def wait_ns(self, tries: int, asked_s: float | None = None) -> int:
        """Return the wait after the `tries`-th try failed."""
        doubled = self.first_s * 2.0 ** min(max(tries - 1, 0), 30)
        wait_s = min(doubled, self.longest_s) * self.random.uniform(0.5, 1.0)
        if asked_s is not None:
            wait_s = max(wait_s, min(asked_s, self.longest_asked_s))
        return round(wait_s * NS)

    def is_due(self, now: int, *, tried_at: int, due: int) -> bool:
        """Whether a wait is over; a clock that was set back ends it, nobody knows how much of it was left."""
        return now >= due or now < tried_at

    def is_over(self, now: int, put_at: int, tries: int) -> bool:
        """Whether another try makes no sense any more."""
        return now - put_at >= self.give_up_after_ns and tries >= FEWEST_TRIES

    def steps_aside(self, tries: int) -> bool:
        """Whether an entry that is answered with errors lets others pass."""
        return tries >= FEWEST_TRIES
