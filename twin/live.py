"""The twin's current state: the newest reading of every point, as columns indexed by series id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.quality import FIRST_BAD, Reason

if TYPE_CHECKING:
    from twin.frame import Batch
    from twin.ingest.settle import Settled

NEVER = 0


@dataclass(frozen=True, slots=True)
class State:
    """What the twin knows of one point now. Times are ns UTC, 0 when there was none."""

    value: float
    quality: Reason
    time: int
    received: int
    device: int
    detail: str


class Live:
    """Newest reading of each point; written by ingest, read by everybody, all in the event loop's thread."""

    def __init__(self, size: int) -> None:
        self.value = np.full(size, np.nan)
        self.quality = np.full(size, Reason.NOT_HEARD_YET, np.uint8)
        self.time = np.zeros(size, np.int64)
        self.received = np.zeros(size, np.int64)
        self.device = np.zeros(size, np.int64)
        self.heard_s = np.full(size, -np.inf)
        self.details: dict[int, str] = {}

    def restore(self, readings: Batch) -> None:
        """Take readings from the store or the spool at start: known, but not heard by this process."""
        ordered = readings.take(np.argsort(readings.time, kind="stable"))
        newer = ordered.time >= self.time[ordered.ids]
        self._set(ordered.take(newer), slice(None))

    def apply(self, settled: Settled, monotonic_s: float) -> None:
        """Take readings that just arrived; an older one never replaces a newer one."""
        readings = settled.readings
        self.heard_s[readings.ids if settled.kept is None else readings.ids[~settled.kept]] = monotonic_s
        older = (readings.time == readings.device) & (readings.time < self.time[readings.ids])
        # What was received at a later time than now was received before the clock was set back: it is not newer.
        backwards = self.received[readings.ids] > readings.received
        older &= ~backwards if settled.kept is None else ~backwards | settled.kept
        if older.any():
            readings = readings.take(~older)
        if readings.time is not readings.received and len(readings) > 1:
            # Of several readings of a point in one flush, the newest stands, whichever came last.
            readings = readings.take(np.argsort(readings.time, kind="stable"))
        self._set(readings, slice(None))
        self._explain(settled)

    def state(self, series: int) -> State:
        """Return what is known of one point."""
        return State(
            float(self.value[series]),
            Reason(int(self.quality[series])),
            int(self.time[series]),
            int(self.received[series]),
            int(self.device[series]),
            self.details.get(series, ""),
        )

    def _set(self, readings: Batch, at: slice) -> None:
        rows = readings.ids[at]
        self.value[rows] = readings.value[at]
        self.quality[rows] = readings.quality[at]
        self.time[rows] = readings.time[at]
        self.received[rows] = readings.received[at]
        self.device[rows] = readings.device[at]

    def _explain(self, settled: Settled) -> None:
        if self.details:
            good = settled.readings.ids[settled.readings.quality < FIRST_BAD]
            for row in np.intersect1d(good, np.fromiter(self.details, np.int32)).tolist():
                del self.details[row]
        for position, words in settled.details.items():
            row = int(settled.readings.ids[position])
            if self.quality[row] == settled.readings.quality[position]:
                self.details[row] = words
