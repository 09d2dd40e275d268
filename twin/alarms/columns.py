"""How all alarms stand, as columns in the order of their places. Durations and due times are monotonic ns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.alarms.states import CODES, STATES, State
from twin.clock import NS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from twin.alarms.alarm import Alarm

    Mask = npt.NDArray[np.bool_]
    Places = npt.NDArray[np.intp]

NEVER = np.iinfo(np.int64).max

NORMAL = CODES[State.NORMAL]
ACTIVE = CODES[State.ACTIVE]
SHELVED = CODES[State.SHELVED]
SUPPRESSED = CODES[State.SUPPRESSED]

_DEFAULTS: dict[str, tuple[type, int]] = {
    "active": (np.bool_, 0),
    "state": (np.uint8, NORMAL),
    "raised": (np.int64, 0),
    "due": (np.int64, NEVER),
    "held": (np.int64, NEVER),
    "settling": (np.int64, NEVER),
    "escalates": (np.int64, NEVER),
    "until": (np.int64, 0),
}


class Columns:
    """One row for each alarm.

    `active` says that the condition holds and the on-delay is over; `raised` since when, ns UTC. `due` is when a delay
    ends, `held` when waiting for a cause ends, `settling` when what lost its cause comes forward, `escalates` when
    nobody acknowledged for too long. `until` is the end of shelving, ns UTC.
    """

    def __init__(self) -> None:
        self.active = np.zeros(0, np.bool_)
        self.state = np.zeros(0, np.uint8)
        self.raised = np.zeros(0, np.int64)
        self.due = np.zeros(0, np.int64)
        self.held = np.zeros(0, np.int64)
        self.settling = np.zeros(0, np.int64)
        self.escalates = np.zeros(0, np.int64)
        self.until = np.zeros(0, np.int64)
        self.holds = np.zeros(0, np.bool_)
        self.known = np.zeros(0, np.bool_)
        self.on_delay = np.zeros(0, np.int64)
        self.off_delay = np.zeros(0, np.int64)
        self.hold = np.zeros(0, np.int64)
        self.settle = np.zeros(0, np.int64)

    def __len__(self) -> int:
        """Number of alarms."""
        return len(self.state)

    def extend(self, alarms: Sequence[Alarm]) -> None:
        """Add rows for further alarms, all of them normal."""
        for name, (kind, default) in _DEFAULTS.items():
            fresh = np.full(len(alarms), default, np.dtype(kind))
            setattr(self, name, np.concatenate([getattr(self, name), fresh]))
        for name in ("holds", "known"):
            setattr(self, name, np.concatenate([getattr(self, name), np.zeros(len(alarms), np.bool_)]))
        for name in ("on_delay", "off_delay", "hold", "settle"):
            more = np.array([round(getattr(alarm, f"{name}_s") * NS) for alarm in alarms], np.int64)
            setattr(self, name, np.concatenate([getattr(self, name), more]))

    def state_of(self, place: int) -> State:
        """Return the state of one alarm."""
        return STATES[int(self.state[place])]

    def flip(self, places: Places, monotonic: int) -> Places:
        """Let delays begin, go on and end at some places; returns those whose condition began or ended for good.

        A delay whose value is not known meanwhile goes on, but ends only once the value is known and still says so.
        """
        holds, active, due = self.holds[places], self.active[places], self.due[places]
        differs = self.known[places] & (holds != active)
        over = self.known[places] & ~differs & (due != NEVER)
        if not (differs.any() or over.any()):
            return places[:0]
        due[over] = NEVER
        begins = differs & (due == NEVER)
        delay = np.where(holds, self.on_delay[places], self.off_delay[places])
        due[begins] = monotonic + delay[begins]
        ready = differs & (due <= monotonic)
        due[ready] = NEVER
        self.due[places] = due
        self.active[places[ready]] = holds[ready]
        ended: Places = places[ready]
        return ended
