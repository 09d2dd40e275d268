"""Frames to settled readings: scale and unit, checks, time, quality, dead band. All in columns, nothing per value.

The rules, in the order in which they are applied:

1. A raw number times scale plus offset is the value in the quantity's unit.
2. A value that is not finite is `not_a_number` (`unknown_state` for a state), one outside its range `out_of_range`; bad
   readings carry no value.
3. The time is the device's own if the profile trusts it and it is plausible: not further ahead of the receipt than the
   allowed skew, and not older than the late window. Otherwise the receipt's time stands (`restamped`).
4. A reading older than one that the point already has, or older than the allowed skew, is `late`. A time that lies
   further ahead of the receipt than the skew allows is not believed any more: a clock has been set right since.
5. A reading that says what the last stored one said, within the dead band and within the heartbeat (by its time and by
   its receipt), is unchanged: it counts as heard and is not stored again. One that is older than what the point already
   has is always stored, and nothing is compared with it afterwards.
6. What a device had kept while nobody listened is `backfilled`: its own time is the only one it can have, so it stands
   however old it is and whether or not the profile trusts the clock, unless it lies ahead.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from twin.clock import NS
from twin.frame import Batch, join
from twin.quality import FIRST_BAD, Reason
from twin.words import storable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from twin.frame import Frame, Qualities, Times, Values
    from twin.ingest.table import PointTable

    Rows = npt.NDArray[np.intp]
    Mask = npt.NDArray[np.bool_]
    Part = Rows | slice

LATE_WINDOW_NS = 7 * 86_400 * NS
_LAST = int(np.iinfo(np.int64).max)
_LONG_AGO = np.iinfo(np.int64).min // 2


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """Everything that was received, `changed` telling what is to be stored; `details` by position.

    `kept` marks what was backfilled, None where nothing was.
    """

    readings: Batch
    changed: Mask
    details: Mapping[int, str]
    kept: Mask | None = None


def joined(first: Settled, second: Settled) -> Settled:
    """Return both, one after the other."""
    shift = len(first.readings)
    details = {**first.details, **{shift + at: words for at, words in second.details.items()}}
    kept = None
    if first.kept is not None or second.kept is not None:
        kept = np.concatenate([_mask(first), _mask(second)])
    readings = join([first.readings, second.readings])
    return Settled(readings, np.concatenate([first.changed, second.changed]), details, kept)


def _mask(settled: Settled) -> Mask:
    return np.zeros(len(settled.readings), np.bool_) if settled.kept is None else settled.kept


class Settler:
    """Settles frames against what was stored last of each point; used from one thread."""

    def __init__(self, table: PointTable) -> None:
        self.table = table
        size = table.size
        self.newest = np.full(size, np.iinfo(np.int64).min, np.int64)
        self.skew = np.zeros(size, np.int64)
        # What was stored last of each point: value, quality, when it was received and its time.
        self._value = np.full(size, np.nan)
        self._quality = np.full(size, 255, np.uint8)
        self._stored_at = np.full(size, _LONG_AGO, np.int64)
        self._stored_time = np.full(size, _LONG_AGO, np.int64)

    def restore(self, readings: Batch) -> None:
        """Take over what the store and the spool already hold, so that late readings are known after a start."""
        np.maximum.at(self.newest, readings.ids, readings.time)

    def settle(self, frames: Sequence[Frame]) -> Settled:
        """Return the readings of all frames in order, settled."""
        ids = np.concatenate([frame.ids for frame in frames])
        rows = ids.astype(np.intp)
        lengths = [len(frame.ids) for frame in frames]
        value = np.concatenate([frame.values for frame in frames])
        received = np.repeat(np.array([frame.received for frame in frames], np.int64), lengths)
        device = _device_times(frames, lengths)
        quality = _qualities(frames, lengths)
        details = _details(frames, lengths)
        with np.errstate(over="ignore", invalid="ignore"):
            value = value * self.table.scale[rows] / self.table.divisor[rows] + self.table.offset[rows]
        self._check(rows, value, quality, details)
        kept = _kept(frames, lengths)
        time = self._times(rows, received, device, quality, kept)
        readings = Batch(ids, time, received, device, value, quality)
        return Settled(readings, self._changed(readings, rows), details, kept)

    def _check(self, rows: Rows, value: Values, quality: Qualities, details: dict[int, str]) -> None:
        """Rule 2, in place. The comparisons are false for NaN; infinities lie outside the widest range."""
        table = self.table
        inside = (value >= table.minimum[rows]) & (value <= table.maximum[rows])
        if inside.all() and not quality.any():
            return
        for position in np.flatnonzero(~inside & (quality < FIRST_BAD)).tolist():
            quality[position] = self._reject(position, rows[position], float(value[position]), details)
        value[quality >= FIRST_BAD] = np.nan

    def _reject(self, position: int, row: int, found: float, details: dict[int, str]) -> Reason:
        """Return why a value is refused, with words for people where the connector gave none."""
        if self.table.is_state[row]:
            return Reason.UNKNOWN_STATE
        if not np.isfinite(found):
            details.setdefault(position, f"found {found}")
            return Reason.NOT_A_NUMBER
        low, high = self.table.minimum[row], self.table.maximum[row]
        details.setdefault(position, f"{found:g} is outside {low:g} to {high:g}")
        return Reason.OUT_OF_RANGE

    def _times(
        self, rows: Rows, received: Times, device: Times, quality: Qualities, kept: Mask | None
    ) -> Times:
        """Rules 3 and 6; marks `restamped` and `backfilled` in place and keeps the skew as a fact."""
        given = device > 0
        if not device.any():
            return received
        # Before 1970 no device of ours was built: a clock that was never set.
        unset = device < 0
        quality[unset & self.table.trusts_time[rows] & (quality == Reason.GOOD)] = Reason.RESTAMPED
        device[unset] = 0
        ahead = np.where(given, device - received, 0)
        fresh = given if kept is None else given & ~kept
        self.skew[rows[fresh]] = ahead[fresh]
        trusted = given & self.table.trusts_time[rows]
        plausible = (ahead <= self.table.max_skew[rows]) & (ahead >= -LATE_WINDOW_NS)
        if kept is not None:
            own = kept & given & (ahead <= self.table.max_skew[rows])
            trusted, plausible = trusted | own, plausible | own
            quality[own & (quality == Reason.GOOD)] = Reason.BACKFILLED
        quality[trusted & ~plausible & (quality == Reason.GOOD)] = Reason.RESTAMPED
        return np.where(trusted & plausible, device, received)

    def _changed(self, readings: Batch, rows: Rows) -> Mask:
        """Rules 4 and 5, in rounds: the first reading of every point, then the second, in the order of arrival."""
        changed = np.ones(len(rows), np.bool_)
        # Where no time is the device's own, nothing is late and time and receipt are one.
        settle_round = self._round if readings.time is readings.received else self._stamped_round
        for part in _rounds(rows):
            settle_round(readings, rows[part], part, changed)
        return changed

    def _round(self, readings: Batch, rows: Rows, part: Part, changed: Mask) -> None:
        """Settle readings of distinct points without device times."""
        received, value, quality = readings.received[part], readings.value[part], readings.quality[part]
        keep = ~self._same(rows, value, quality, received, received)
        changed[part] = keep
        self.newest[rows] = received
        self._remember(rows, keep, value, quality, received, received)

    def _stamped_round(self, readings: Batch, rows: Rows, part: Part, changed: Mask) -> None:
        """Settle readings of distinct points, some with the device's own time."""
        time, received, value = readings.time[part], readings.received[part], readings.value[part]
        stamped, newest, quality = time == readings.device[part], self.newest[rows], readings.quality[part]
        # A newest time that lies ahead of the receipt was given by a clock that has been set right since.
        believed = newest <= received + self.table.max_skew[rows]
        older = stamped & believed & (time < newest)
        late = older | (stamped & (time < received - self.table.max_skew[rows]))
        if late.any():
            quality = np.where(late & (quality == Reason.GOOD), np.uint8(Reason.LATE), quality)
            readings.quality[part] = quality
        same = self._same(rows, value, quality, received, time)
        changed[part] = older | ~same
        self.newest[rows] = np.where(stamped & believed, np.maximum(newest, time), time)
        self._remember(rows, ~(same | older), value, quality, received, time)

    def _same(self, rows: Rows, value: Values, quality: Qualities, received: Times, time: Times) -> Mask:
        """Whether readings say what was stored last, by receipt and by time no longer ago than the heartbeat."""
        last, heartbeat = self._value[rows], self.table.heartbeat[rows]
        with np.errstate(over="ignore"):
            same: Mask = np.abs(value - last) <= self.table.dead_band[rows]
        if not same.all():
            same |= np.isnan(value) & np.isnan(last)
        same &= quality == self._quality[rows]
        for since in (received - self._stored_at[rows], time - self._stored_time[rows]):
            same &= (since >= 0) & (since < heartbeat)
        return same

    def _remember(
        self, rows: Rows, keep: Mask, value: Values, quality: Qualities, received: Times, time: Times
    ) -> None:
        if not keep.all():
            rows, value, quality = rows[keep], value[keep], quality[keep]
            received, time = received[keep], time[keep]
        self._value[rows] = value
        self._quality[rows] = quality
        self._stored_at[rows] = received
        self._stored_time[rows] = time


