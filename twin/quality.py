"""Quality of a reading and the reason for it, as one byte.

The two high bits of the code are the level, so that a column of codes is judged without a table:

    0..63     good        a value that stands
    64..127   uncertain   a value with a doubt
    128..191  bad         an answer without a usable value
    192..255  absent      no answer: never on a reading, only in the gap ledger
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

FIRST_UNCERTAIN = 64
FIRST_BAD = 128
FIRST_ABSENT = 192


class Level(StrEnum):
    """What a reader may do with a reading."""

    GOOD = "good"
    UNCERTAIN = "uncertain"
    BAD = "bad"
    ABSENT = "absent"


class Reason(IntEnum):
    """Why a reading has its level, or why there is no reading."""

    GOOD = 0
    LATE = 1
    BACKFILLED = 2
    RESTAMPED = 3

    UNCERTAIN_STATUS = 64
    IMPRECISE = 65
    AGE_UNKNOWN = 66
    INCOMPLETE = 67
    INPUT_UNCERTAIN = 68

    NOT_AVAILABLE = 128
    DEVICE_EXCEPTION = 129
    BAD_STATUS = 130
    NOT_A_NUMBER = 131
    OUT_OF_RANGE = 132
    WRONG_TYPE = 133
    UNKNOWN_STATE = 134
    UNDECODABLE = 135
    INPUT_MISSING = 136
    UNDEFINED = 137

    NOT_HEARD_YET = 192
    LINK_DOWN = 193
    NO_ANSWER = 194
    SILENT = 195
    PLATFORM_STOPPED = 196
    BUFFER_FULL = 197
    SPOOL_DAMAGED = 198
    STORE_REFUSED = 199

    @property
    def level(self) -> Level:
        """Level that the two high bits of the code give."""
        return _LEVELS[self >> 6]

    @property
    def slug(self) -> str:
        """Name in files, stores and answers, for example `out_of_range`."""
        return self.name.lower()

    @property
    def meaning(self) -> str:
        """One sentence for a person."""
        return _MEANINGS[self]


_LEVELS = (Level.GOOD, Level.UNCERTAIN, Level.BAD, Level.ABSENT)

_MEANINGS = {
    Reason.GOOD: "the device gave this value",
    Reason.LATE: "arrived after a newer reading of the same point",
    Reason.BACKFILLED: "read later from the device's own history",
    Reason.RESTAMPED: "the device's clock was too far off, the time of receipt stands",
    Reason.UNCERTAIN_STATUS: "the device itself calls this value uncertain",
    Reason.IMPRECISE: "an integer too large to be kept exactly (above 2^53)",
    Reason.AGE_UNKNOWN: "somebody kept this value in between, nobody knows since when",
    Reason.INCOMPLETE: "computed without some of its inputs, as its rule allows",
    Reason.INPUT_UNCERTAIN: "computed from an uncertain value",
    Reason.NOT_AVAILABLE: "the device says that it has no value",
    Reason.DEVICE_EXCEPTION: "the device answered with an exception",
    Reason.BAD_STATUS: "the server calls this value bad",
    Reason.NOT_A_NUMBER: "not a finite number",
    Reason.OUT_OF_RANGE: "outside the plausible range of its quantity",
    Reason.WRONG_TYPE: "not of the type that the profile promises",
    Reason.UNKNOWN_STATE: "a state that the profile does not name",
    Reason.UNDECODABLE: "the answer could not be decoded",
    Reason.INPUT_MISSING: "an input that it is computed from has no usable value",
    Reason.UNDEFINED: "the expression has no value for these inputs, such as a division by zero",
    Reason.NOT_HEARD_YET: "nothing was heard since it was configured",
    Reason.LINK_DOWN: "the link to the device is down",
    Reason.NO_ANSWER: "the device does not answer",
    Reason.SILENT: "the device stopped sending",
    Reason.PLATFORM_STOPPED: "barrio was not running",
    Reason.BUFFER_FULL: "the spool was full and the reading could not be kept",
    Reason.SPOOL_DAMAGED: "a damaged record of the spool was set aside",
    Reason.STORE_REFUSED: "the store refused the reading, it is in the dead letters",
}
