"""Capacity of places: people now, their share and colour as points, what a quiet hour set right, the next hours."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twin.quality import Reason
from twin.services.crowd import CrowdWatch
from twin.services.draw import NotKnown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from twin.services.book import ServiceBook
    from twin.services.count_book import PlaceRow
    from twin.services.kit import Kit, Outlet
    from twin.services.pattern import Ahead

_KEEP_S = 60.0


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of a quarter hour, in people and in colour."""

    ahead: Ahead
    share: float | None
    colour: str | None


class Capacity:
    """All places whose people are counted; used in the event loop's thread."""

    def __init__(
        self,
        books: Iterable[ServiceBook],
        ids: Mapping[str, int],
        states: Mapping[str, int],
        kit: Kit,
        out: Outlet,
    ) -> None:
        self.places = {crowd.key: CrowdWatch(crowd, ids) for book in books for crowd in book.crowds}
        self.by_series: dict[int, list[CrowdWatch]] = defaultdict(list)
        for watch in self.places.values():
            for series in watch.sources:
                self.by_series[series].append(watch)
        self._states = states
        self._kit = kit
        self._out = out
        self._kept_s = float("-inf")

    def restore(self, rows: Iterable[PlaceRow], quarters: Mapping[str, Sequence[tuple[int, float]]]) -> None:
        """Go on with the counts and the quarter hours that the journal holds."""
        for row in rows:
            if row.key in self.places:
                self.places[row.key].restore(row)
        for watch in self.places.values():
            watch.read(self._kit)
        now = self._kit.clock.now_ns()
        for key, means in quarters.items():
            if key in self.places:
                self.places[key].pattern.restore(means, now)

    def take(self, watches: Iterable[CrowdWatch], now: int, monotonic_s: float) -> None:
        """Take the newest readings of places."""
        for watch in watches:
            before = watch.colour
            for words in watch.read(self._kit):
                self._kit.note("counter_odd", now, words, watch.crowd.key)
            if before is not None and watch.colour != before:
                self._kit.note("occupancy_level", now, f"{before} to {watch.colour}", watch.crowd.key)
            self._say(watch, monotonic_s)

    def tick(self, now: int, monotonic_s: float) -> None:
        """Look at everything that comes with time: silence, quiet hours, ends of quarter hours."""
        for watch in self.places.values():
            correction = watch.quiet(now)
            if correction is not None:
                self._kit.submit(self._kit.journal.counts.correct, correction)
                self.keep(now)
            self.take([watch], now, monotonic_s)
            ended = watch.pattern.observe(now, monotonic_s, watch.people)
            if ended:
                oldest = watch.pattern.oldest
                self._kit.submit(self._kit.journal.counts.put_quarters, watch.crowd.key, ended, oldest)
        if monotonic_s - self._kept_s >= _KEEP_S:
            self._kept_s = monotonic_s
            self.keep(now)

    def keep(self, now: int) -> None:
        """Keep all counts: what is lost with a process is made up for by the counters themselves."""
        rows = [watch.row(now) for watch in self.places.values()]
        if rows:
            self._kit.submit(self._kit.journal.counts.put_places, rows)

    def _say(self, watch: CrowdWatch, monotonic_s: float) -> None:
        people, share, put = watch.people, watch.share(self._kit), self._out.put
        words = "" if watch.trouble is None else f"{watch.blamed}: {watch.trouble.meaning}"
        if people is None or share is None:
            words = words or f"{watch.crowd.capacity}: the capacity is not known"
            for series in (watch.ratio_id, watch.colour_id):
                put(series, float("nan"), monotonic_s, Reason.INPUT_MISSING, words)
        else:
            put(watch.ratio_id, round(share, 2), monotonic_s)
            put(watch.colour_id, float(self._states[watch.colour or "green"]), monotonic_s)
        if watch.people_id is not None and people is None:
            put(watch.people_id, float("nan"), monotonic_s, Reason.INPUT_MISSING, words)
        elif watch.people_id is not None and people is not None:
            put(watch.people_id, people, monotonic_s)

    def share(self, watch: CrowdWatch) -> float | None:
        """Return people in percent of the capacity, None while that is not known."""
        return watch.share(self._kit)

    def allowed(self, watch: CrowdWatch) -> float | None:
        """Return how many people may be in a place, None while that is not known."""
        return watch.capacity(self._kit)

    def forecast(self, key: str, now: int) -> list[Expected] | NotKnown:
        """Return what is expected of the quarter hours ahead of a place, or why that cannot be said."""
        watch = self.places[key]
        if watch.people is None:
            return NotKnown("the number of people is not known now")
        found = watch.pattern.forecast(now, watch.people, watch.crowd.rule.forecast)
        if isinstance(found, NotKnown):
            return found
        capacity, colour, expected = watch.capacity(self._kit), watch.colour, []
        for ahead in found:
            share = None if capacity is None else 100 * ahead.people / capacity
            colour = None if share is None else watch.colour_of(share, colour)
            expected.append(Expected(ahead, share, colour))
        return expected
