"""How devices are now: columns over all devices, so that a look costs the same whether one changed or none did."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from twin.clock import NS
from twin.facts import Fact
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from barrio.facts.places import Places
    from barrio.facts.source import Fields
    from barrio.supervisor import LinkStatus
    from twin.gaps import Gaps
    from twin.ingest.settle import Settler
    from twin.live import Live
    from twin.model.bound import BoundDevice

    Rows = npt.NDArray[np.intp]

AGAIN_S = 300.0
"""A device that does not change is told again this often, the devices taking turns."""
NOT_SOONER_S = 20.0
"""One whose number of silent points changes all the time is not told more often; being up or not is told at once."""
UP, PARTLY = "up", "partly"


class Devices:
    """All devices of a platform; used from the event loop's thread."""

    def __init__(
        self,
        devices: Sequence[BoundDevice],
        places: Places,
        live: Live,
        gaps: Gaps,
        settler: Settler,
        links: Iterable[LinkStatus],
    ) -> None:
        self._devices = [bound.device for bound in devices]
        self._live, self._gaps, self._settler = live, gaps, settler
        ids = [[item.id for item in bound.points if item.point.readable] for bound in devices]
        # A device of commands only has no place in the columns; what is known of it is its link.
        self._links = {owner: status for status in links for owner in status.owners}
        lengths = np.array([len(one) for one in ids], np.int64)
        self._with = np.flatnonzero(lengths)
        self._without = np.flatnonzero(lengths == 0)
        self._ids = np.array([item for one in ids for item in one], np.int32)
        self._first = np.concatenate(([0], np.cumsum(lengths)))
        self._starts = self._first[:-1][self._with]
        self._points = lengths
        self._rows = {f"{device.district}/{device.id}": row for row, device in enumerate(self._devices)}
        self._fixed: list[Fields] = [
            {"kind": device.kind, "name": device.name or device.id, "lat": at.lat, "lon": at.lon}
            for device in self._devices
            for at in (places.location(device),)
        ]
        count = len(self._devices)
        self.up = np.zeros(count, np.bool_)
        self._silent = np.zeros(count, np.int64)
        self._worst = np.zeros(count, np.uint8)
        self._heard = np.zeros(count, np.int64)
        self._skew = np.zeros(count, np.int64)
        self._alarms = np.zeros(count, np.int64)
        self._told_as: tuple[npt.NDArray[np.int64], ...] | None = None
        self._told_s = np.full(count, -np.inf)

    def look(self, alarms: Iterable[str], monotonic_s: float) -> Rows:
        """Take how everything is now; returns the rows that are to be told. `alarms` are their owners."""
        self._take()
        self._count(alarms)
        now = self._columns()
        if self._told_as is None:
            self._told_as = tuple(column.copy() for column in now)
            return np.arange(len(self._devices))
        changed = np.zeros(len(self._devices), np.bool_)
        for column, told in zip(now[1:], self._told_as[1:], strict=True):
            changed |= column != told
        age_s = monotonic_s - self._told_s
        due = (now[0] != self._told_as[0]) | (changed & (age_s >= NOT_SOONER_S)) | (age_s >= AGAIN_S)
        return np.flatnonzero(due)

    def told(self, rows: Rows, monotonic_s: float) -> None:
        """These rows are in the database."""
        # Those that were told together take turns from then on.
        self._told_s[rows] = monotonic_s - np.linspace(0, AGAIN_S - NOT_SOONER_S, len(rows), endpoint=False)
        if self._told_as is not None:
            for column, told in zip(self._columns(), self._told_as, strict=True):
                told[rows] = column[rows]

    def _columns(self) -> tuple[npt.NDArray[np.int64], ...]:
        """Return what a device is told for when it changes; whether it is up is the first."""
        return self.up.astype(np.int64), self._silent, self._worst.astype(np.int64), self._alarms

    def again(self) -> None:
        """Tell everything anew: the database was away."""
        self._told_as = None

    def facts(self, rows: Rows, now: int) -> list[Fact]:
        """Return what is to be told of these rows."""
        return [self._fact(row, now) for row in rows.tolist()]

    def heard(self, district: str) -> tuple[int, int]:
        """Return how many devices a district has, and how many are up."""
        rows = [row for row, device in enumerate(self._devices) if device.district == district]
        return len(rows), int(np.count_nonzero(self.up[rows]))

    def _take(self) -> None:
        if len(self._ids):
            gap = self._gaps.reason[self._ids]
            rows = self._with
            self._silent[rows] = np.add.reduceat((gap != 0).astype(np.int64), self._starts)
            self._worst[rows] = np.maximum.reduceat(gap, self._starts)
            self._heard[rows] = np.maximum.reduceat(self._live.received[self._ids], self._starts)
            skew = self._settler.skew[self._ids]
            low, high = np.minimum.reduceat(skew, self._starts), np.maximum.reduceat(skew, self._starts)
            self._skew[rows] = np.where(-low > high, low, high)
        self.up = (self._silent < self._points) & (self._heard > 0)
        for row in self._without.tolist():
            status = self._link(row)
            self.up[row] = status is not None and status.up

    def _count(self, owners: Iterable[str]) -> None:
        self._alarms[:] = 0
        for owner, count in Counter(owners).items():
            row = self._rows.get(owner)
            if row is not None:
                self._alarms[row] = count

    def _link(self, row: int) -> LinkStatus | None:
        device = self._devices[row]
        return self._links.get(f"{device.district}/{device.id}")

    def _fact(self, row: int, now: int) -> Fact:
        device, heard, skew = self._devices[row], int(self._heard[row]), int(self._skew[row])
        state, words = self._state(row)
        fields: Fields = {
            "up": int(self.up[row]),
            "state": state,
            "words": words,
            "heard": heard // 1_000_000 if heard else None,
            "silent_s": round(max(0, now - heard) / NS, 3) if heard else None,
            "skew_s": skew / NS if skew else None,
            "points": int(self._points[row]),
            "points_silent": int(self._silent[row]),
            "alarms": int(self._alarms[row]),
            **self._fixed[row],
        }
        tags = {"district": device.district, "site": device.site, "device": device.id}
        return Fact("barrio_devices", tags, fields, now)

    def _state(self, row: int) -> tuple[str, str]:
        """Return how a device is, in one word and in words."""
        if not self._points[row]:
            status = self._link(row)
            if self.up[row] or status is None:
                return UP, ""
            return Reason.LINK_DOWN.slug, f"{Reason.LINK_DOWN.meaning} ({status.words})"
        silent, points = int(self._silent[row]), int(self._points[row])
        if not silent:
            return (UP, "") if self.up[row] else (Reason.NOT_HEARD_YET.slug, Reason.NOT_HEARD_YET.meaning)
        reason = Reason(int(self._worst[row]))
        ids = self._ids[self._first[row] : self._first[row + 1]]
        one = int(ids[np.argmax(self._gaps.reason[ids])])
        said = self._gaps.words.get(one, "")
        words = f"{reason.meaning} ({said})" if said else reason.meaning
        if silent < points:
            return PARTLY, f"{silent} of {points} points: {words}"
        return reason.slug, words
