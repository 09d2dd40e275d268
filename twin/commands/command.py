"""A command, and what can become of it.

asked ─┬─ refused
       ├─ prepared ─┬─ expired | cancelled
       │            └─ confirmed by a person ─┐
       └──────────────────────────────────────┴─ waiting (a stronger one holds the point) ─┐
                                                 sending ─┬─ rejected | refused (nothing was sent)
                                                          ├─ unknown (sent, no answer)
                                                          └─ written ─┬─ confirmed
                                                                      ├─ mismatch
                                                                      └─ unconfirmed
what holds the point ends: lease over, released, replaced
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from twin.errors import BarrioError
from twin.model.roles import SCHEDULE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twin.commands.values import Value

RESTORE = 17
"""Priority of what barrio writes when nobody holds a point any more: below all sixteen."""

SELF = "barrio"
"""Who writes the value before back."""


class State(StrEnum):
    """How a command stands."""

    REFUSED = "refused"
    PREPARED = "prepared"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    WAITING = "waiting"
    SENDING = "sending"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    WRITTEN = "written"
    CONFIRMED = "confirmed"
    MISMATCH = "mismatch"
    UNCONFIRMED = "unconfirmed"
    ENDED = "ended"


class Why(StrEnum):
    """Why a command was refused, as programs read it; `words` of the command say it to people."""

    UNKNOWN_POINT = "unknown_point"
    READ_ONLY = "read_only"
    NOT_LISTED = "not_listed"
    ROLE = "role"
    VALUE = "value"
    LIMITS = "limits"
    PRIORITY = "priority"
    LEASE = "lease"
    INTERLOCK = "interlock"
    RATE = "rate"
    EXPECTATION = "expectation"
    KEY_REUSED = "key_reused"
    BUSY = "busy"
    NO_SUCH_COMMAND = "no_such_command"
    NOT_PREPARED = "not_prepared"
    TOO_LATE = "too_late"
    WRONG_CODE = "wrong_code"
    SECOND_PERSON = "second_person"
    OVERTAKEN = "overtaken"
    NOTHING_HELD = "nothing_held"
    STOPPING = "stopping"
    LINK_DOWN = "link_down"
    NOT_RECORDED = "not_recorded"
    REJECTED = "rejected"


class Refusal(BarrioError):
    """Raised when something is not done; the words say why, and what would be."""

    def __init__(self, reason: Why, words: str) -> None:
        self.reason = reason
        self.words = words
        super().__init__(words)


class Done(StrEnum):
    """What a link says of one write."""

    WRITTEN = "written"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one write: `read_back` is what the device has now, None when it did not say."""

    done: Done
    read_back: Value | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A command as somebody asks for it.

    `lease_s` is how long it should hold: None as the rule says, 0 until released. `expect` is the value that the point
    must have now. `key` makes a repeated question the same one.
    """

    path: str
    value: float | str
    who: str
    roles: frozenset[str]
    why: str = ""
    priority: int = 8
    lease_s: float | None = None
    expect: float | str | None = None
    key: str = ""


@dataclass(slots=True)
class Command:
    """A command and how it stands; times are ns UTC, 0 for never.

    `before` is what the device showed when it was accepted, `read_back` what it showed afterwards. `until` is when its
    lease is over, `deadline` when a prepared command expires, or when a written one must have been read back. `result`
    is how it stood before it ended.
    """

    id: int
    path: str
    value: Value
    who: str
    roles: Sequence[str]
    why: str
    priority: int
    state: State
    asked: int
    changed: int
    lease_s: float = 0.0
    until: int = 0
    deadline: int = 0
    reason: str = ""
    words: str = ""
    result: str = ""
    before: Value | None = None
    read_back: Value | None = None
    confirmed_by: str = ""
    key: str = ""
    code: str = ""
    tries: int = 0

    @property
    def of_schedule(self) -> bool:
        """Whether a programme asked for it; nobody else has that role."""
        return tuple(self.roles) == (SCHEDULE,)

    @property
    def of_barrio(self) -> bool:
        """Whether barrio itself wants it: a programme, or a value that goes back."""
        return self.of_schedule or self.priority == RESTORE

    def move(self, state: State, at: int, words: str = "", reason: str = "") -> None:
        """Let it stand differently; words and reason are those of the change."""
        if state is State.ENDED:
            self.result = self.state.value
        self.state, self.changed, self.words, self.reason = state, at, words, reason
