"""The states of an alarm and the way from one to the next, after ISA-18.2 / IEC 62682. Pure: no time, no disk.

An alarm has two sides: whether its condition holds, which the process decides, and whether somebody has seen it. Two
further states take it out of everybody's sight: shelved, for a time, by a person; suppressed, by the alarm that is its
cause. `TABLE` holds every way that there is; what is not in it does not happen, and a person who asks for it is
refused with a reason.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_SHELVED_S = 30 * 86_400.0


class State(StrEnum):
    """How an alarm stands."""

    NORMAL = "normal"
    ACTIVE = "active"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"
    SHELVED = "shelved"
    SUPPRESSED = "suppressed"

    @property
    def meaning(self) -> str:
        """What it says to a person."""
        return _MEANINGS[self]


_MEANINGS: Mapping[State, str] = {
    State.NORMAL: "the condition does not hold and nobody has to do anything",
    State.ACTIVE: "the condition holds and nobody has acknowledged it",
    State.ACKNOWLEDGED: "the condition holds and somebody has seen it",
    State.RETURNED: "the condition holds no more, and nobody has acknowledged that it did",
    State.SHELVED: "somebody put it aside until a time",
    State.SUPPRESSED: "the condition holds because of another alarm, which stands for it",
}


class Happening(StrEnum):
    """What brings an alarm from one state to the next; the words of notifications and of the journal."""

    RAISED = "raised"
    RETURNED = "returned"
    ACKNOWLEDGED = "acknowledged"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    SUPPRESSED = "suppressed"
    ESCALATED = "escalated"
    REMOVED = "removed"


STATES = tuple(State)
CODES: Mapping[State, int] = {state: code for code, state in enumerate(STATES)}

TABLE: Mapping[tuple[State, Happening], State] = {
    (State.NORMAL, Happening.RAISED): State.ACTIVE,
    (State.NORMAL, Happening.SUPPRESSED): State.SUPPRESSED,
    (State.NORMAL, Happening.SHELVED): State.SHELVED,
    (State.ACTIVE, Happening.ACKNOWLEDGED): State.ACKNOWLEDGED,
    (State.ACTIVE, Happening.RETURNED): State.RETURNED,
    (State.ACTIVE, Happening.SUPPRESSED): State.SUPPRESSED,
    (State.ACTIVE, Happening.SHELVED): State.SHELVED,
    (State.ACTIVE, Happening.ESCALATED): State.ACTIVE,
    (State.ACKNOWLEDGED, Happening.RETURNED): State.NORMAL,
    (State.ACKNOWLEDGED, Happening.SUPPRESSED): State.SUPPRESSED,
    (State.ACKNOWLEDGED, Happening.SHELVED): State.SHELVED,
    (State.RETURNED, Happening.ACKNOWLEDGED): State.NORMAL,
    (State.RETURNED, Happening.RAISED): State.ACTIVE,
    (State.RETURNED, Happening.SUPPRESSED): State.SUPPRESSED,
    (State.RETURNED, Happening.SHELVED): State.SHELVED,
    # What the process does meanwhile changes nothing for what is shelved.
    (State.SHELVED, Happening.SHELVED): State.SHELVED,
    (State.SHELVED, Happening.UNSHELVED): State.NORMAL,
    (State.SUPPRESSED, Happening.RAISED): State.ACTIVE,
    (State.SUPPRESSED, Happening.RETURNED): State.NORMAL,
    (State.SUPPRESSED, Happening.SHELVED): State.SHELVED,
    # The configuration knows it no more.
    **{(state, Happening.REMOVED): State.NORMAL for state in State if state is not State.NORMAL},
}
"""From a state, by what happens, to the next. An alarm that is unshelved while its condition holds is raised anew."""


class NotPossible(ValueError):
    """Raised when a person asks of an alarm what its state does not allow; the message says why."""


def after(state: State, happening: Happening, *, needs_ack: bool = True) -> State:
    """Return the next state; KeyError where there is no such way.

    An alarm that needs no acknowledgement is taken for acknowledged as soon as it is raised.
    """
    found = TABLE[state, happening]
    return State.ACKNOWLEDGED if found is State.ACTIVE and not needs_ack else found


def refusal(number: int, state: State, happening: Happening, more: str = "") -> str:
    """Return why a person cannot do something to an alarm, empty when they can; `more` is added to the state."""
    if (state, happening) in TABLE:
        return ""
    return (
        f"alarm {number} is {state}{more and f' {more}'}: {_HINTS.get((state, happening), 'that cannot be')}"
    )


_HINTS: Mapping[tuple[State, Happening], str] = {
    (State.NORMAL, Happening.ACKNOWLEDGED): "there is nothing to acknowledge",
    (State.ACKNOWLEDGED, Happening.ACKNOWLEDGED): "there is nothing left to acknowledge",
    (State.SHELVED, Happening.ACKNOWLEDGED): "unshelve it first",
    (State.SUPPRESSED, Happening.ACKNOWLEDGED): "acknowledge its cause",
    **{(state, Happening.UNSHELVED): "it is not shelved" for state in State if state is not State.SHELVED},
}
