"""The level of one tank as it is followed: believed values, thinned samples of late, rises that are refills.

Memory is bounded whatever the device sends: `BUCKETS` medians cover the window, a bucket keeps at most `MOST_RAW`
readings, and the level of now is the median of the last few. A reading that is off therefore changes nothing, and a
level that jumps up has to stay for `steady_s` before it counts as a rise. One that fell at once and comes back to where
it was is no refill either: no tank does that, but sensors do.

Times are seconds of the readings, levels percent.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from twin.services.draw import FEWEST_SAMPLES, NotKnown, estimate

if TYPE_CHECKING:
    from twin.frame import Values
    from twin.services.draw import Draw

BUCKETS = 120
MOST_RAW = 32
_NEWEST = 5
_RESTS = 2
_STILL = 0.02
_FALLS = 0.2
_NOT_YET = NotKnown(f"not known yet: 0 of {FEWEST_SAMPLES} samples")


@dataclass(frozen=True, slots=True)
class Rise:
    """A refill: from a level at a time to a level at a time; `over` tells whether it has ended.

    `false` says that the level only came back to where it was when, at `began_s`, it fell at once.
    """

    low: float
    began_s: float
    high: float
    ended_s: float
    over: bool
    false: bool = False

    @property
    def size(self) -> float:
        """Percent of the tank that came in."""
        return self.high - self.low


class LevelWatch:
    """Follows one level; fed with usable readings only, in the order of arrival.

    `draw` is as of the last `refresh`, which is due when it is `stale`.
    """

    def __init__(self, over_s: float, at_least_s: float, steady_s: float, refill: float) -> None:
        self.now: float | None = None
        self.draw: Draw | NotKnown = _NOT_YET
        self.rise: Rise | None = None
        self.stale = False
        self._over_s = over_s
        self._at_least_s = at_least_s
        self._steady_s = steady_s
        self._refill = refill
        self._rest_s = max(_RESTS * steady_s, over_s / BUCKETS)
        self._samples: deque[tuple[float, float]] = deque(maxlen=2 * BUCKETS)
        self._bucket: list[tuple[float, float]] = []
        self._newest: deque[float] = deque(maxlen=_NEWEST)
        self._time_s = float("-inf")
        self._high_since_s: float | None = None
        self._floor_s = float("-inf")

    def __len__(self) -> int:
        """Number of samples that are kept."""
        return len(self._samples) + len(self._bucket)

    @property
    def samples(self) -> tuple[Values, Values]:
        """Times and levels of the window, float64[n] each."""
        since_s = self._time_s - self._over_s
        kept = [one for one in self._samples if one[0] >= since_s]
        pairs = np.array(kept, np.float64).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    def add(self, time_s: float, level: float) -> Rise | None:
        """Take a reading; returns the refill that it shows to have begun, to go on higher, or to be over."""
        if time_s < self._time_s:
            self._turn_back(time_s)
        elif time_s == self._time_s:
            return None
        self._time_s = time_s
        self._newest.append(level)
        self.now = median(self._newest)
        self._fill(time_s, level)
        return self._follow(time_s, self.now)

    def refresh(self) -> None:
        """Estimate the draw from the samples of now; as long as it takes for one tank, a fraction of a millisecond."""
        self.stale = False
        self.draw = estimate(*self.samples, self._refill, self._at_least_s)

    def resume(self, rise: Rise) -> None:
        """Go on with a refill that was under way when the process before this one stopped."""
        self.rise = rise

    def forget_newest(self) -> None:
        """Let the level of now be that of readings to come: those before are too old to be mixed with them."""
        self._newest.clear()
        self._high_since_s = None
        self.now = None

    # --- samples --------------------------------------------------------------------------------------------

    def _fill(self, time_s: float, level: float) -> None:
        if self._bucket and time_s - self._bucket[0][0] >= self._over_s / BUCKETS:
            self._close()
        if len(self._bucket) >= MOST_RAW:
            del self._bucket[::2]
        self._bucket.append((time_s, level))

    def _close(self) -> None:
        times, levels = zip(*self._bucket, strict=True)
        self._bucket.clear()
        self._samples.append((median(times), median(levels)))
        # The last one before the window stays: it tells of a refill while nobody listened.
        while len(self._samples) > 1 and self._samples[1][0] < self._time_s - self._over_s:
            self._samples.popleft()
        self.stale = True

    def _turn_back(self, time_s: float) -> None:
        """The clock was set back: what lies ahead of it now never was."""
        while self._samples and self._samples[-1][0] >= time_s:
            self._samples.pop()
        self._bucket = [one for one in self._bucket if one[0] < time_s]
        self._high_since_s = None
        self._floor_s = min(self._floor_s, time_s)
        if self.rise is not None:
            began_s = min(self.rise.began_s, time_s)
            self.rise = Rise(self.rise.low, began_s, self.rise.high, time_s, over=False)

    # --- rises ----------------------------------------------------------------------------------------------

    def _follow(self, time_s: float, level: float) -> Rise | None:
        return self._watch(time_s, level) if self.rise is None else self._go_on(self.rise, time_s, level)

    def _watch(self, time_s: float, level: float) -> Rise | None:
        since = [one for one in self._samples if one[0] > self._floor_s]
        low = min(since, key=lambda one: (one[1], -one[0]), default=None)
        if low is None or level < low[1] + self._refill:
            self._high_since_s = None
            return None
        if self._high_since_s is None:
            self._high_since_s = time_s
        if time_s - self._high_since_s < self._steady_s:
            return None
        fell_s = self._comes_back(level)
        if fell_s is not None:
            self._high_since_s, self._floor_s = None, time_s
            return Rise(low[1], fell_s, level, time_s, over=True, false=True)
        self.rise = Rise(low[1], low[0], level, time_s, over=False)
        return self.rise

    def _comes_back(self, level: float) -> float | None:
        """Return when the level last fell by a refill's size within two samples, if it is back where it was then."""
        since = [one for one in self._samples if one[0] > self._floor_s]
        for at in range(len(since) - 2, -1, -1):
            time_s, before = since[at]
            if before - min(one[1] for one in since[at + 1 : at + 3]) >= self._refill:
                back = before - self._refill < level <= before + _FALLS * self._refill
                return time_s if back else None
        return None

    def _go_on(self, rise: Rise, time_s: float, level: float) -> Rise | None:
        if level > rise.high + _STILL * self._refill:
            self.rise = Rise(rise.low, rise.began_s, level, time_s, over=False)
            return self.rise
        fell = level < rise.high - _FALLS * self._refill
        if not fell and time_s - rise.ended_s < self._rest_s:
            return None
        self.rise = None
        self._high_since_s = None
        self._floor_s = rise.ended_s
        return Rise(rise.low, rise.began_s, rise.high, rise.ended_s, over=True)