def _rounds(rows: Rows) -> Sequence[Part]:
    """Split positions so that no point occurs twice in a part and each point keeps its order.

    Slices where the readings came point by point, poll by poll, which is the rule; else lists of positions.
    """
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    begins = np.concatenate(([True], ordered[1:] != ordered[:-1]))[: len(rows)]
    if begins.all():
        return [slice(0, len(rows))] if len(rows) else []
    index = np.arange(len(rows))
    round_of = np.empty(len(rows), np.intp)
    round_of[order] = index - np.maximum.accumulate(np.where(begins, index, 0))
    steps = np.diff(round_of)
    if (steps >= 0).all():
        edges = [0, *(np.flatnonzero(steps) + 1).tolist(), len(rows)]
        return [slice(start, end) for start, end in pairwise(edges)]
    by_round = np.argsort(round_of, kind="stable")
    return np.split(by_round, np.flatnonzero(np.diff(round_of[by_round])) + 1)


def _device_times(frames: Sequence[Frame], lengths: Sequence[int]) -> Times:
    """Device times of all readings, 0 where a device gave none."""
    if all(isinstance(frame.time, int) for frame in frames):
        times = np.array([_bounded(frame.time) for frame in frames if isinstance(frame.time, int)], np.int64)
        return np.repeat(times, lengths)
    parts = [
        np.full(length, _bounded(frame.time), np.int64) if isinstance(frame.time, int) else frame.time
        for frame, length in zip(frames, lengths, strict=True)
    ]
    return np.concatenate(parts)


def _bounded(time: int) -> int:
    """Return a time that fits into 64 bits; what does not is implausible either way."""
    return max(-1, min(time, _LAST))


def _kept(frames: Sequence[Frame], lengths: Sequence[int]) -> Mask | None:
    if not any(frame.backfilled for frame in frames):
        return None
    return np.repeat(np.array([frame.backfilled for frame in frames], np.bool_), lengths)


def _qualities(frames: Sequence[Frame], lengths: Sequence[int]) -> Qualities:
    quality = np.zeros(sum(lengths), np.uint8)
    start = 0
    for frame, length in zip(frames, lengths, strict=True):
        if frame.quality is not None:
            quality[start : start + length] = frame.quality
        start += length
    return quality


def _details(frames: Sequence[Frame], lengths: Sequence[int]) -> dict[int, str]:
    details: dict[int, str] = {}
    start = 0
    for frame, length in zip(frames, lengths, strict=True):
        for position, words in frame.details.items():
            details[start + position] = storable(words)
        start += length
    return details
