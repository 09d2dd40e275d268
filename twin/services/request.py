"""One request for supply and the states that it goes through.

    requested ──> acknowledged ──> delivering ──> delivered ──> closed
        └────────────┴──> escalated ──┘
    Any that is open may be cancelled or closed by people.

What happens is a `Step`: who, when, what it led to, in words. A request that is escalated is still open: it can be
acknowledged late, and delivered.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum


class State(StrEnum):
    """How a request stands."""

    REQUESTED = "requested"
    ACKNOWLEDGED = "acknowledged"
    ESCALATED = "escalated"
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    CLOSED = "closed"
    CANCELLED = "cancelled"


_NEXT = {
    State.REQUESTED: {State.ACKNOWLEDGED, State.ESCALATED, State.DELIVERING, State.CLOSED, State.CANCELLED},
    State.ACKNOWLEDGED: {State.ESCALATED, State.DELIVERING, State.CLOSED, State.CANCELLED},
    State.ESCALATED: {State.ACKNOWLEDGED, State.DELIVERING, State.CLOSED, State.CANCELLED},
    State.DELIVERING: {State.DELIVERED, State.CLOSED, State.CANCELLED},
    State.DELIVERED: {State.CLOSED},
    State.CLOSED: frozenset(),
    State.CANCELLED: frozenset(),
}
ENDED = frozenset({State.CLOSED, State.CANCELLED})
WAITING = frozenset({State.REQUESTED, State.ACKNOWLEDGED, State.ESCALATED})
"""Nothing was delivered yet."""

UNACKNOWLEDGED, UNDELIVERED = "unacknowledged", "undelivered"


@dataclass(frozen=True, slots=True)
class Step:
    """What happened to a request; `at` is ns UTC."""

    at: int
    state: State
    who: str
    words: str


@dataclass(frozen=True, slots=True)
class Request:
    """A request, and all that became of it. Levels are percent, quantities m3, times ns UTC.

    `quantity` is None where nobody knows what the tank holds. `hours` are hours left when it was opened (estimate,
    lower and upper end), None where they were not known. `sent` is when the supplier took it, 0 before. `escalations`
    are the reasons that were told already.
    """

    id: int
    tank: str
    supplier: str
    what: str
    opened: int
    deadline: int
    reason: str
    level: float
    fill_to: float
    quantity: float | None
    hours: tuple[float, float, float] | None
    state: State = State.REQUESTED
    sent: int = 0
    acknowledged: int = 0
    reference: str = ""
    low: float = 0.0
    rise_began: int = 0
    high: float = 0.0
    delivered: float | None = None
    escalations: tuple[str, ...] = ()
    steps: tuple[Step, ...] = field(default=(), compare=False)

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to do something."""
        return self.state not in ENDED

    def may(self, state: State) -> bool:
        """Whether a state can follow."""
        return state in _NEXT[self.state]

    @property
    def ended(self) -> int:
        """When it was closed or cancelled, ns UTC; 0 while it is open."""
        return 0 if self.is_open or not self.steps else self.steps[-1].at

    def step(self, at: int, state: State, who: str, words: str, **facts: object) -> Request:
        """Return the request after something happened; ValueError when it cannot happen now.

        A step that leaves the state as it is only adds to what is known, such as an acknowledgement while it is
        delivered already.
        """
        if state != self.state and not self.may(state):
            raise ValueError(f"request {self.id} is {self.state}: it cannot become {state}")
        steps = (*self.steps, Step(at, state, who, words))
        return replace(self, state=state, steps=steps, **facts)  # type: ignore[arg-type]
