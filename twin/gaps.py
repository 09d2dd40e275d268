"""Which points are silent right now, and why: the event loop's side of the gap ledger.

The ledger itself (SQLite) is written by a thread that this object is given; the order of changes is kept. A gap begins
when the point was last heard and ends with its next usable reading; when the reason changes in between, one interval
ends and the next begins, so that every stretch of time has one reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.quality import FIRST_BAD, Reason
from twin.words import storable

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from twin.frame import Ids, Times
    from twin.ingest.settle import Settled
    from twin.ledger import Ledger
    from twin.live import Live

    Submit = Callable[..., Any]
    Listener = Callable[[Ids, Times, "Reason | None", str], object]

NO_GAP = 0


class Gaps:
    """Current gap of each point; `reason` is uint8 by series id, 0 where there is none.

    `listeners` are told of points whose gap began at a time for a reason, or (reason None) ended then.
    """

    def __init__(self, size: int, ledger: Ledger, submit: Submit, live: Live) -> None:
        self.reason = np.zeros(size, np.uint8)
        self.since = np.zeros(size, np.int64)
        self.words: dict[int, str] = {}
        self.listeners: list[Listener] = []
        # What was taken but may not be settled yet: when each point was heard last, how many readings came so far,
        # how many of them are settled, and how many had come when the point's gap began.
        self._heard = np.zeros(size, np.int64)
        self._heard_s = np.full(size, -np.inf)
        self._came = self._done = 0
        self._began = np.zeros(size, np.int64)
        self._ledger = ledger
        self._submit = submit
        self._live = live

    def restore(self, configured: Ids, alive: int, now: int) -> None:
        """Account for the time in which this process did not run: it stopped at `alive` and starts at `now` (ns)."""
        self._heard[:] = self._live.received
        self._adopt(configured, now)
        free = configured[self.reason[configured] == NO_GAP]
        never = self._live.time[free] == 0
        heard = free[~never]
        self._begin(free[never], now, Reason.NOT_HEARD_YET, "")
        since = np.minimum(np.maximum(self._live.time[heard], min(alive, now)), now)
        self._begin(heard, since, Reason.PLATFORM_STOPPED, "")

    def taken(self, ids: Ids, received: int, monotonic_s: float) -> None:
        """Note that readings came in; they are heard from now on, and settled later in the same order."""
        self._heard[ids] = received
        self._heard_s[ids] = monotonic_s
        self._came += len(ids)

    def kept(self, count: int) -> None:
        """Note that readings came which a device had kept: in the same order as the others, but nobody is heard."""
        self._came += count

    def filled(self, ids: Ids, start: int, stop: int) -> None:
        """Note that the history of points is complete from `start` to `stop`, ns UTC."""
        self._submit(self._ledger.fill, ids, start, stop)

    def settled(self, settled: Settled) -> None:
        """Close the gaps of points that gave a usable reading, open those of points that gave a bad one.

        A reading that was taken before its point's gap began does not end it, whatever the wall clock said.
        """
        readings = settled.readings
        ids, first = readings.ids, self._done
        self._done += len(ids)
        bad = readings.quality >= FIRST_BAD
        gap = self.reason[ids]
        if not bad.any() and not gap.any():
            return
        number = np.arange(first, first + len(ids))
        later = number >= self._began[ids]
        if settled.kept is not None:
            later &= ~settled.kept
            bad &= ~settled.kept
        mixed = np.isin(ids, ids[bad & (gap != readings.quality)])
        mixed |= np.isin(ids, ids[bad]) & np.isin(ids, ids[~bad])
        back = later & ~bad & ~mixed & (gap != NO_GAP) & (gap != Reason.STORE_REFUSED)
        if back.any():
            self.end(ids[back], readings.received[back])
        for position in np.flatnonzero(later & mixed).tolist():
            self._one(settled, position, first + position)

    def _one(self, settled: Settled, position: int, number: int) -> None:
        """Follow one reading of a point that gave bad ones among the others, in the order in which they came."""
        row = settled.readings.ids[position : position + 1]
        at = settled.readings.received[position : position + 1]
        quality = int(settled.readings.quality[position])
        if quality >= FIRST_BAD:
            self.begin(row, at, Reason(quality), settled.details.get(position, ""))
            self._began[row] = number
        elif self.reason[row[0]] not in (NO_GAP, Reason.STORE_REFUSED):
            self.end(row, at)

    def silent(self, ids: Ids, reason: Reason, words: str, now: int) -> None:
        """Note that points gave no answer: their gap begins where they were last heard."""
        new = ids[self.reason[ids] == NO_GAP]
        heard = self._heard[new]
        self._begin(new, np.where(heard > 0, np.minimum(heard, now), now), reason, words)
        other = ids[(self.reason[ids] != NO_GAP) & (self.reason[ids] != reason)]
        self.begin(other, np.full(len(other), now, np.int64), reason, words)

    def watch(
        self,
        silent_after_s: np.ndarray,
        configured: np.ndarray,
        now: int,
        monotonic_s: float,
        refused: str = "",
    ) -> Ids:
        """Open gaps for points that were heard once and then not for longer than allowed; returns them.

        `refused` are the words of a buffer that takes nothing: then it is not the devices that are silent.
        """
        overdue = configured & (self.reason == NO_GAP) & (monotonic_s - self._heard_s > silent_after_s)
        overdue &= np.isfinite(self._heard_s)
        ids = np.flatnonzero(overdue).astype(np.int32)
        if len(ids):
            self.silent(ids, Reason.BUFFER_FULL if refused else Reason.SILENT, refused, now)
        return ids

    def begin(self, ids: Ids, at: Times, reason: Reason, words: str) -> None:
        """Begin a gap, ending the one before it if the reason was another."""
        again = self.reason[ids] == reason
        ids, at = ids[~again], at[~again]
        running = self.reason[ids] != NO_GAP
        if running.any():
            # A clock that was set back must not make the next gap begin before the one that it follows.
            at = np.where(running, np.maximum(at, self.since[ids]), at)
            self._submit(self._ledger.close_gaps, ids[running], at[running])
        self._begin(ids, at, reason, words)

    def end(self, ids: Ids, at: Times) -> None:
        """End the gaps of these points."""
        ids, first = np.unique(ids, return_index=True)
        at = np.maximum(at[first], self.since[ids])
        self.reason[ids] = NO_GAP
        for row in ids.tolist():
            self.words.pop(row, None)
        self._submit(self._ledger.close_gaps, ids, at)
        for listener in self.listeners:
            listener(ids, at, None, "")

    def _begin(self, ids: Ids, at: Times | int, reason: Reason, words: str) -> None:
        if not len(ids):
            return
        words = storable(words)
        since = np.broadcast_to(np.asarray(at, np.int64), ids.shape).copy()
        self.reason[ids] = reason
        self.since[ids] = since
        self._began[ids] = self._came
        for row in ids.tolist():
            self.words[row] = words
        self._submit(self._ledger.open_gaps, ids, since, reason, words)
        for listener in self.listeners:
            listener(ids, since, reason, words)

    def _adopt(self, configured: Ids, now: int) -> None:
        """Take over the gaps that the process before this one left open; close those of points that are gone."""
        known = set(configured.tolist())
        gone = []
        for gap in self._ledger.all_open():
            if gap.series in known:
                self.reason[gap.series] = gap.reason
                self.since[gap.series] = gap.start
                self.words[gap.series] = gap.words
            else:
                gone.append(gap.series)
        self._end_stale(configured)
        if gone:
            self._submit(self._ledger.close_gaps, np.array(gone, np.int32), now)

    def _end_stale(self, configured: Ids) -> None:
        """End adopted gaps that had ended when the process was killed before the ledger knew."""
        reason, live = self.reason[configured], self._live
        ended = (reason != NO_GAP) & (reason != Reason.STORE_REFUSED) & (live.quality[configured] < FIRST_BAD)
        ended &= live.received[configured] > self.since[configured]
        if ended.any():
            self.end(configured[ended], live.received[configured[ended]])
