"""Service intervals: which device was used for so long that somebody has to look, and when others will be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from twin.clock import NS
from twin.quality import FIRST_BAD, Reason
from twin.services.book import SERVICE_STATES
from twin.services.count_book import CountedRow, Done
from twin.services.use import DAYS, Use

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from twin.frame import Batch, Ids
    from twin.services.book import Service, ServiceBook
    from twin.services.kit import Kit, Outlet

    Rows = npt.NDArray[np.intp]

_KEEP_S = 600.0
_UNKNOWN = -1
_EVER = timedelta(days=DAYS + 3)


class NoReading(Exception):
    """Raised when a service cannot be noted because its counter was never heard."""


@dataclass(frozen=True, slots=True)
class ServiceStanding:
    """How a service stands: use in the counter's unit, times ns UTC (0: never), `words` why something is not known."""

    service: Service
    state: str | None
    used: float | None
    since: int
    per_day: float | None
    days: float
    due: int | None
    words: str


class Maintenance:
    """All services that depend on counters; used in the event loop's thread."""

    def __init__(
        self,
        books: Iterable[ServiceBook],
        ids: Mapping[str, int],
        states: Mapping[str, int],
        size: int,
        kit: Kit,
        out: Outlet,
    ) -> None:
        self.services = [service for book in books for service in book.services]
        self.rows = {service.key: row for row, service in enumerate(self.services)}
        self.series = np.array([ids[one.counter.path] for one in self.services], np.int32)
        self._points = {row: ids[one.state] for row, one in enumerate(self.services) if one.state is not None}
        self._use = Use(self.services)
        self._soon = np.array([one.every * one.rule.warn_at / 100 for one in self.services], np.float64)
        self._overdue = np.array([one.every * one.rule.overdue_at / 100 for one in self.services], np.float64)
        self._state = np.full(len(self.services), _UNKNOWN, np.int8)
        self._changed = np.zeros(len(self.services), np.bool_)
        self._heard = np.zeros(size, np.bool_)
        self._states = states
        self._kit = kit
        self._out = out
        self._kept_s: float | None = None
        self._day: dict[str, int] = {}

    # --- start ----------------------------------------------------------------------------------------------

    def restore(self, counted: Iterable[CountedRow], days: Iterable[tuple[str, int, float]]) -> None:
        """Go on with what the journal holds."""
        use = self._use
        for kept in counted:
            row = self.rows.get(kept.key)
            if row is not None:
                use.total[row], use.base[row], use.last[row] = kept.total, kept.base, kept.last
                use.since[row], use.at[row] = kept.since, kept.at
        for key, at, total in days:
            row = self.rows.get(key)
            if row is not None:
                use.recall(row, self._date(self.services[row], at), at, total)
        self._judge(np.arange(len(self.services)), self._kit.clock.now_ns(), quiet=True)

    def recall(self, before: Batch) -> None:
        """Take older readings of the counters, such as those of four weeks ago, to tell the mean use from."""
        rows_of: dict[int, list[int]] = {}
        for row, series in enumerate(self.series.tolist()):
            rows_of.setdefault(series, []).append(row)
        usable = before.take(before.quality < FIRST_BAD)
        for series, at, value in zip(
            usable.ids.tolist(), usable.time.tolist(), usable.value.tolist(), strict=True
        ):
            for row in rows_of.get(series, ()):
                total, last = self._use.total[row], self._use.last[row]
                # A counter that was reset since then gives more than the total, which tells nothing of its use.
                known = value if np.isnan(total) else total - (last - value)
                self._use.recall(row, self._date(self.services[row], at), at, float(known))

    # --- readings -------------------------------------------------------------------------------------------

    def take(self, ids: Ids) -> None:
        """Note which series were heard; counters among them are looked at when there is time."""
        self._heard[ids] = True

    def tick(self, now: int, monotonic_s: float) -> None:
        """Count what was heard, judge it, end days, keep it all now and then."""
        rows = np.flatnonzero(self._heard[self.series])
        if len(rows):
            self._count(rows, now)
        self._heard[:] = False
        self._end_days(now)
        for row, series in self._points.items():
            self._say(row, series, monotonic_s)
        if self._kept_s is None or monotonic_s - self._kept_s >= _KEEP_S:
            self._kept_s = monotonic_s
            self.keep()

    def keep(self) -> None:
        """Keep what has changed: what is lost with a process is made up for by the counters themselves."""
        rows = np.flatnonzero(self._changed)
        if len(rows):
            self._changed[rows] = False
            self._kit.submit(self._kit.journal.counts.put_counted, [self._row(row) for row in rows.tolist()])

    def _count(self, rows: Rows, now: int) -> None:
        live, series = self._kit.live, self.series[rows]
        usable = (live.quality[series] < FIRST_BAD) & (self._kit.gaps.reason[series] == 0)
        usable &= np.isfinite(live.value[series])
        rows = rows[usable]
        odd = self._use.count(rows, live.value[self.series[rows]], now)
        self._changed[rows] = True
        for row in odd.reset.tolist():
            words = f"{self.services[row].counter.path} began again: if it was serviced, say so (barrio services done)"
            self._kit.note("counter_odd", now, words, self.services[row].key)
        for row in odd.other.tolist():
            words = f"{self.services[row].counter.path} jumped: taken for another counter, not counted"
            self._kit.note("counter_odd", now, words, self.services[row].key)
        self._judge(rows, now, quiet=False)

    def _judge(self, rows: Rows, now: int, *, quiet: bool) -> None:
        used = self._use.used[rows]
        state = np.zeros(len(rows), np.int8)
        for limit in (self._soon, self._use.every, self._overdue):
            state += (used >= limit[rows]).astype(np.int8)
        state[np.isnan(used)] = _UNKNOWN
        before = self._state[rows]
        self._state[rows] = state
        if quiet:
            return
        for at in np.flatnonzero((state > before) & (state > 0)).tolist():
            service = self.services[int(rows[at])]
            words = (
                f"{SERVICE_STATES[state[at]]} after {used[at]:,.0f} of {service.every:,.0f} {service.unit}"
            )
            self._kit.note(
                "service_due", now, f"{words}: {service.rule.text or service.rule.id}", service.key
            )

    def _say(self, row: int, series: int, monotonic_s: float) -> None:
        code = int(self._state[row])
        if code == _UNKNOWN:
            words = f"{self.services[row].counter.path} was not heard yet"
            self._out.put(series, float("nan"), monotonic_s, Reason.INPUT_MISSING, words)
        else:
            self._out.put(series, float(self._states[SERVICE_STATES[code]]), monotonic_s)

    def _end_days(self, now: int) -> None:
        """Note the totals when a day begins, on the clock of the district."""
        for district, service in {one.district: one for one in self.services}.items():
            day = self._date(service, now)
            last = self._day.setdefault(district, day)
            if day == last:
                continue
            self._day[district] = day
            self._use.end_day(day, now)
            totals = [(one.key, float(self._use.total[row])) for row, one in enumerate(self.services)]
            rows = [pair for pair in totals if not np.isnan(pair[1])]
            oldest = now - round(_EVER.total_seconds() * NS)
            self._kit.submit(self._kit.journal.counts.put_days, now, rows, oldest)

    # --- people ---------------------------------------------------------------------------------------------

    def done(self, key: str, who: str, comment: str) -> ServiceStanding:
        """Note that a service was done now; KeyError for an unknown key, NoReading for a counter never heard."""
        row = self.rows[key]
        if np.isnan(self._use.total[row]):
            raise NoReading
        now = self._kit.clock.now_ns()
        used = self._use.serviced(row, now)
        self._judge(np.array([row]), now, quiet=True)
        found = Done(key, now, used, who, comment)
        self._kit.submit(self._kit.journal.counts.put_counted, [self._row(row)], found)
        return self.standing([row])[0]

    def standing(self, rows: Sequence[int] | None = None) -> list[ServiceStanding]:
        """Return how services stand, all or some of them, in the order of the files."""
        index = np.arange(len(self.services)) if rows is None else np.array(rows, np.intp)
        now = self._kit.clock.now_ns()
        rates, days = self._use.per_day(now, index)
        pairs = zip(index.tolist(), rates.tolist(), days.tolist(), strict=True)
        return [self._standing(row, rate, span, now) for row, rate, span in pairs]

    def _standing(self, row: int, rate: float, days: float, now: int) -> ServiceStanding:
        service, used = self.services[row], float(self._use.used[row])
        if np.isnan(used):
            return ServiceStanding(service, None, None, 0, None, 0.0, None, "its counter was not heard yet")
        state, since = SERVICE_STATES[int(self._state[row])], int(self._use.since[row])
        if np.isnan(rate):
            words = "not known yet: less than a day of use is known"
            return ServiceStanding(service, state, used, since, None, 0.0, None, words)
        due = self._use.due_at(now, rate, row)
        words = "" if due is not None else "it is not used, so it never becomes due"
        return ServiceStanding(service, state, used, since, rate, days, due, words)

    def _row(self, row: int) -> CountedRow:
        use = self._use
        last = float(use.last[row])
        numbers = (float(use.total[row]), float(use.base[row]), last)
        return CountedRow(self.services[row].key, int(use.at[row]), *numbers, int(use.since[row]))

    @staticmethod
    def _date(service: Service, at: int) -> int:
        return datetime.fromtimestamp(at / NS, UTC).astimezone(service.zone).toordinal()
