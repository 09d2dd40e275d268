"""Frames to settled readings: scale and unit, checks, time, quality, dead band. All in columns, nothing per value.

The rules, in the order in which they are applied:

1. A raw number times scale plus offset is the value in the quantity's unit.
2. A value that is not finite is `not_a_number`, one outside its range `out_of_range`; bad readings carry no value.
3. The time is the device's own if the profile trusts it and it is plausible: not further ahead of the receipt than the
   allowed skew, and not older than the late window. Otherwise the receipt's time stands (`restamped`).
4. A reading older than one that the point already has, or older than the allowed skew, is `late`.
5. A reading that says what the last stored one said, within the dead band and within the heartbeat, is unchanged: it
   counts as heard and is not stored again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.frame import Batch
from twin.ingest.table import NS
from twin.quality import FIRST_BAD, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from twin.frame import Frame, Ids, Qualities, Times, Values
    from twin.ingest.table import PointTable

LATE_WINDOW_NS = 7 * 86_400 * NS
_MAX_ROUNDS = 32


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """Everything that was received, `changed` telling what is to be stored; `details` by position."""

    readings: Batch
    changed: npt.NDArray[np.bool_]
    details: Mapping[int, str]


class Settler:
    """Settles frames against what was stored last of each point; used from one thread."""

    def __init__(self, table: PointTable) -> None:
        self.table = table
        size = table.size
        self.newest = np.full(size, np.iinfo(np.int64).min, np.int64)
        self.skew = np.zeros(size, np.int64)
        self._value = np.full(size, np.nan)
        self._quality = np.full(size, 255, np.uint8)
        self._stored_at = np.full(size, np.iinfo(np.int64).min // 2, np.int64)
        self._position = np.zeros(size, np.intp)

    def restore(self, readings: Batch) -> None:
        """Take over what the store and the spool already hold, so that late readings are known after a start."""
        np.maximum.at(self.newest, readings.ids, readings.time)

    def settle(self, frames: Sequence[Frame]) -> Settled:
        """Return the readings of all frames in order, settled."""
        ids = np.concatenate([frame.ids for frame in frames])
        lengths = [len(frame.ids) for frame in frames]
        value = np.concatenate([frame.values for frame in frames])
        received = np.repeat(np.array([frame.received for frame in frames], np.int64), lengths)
        device = _device_times(frames, lengths)
        quality = _qualities(frames, lengths)
        details = _details(frames, lengths)
        value = value * self.table.scale[ids] + self.table.offset[ids]
        self._check(ids, value, quality, details)
        time = self._times(ids, received, device, quality)
        readings = Batch(ids, time, received, device, value, quality)
        return Settled(readings, self._changed(readings), details)

    def _check(self, ids: Ids, value: Values, quality: Qualities, details: dict[int, str]) -> None:
        """Rule 2, in place."""
        table = self.table
        usable = quality < FIRST_BAD
        with np.errstate(invalid="ignore"):
            inside = (value >= table.minimum[ids]) & (value <= table.maximum[ids])
        suspect = usable & ~(inside & np.isfinite(value))
        if suspect.any():
            for position in np.flatnonzero(suspect).tolist():
                self._reject(position, ids, value, quality, details)
        value[quality >= FIRST_BAD] = np.nan

    def _reject(
        self, position: int, ids: Ids, value: Values, quality: Qualities, details: dict[int, str]
    ) -> None:
        found, row = float(value[position]), ids[position]
        if not np.isfinite(found):
            quality[position] = Reason.NOT_A_NUMBER
            details.setdefault(position, f"found {found}")
            return
        low, high = self.table.minimum[row], self.table.maximum[row]
        quality[position] = Reason.OUT_OF_RANGE
        details.setdefault(position, f"{found:g} is outside {low:g} to {high:g}")

    def _times(self, ids: Ids, received: Times, device: Times, quality: Qualities) -> Times:
        """Rule 3; marks `restamped` in place and keeps the skew as a fact."""
        if not device.any():
            return received
        given = device > 0
        ahead = np.where(given, device - received, 0)
        self.skew[ids[given]] = ahead[given]
        trusted = given & self.table.trusts_time[ids]
        plausible = (ahead <= self.table.max_skew[ids]) & (ahead >= -LATE_WINDOW_NS)
        quality[trusted & ~plausible & (quality == Reason.GOOD)] = Reason.RESTAMPED
        return np.where(trusted & plausible, device, received)

    def _changed(self, readings: Batch) -> npt.NDArray[np.bool_]:
        """Rules 4 and 5; a point that occurs several times is settled in rounds, in the order of arrival."""
        changed = np.ones(len(readings), np.bool_)
        rest = np.arange(len(readings))
        for _ in range(_MAX_ROUNDS):
            ids = readings.ids[rest]
            self._position[ids[::-1]] = np.arange(len(rest))[::-1]
            first = self._position[ids] == np.arange(len(rest))
            if first.all():
                self._round(readings, rest, changed)
                return changed
            self._round(readings, rest[first], changed)
            rest = rest[~first]
        for position in rest:
            self._round(readings, np.array([position]), changed)
        return changed

    def _round(self, readings: Batch, at: npt.NDArray[np.intp], changed: npt.NDArray[np.bool_]) -> None:
        """Settle readings of distinct points."""
        ids, time, value = readings.ids[at], readings.time[at], readings.value[at]
        received, quality, device = readings.received[at], readings.quality[at], readings.device[at]
        newest = self.newest[ids]
        stamped = time == device
        overdue = stamped & (time < received - self.table.max_skew[ids])
        late = (stamped & (time < newest)) | overdue
        if late.any():
            quality = np.where(late & (quality == Reason.GOOD), np.uint8(Reason.LATE), quality)
            readings.quality[at] = quality
        last, since = self._value[ids], received - self._stored_at[ids]
        with np.errstate(invalid="ignore"):
            same = np.abs(value - last) <= self.table.dead_band[ids]
        same |= np.isnan(value) & np.isnan(last)
        same &= (quality == self._quality[ids]) & (since >= 0) & (since < self.table.heartbeat[ids])
        same &= ~(stamped & (time < newest))
        changed[at] = ~same
        kept = at[~same]
        rows = readings.ids[kept]
        self._value[rows] = readings.value[kept]
        self._quality[rows] = readings.quality[kept]
        self._stored_at[rows] = readings.received[kept]
        self.newest[ids] = np.where(stamped, np.maximum(newest, time), time)


def _device_times(frames: Sequence[Frame], lengths: Sequence[int]) -> Times:
    if all(isinstance(frame.time, int) for frame in frames):
        return np.repeat(np.array([frame.time for frame in frames], np.int64), lengths)
    parts = [
        np.full(length, frame.time, np.int64) if isinstance(frame.time, int) else frame.time
        for frame, length in zip(frames, lengths, strict=True)
    ]
    return np.concatenate(parts)


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
            details[start + position] = words
        start += length
    return details
