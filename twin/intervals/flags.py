"""What is said of an interval: one flag, and why; and of a boundary, how its register was had."""

from __future__ import annotations

from enum import IntEnum


class Flag(IntEnum):
    """Quality of an interval. A longer interval has the highest of its parts."""

    VALID = 0
    LATE = 1
    ESTIMATED = 2
    EDITED = 3
    SUSPECT = 4
    MISSING = 5

    @property
    def slug(self) -> str:
        """Name in answers."""
        return self.name.lower()

    @property
    def meaning(self) -> str:
        """One sentence for a person."""
        return _FLAGS[self]


_FLAGS = {
    Flag.VALID: "both boundary registers were measured, and no check found fault",
    Flag.LATE: "measured, but some of it arrived after the day had been settled: a newer version of the day",
    Flag.ESTIMATED: "a boundary lies in a gap: its register is estimated between the readings around the gap",
    Flag.EDITED: "somebody decided it: a register read by hand, a distribution, or readings to be left out",
    Flag.SUSPECT: "a check found fault with it",
    Flag.MISSING: "a boundary register is not known",
}


class Edge(IntEnum):
    """How the register at a boundary was had."""

    READ = 0
    """Read at the very moment."""
    BETWEEN = 1
    """Between two readings that lie close enough together."""
    LINEAR = 2
    """In a short gap: linear between the readings around it."""
    REFERENCE = 3
    """In a long gap: as on reference days."""
    NO_REFERENCE = 4
    """In a long gap without reference days: linear."""
    UNREAD = 5
    """After the last reading."""
    UNBORN = 6
    """Before the first reading."""


ESTIMATES = (Edge.LINEAR, Edge.REFERENCE, Edge.NO_REFERENCE)


class Why(IntEnum):
    """Why an interval has its flag; 0 when there is nothing to say."""

    MEASURED = 0
    LINEAR = 1
    REFERENCE = 2
    NO_REFERENCE = 3
    UNREAD = 4
    UNBORN = 5
    UNSETTLED = 6
    FELL = 10
    NOT_BELIEVED = 11
    CLOCK = 12
    UNCERTAIN = 13
    HIGH = 14
    LOW = 15
    SPIKE = 16
    FROZEN = 17
    SUM = 18
    MISFIT = 19
    HAND_READ = 30
    SPREAD = 31
    IGNORED = 32
    ACCEPTED = 33
    CAME_LATE = 40
    WRAPPED = 41
    METER_CHANGED = 42

    @property
    def slug(self) -> str:
        """Name in answers and rules."""
        return self.name.lower()

    @property
    def words(self) -> str:
        """One sentence for a person, empty when there is nothing to say."""
        return _WORDS[self]


_WORDS = {
    Why.MEASURED: "",
    Why.LINEAR: "a short gap: linear between the readings around it",
    Why.REFERENCE: "a long gap: its total is known, spread as on the reference days",
    Why.NO_REFERENCE: "a long gap without reference days before it: linear between the readings around it",
    Why.UNREAD: "the register at its end was not read yet",
    Why.UNBORN: "nothing had been read when it began",
    Why.UNSETTLED: "its day was not settled by then",
    Why.FELL: "the register fell, without a wrap or a declared change of the meter",
    Why.NOT_BELIEVED: "a reading that fits neither the one before nor the one after was left out",
    Why.CLOCK: "the time of a reading at its boundary is in doubt",
    Why.UNCERTAIN: "the device calls a reading at its boundary uncertain",
    Why.HIGH: "above the highest rate that the rules allow",
    Why.LOW: "below the lowest rate that the rules allow",
    Why.SPIKE: "far above the third highest interval of its day",
    Why.FROZEN: "the register stood still while another point of its device says that something flowed",
    Why.SUM: "differs from the sum of the meters that it feeds",
    Why.MISFIT: "a distribution that somebody decided no longer adds up to the registers, and was left out",
    Why.HAND_READ: "a register that was read by hand",
    Why.SPREAD: "a distribution that somebody decided",
    Why.IGNORED: "readings that somebody decided to leave out",
    Why.ACCEPTED: "a check found fault with it, and somebody accepted it",
    Why.CAME_LATE: "some of its readings arrived after the day had been settled",
    Why.WRAPPED: "the register wrapped",
    Why.METER_CHANGED: "the meter was changed",
}

OF_EDGES = {
    Edge.LINEAR: Why.LINEAR,
    Edge.REFERENCE: Why.REFERENCE,
    Edge.NO_REFERENCE: Why.NO_REFERENCE,
    Edge.UNREAD: Why.UNREAD,
    Edge.UNBORN: Why.UNBORN,
}
"""What an interval says of a boundary that was not measured."""
