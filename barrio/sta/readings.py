"""Observations out of the store: from the newest or from the oldest on, never more than was asked for or is allowed.

History is read in stretches of time. The first is short; while stretches bring little the next are longer, and over
times in which there is nothing the store itself is asked where to go on. So the newest observations of a point that
has been read for years cost what those of a new one cost.

Readings without a value are no observations. A caller who is given readings no finer than windows is given those that
have ended, each standing where it starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ParamSpec, TypeVar

import numpy as np

from barrio.errors import AskError
from barrio.sta.columns import Columns, join, none, of_batch
from barrio.sta.groups import Group, floor, groups_of, read
from barrio.sta.limits import MOST_COUNTED, MOST_READS, MOST_SCANNED, READS_A_REQUEST, SCANNED_A_REQUEST
from barrio.sta.values import Span
from twin.clock import NS
from twin.quality import FIRST_BAD
from twin.store.port import Aggregate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from barrio.platform import Platform
    from barrio.sta.numbers import ReadingId
    from barrio.sta.records import Stream
    from barrio.sta.view import View
    from twin.frame import Ids, Times

P = ParamSpec("P")
T = TypeVar("T")

END = 2**63 - 1
_FIRST_STRETCH = 900 * NS
_FEW, _MANY = 2_000, 20_000
_MOST_WINDOWS = 200_000
_MOST_SECONDS = 4_000_000
"""Of all series together in one stretch: however few readings there were so far, the next stretch may be full."""
_NEWEST_WINDOWS = 4
_DAY = 86_400 * NS


class Readings:
    """The observations that one caller sees, for one request. Every method blocks."""

    def __init__(self, platform: Platform, view: View, now: int, check: Callable[[str], None]) -> None:
        """`check` raises when the request has taken too long; it is given the option that what was asked belongs to."""
        self._check = check
        self._store = platform.store
        self._districts = {one.id: one for one in platform.catalogue.districts}
        self._view = view
        self._now = now
        self._reads = self._scanned = 0

    # --- many ---------------------------------------------------------------------------------------------------

    def walk(
        self,
        streams: Sequence[Stream],
        start: int,
        stop: int,
        *,
        newest_first: bool,
        enough: AbstractSet[int] = frozenset(),
    ) -> Iterator[Columns]:
        """Yield the observations of `start <= time < stop`, stretch by stretch, each in order.

        Series that come to be in `enough` meanwhile are not read any further.
        """
        groups = self._groups(streams)
        if not groups or start >= stop:
            return
        walk = self._backward if newest_first else self._forward
        for found in walk(groups, start, stop, enough):
            self._scanned += len(found)
            if self._scanned > MOST_SCANNED:
                words = (
                    f"more than {MOST_SCANNED:,} observations would have to be looked at: "
                    "name a shorter time (phenomenonTime ge … and phenomenonTime lt …) or a Datastream"
                )
                raise AskError("$filter", words)
            yield found.in_order(newest_first=newest_first)

    def _backward(
        self, groups: Sequence[Group], start: int, stop: int, enough: AbstractSet[int]
    ) -> Iterator[Columns]:
        ids, longest = _all_ids(groups), max(one.longest for one in groups)
        newest = self._ask(self._store.latest, ids)
        stop = min(stop, int(newest.time.max(initial=0)) + 1)
        stretch = _first_stretch(groups)
        while start < stop and (groups := _without(groups, enough)):
            ids = _all_ids(groups)
            begin = max(start, min(floor(one, max(stop - stretch, 0)) for one in groups))
            found = self._stretch(groups, begin, stop)
            stop = begin
            if len(found):
                yield found
            elif begin > start:
                # A stretch begins where a window does, but with districts of several clocks only for one of them:
                # a window of another may begin before it and hold readings of it.
                before = self._ask(self._store.before, ids, begin + longest)
                last = int(before.time.max(initial=-1))
                stop = begin if last >= begin else last + 1
            stretch = _next_stretch(groups, stretch, len(found))

    def _forward(
        self, groups: Sequence[Group], start: int, stop: int, enough: AbstractSet[int]
    ) -> Iterator[Columns]:
        longest = max(one.longest for one in groups)
        stretch, begin = _first_stretch(groups), start
        found = none()
        while begin < stop and (groups := _without(groups, enough)):
            if not len(found):
                _, first = self._ask(self._store.first, _all_ids(groups), begin)
                if not len(first):
                    return
                begin = max(begin, int(first.min()) - longest)
            end = min(stop, begin + stretch)
            found = self._stretch(groups, begin, end)
            begin = end
            if len(found):
                yield found
            stretch = _next_stretch(groups, stretch, len(found))

    def _stretch(self, groups: Sequence[Group], start: int, stop: int) -> Columns:
        return join([self._ask(read, self._store, one, start, stop, self._now) for one in groups])

    def _groups(self, streams: Sequence[Stream]) -> Sequence[Group]:
        return groups_of(streams, self._view.sight, self._districts)

    # --- few ----------------------------------------------------------------------------------------------------

    def newest(self, streams: Sequence[Stream]) -> Columns:
        """Return the newest observation of each Datastream that has any."""
        return join([self._newest(one) for one in self._groups(streams)])

    def _newest(self, group: Group) -> Columns:
        if group.raw:
            latest = self._ask(self._store.latest, group.ids)
            bad = latest.ids[latest.quality >= FIRST_BAD]
            if not len(bad):
                return of_batch(latest)
            return join([of_batch(latest), of_batch(self._ask(self._store.before, bad, self._now))])
        start = floor(group, max(self._now - _NEWEST_WINDOWS * group.longest, 0))
        recent = _last_of_each(self._ask(read, self._store, group, start, self._now, self._now))
        rest = np.setdiff1d(group.ids, recent.ids)
        return join([recent, *self._older(group.only(rest), start)]) if len(rest) else recent

    def _older(self, group: Group, stop: int) -> Iterator[Columns]:
        """Yield the newest windows of series that had none lately, those together that begin together."""
        before = self._ask(self._store.before, group.ids, stop)
        starts = np.array([floor(group, one) for one in before.time.tolist()], np.int64)
        for start in np.unique(starts).tolist():
            some = group.only(before.ids[starts == start])
            yield self._ask(read, self._store, some, start, start + 1, self._now)

    def one(self, wanted: ReadingId, stream: Stream) -> Columns:
        """Return the observation of an id; none where there is none, or not as finely for this caller."""
        [group] = self._groups([stream])
        if group.resolution is not wanted.resolution:
            return none()
        found = self._ask(read, self._store, group, wanted.time, wanted.time + 1, self._now)
        return found.take(found.time == wanted.time)

    def counts(self, streams: Sequence[Stream], start: int, stop: int) -> Mapping[int, int]:
        """Return how many observations Datastreams have, none left out; AskError where they are too many to count."""
        if len(streams) > MOST_COUNTED and stop - start > _DAY:
            words = (
                f"observations of more than {MOST_COUNTED:,} Datastreams are counted over a day at most: "
                "name a time (phenomenonTime ge … and phenomenonTime lt …) or a Datastream"
            )
            raise AskError("$count", words)
        found = {one.id: 0 for one in streams}
        for group in self._groups(streams) if start < stop else ():
            for ids, numbers in self._counted(group, start, min(stop, END)):
                for series, number in zip(ids.tolist(), numbers.tolist(), strict=True):
                    found[series] += number
        return found

    def _counted(self, group: Group, start: int, stop: int) -> Iterator[tuple[Ids, Times]]:
        if not group.raw:
            for found in self._forward([group], start, stop, set()):
                yield np.unique(found.ids, return_counts=True)
            return
        edges = np.array([start, stop], np.int64)
        windows = self._ask(self._store.windows, group.ids, edges, [Aggregate.COUNT])
        ids = np.array(list(windows), np.int32)
        yield ids, np.array([np.nansum(one.columns[Aggregate.COUNT]) for one in windows.values()], np.int64)

    def spans(self, streams: Sequence[Stream]) -> dict[int, Span | None]:
        """Return from when to when Datastreams have observations, None where they have none."""
        found: dict[int, Span | None] = {one.id: None for one in streams}
        for group in self._groups(streams):
            newest = self._newest(group)
            stop = np.maximum(newest.stop, newest.time)
            last = dict(zip(newest.ids.tolist(), stop.tolist(), strict=True))
            ids, first = self._ask(self._store.first, group.ids, 0)
            for series, time in zip(ids.tolist(), first.tolist(), strict=True):
                if series in last:
                    found[series] = Span(min(floor(group, time), last[series]), last[series])
        return found

    @property
    def cost(self) -> float:
        """What was asked of the store so far, in requests of the caller's rate."""
        return self._reads / READS_A_REQUEST + self._scanned / SCANNED_A_REQUEST

    def _ask(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self._reads += 1
        if self._reads > MOST_READS:
            words = (
                f"more than {MOST_READS} questions to the store would be needed: "
                "expand fewer Observations, or name a time or a Datastream"
            )
            raise AskError("$expand", words)
        self._check("$filter")
        return function(*args, **kwargs)


def _all_ids(groups: Sequence[Group]) -> Ids:
    return np.concatenate([one.ids for one in groups])


def _without(groups: Sequence[Group], enough: AbstractSet[int]) -> Sequence[Group]:
    """Return groups without the series of which there is enough."""
    if not enough:
        return groups
    some = [one.only(one.ids[[series not in enough for series in one.ids.tolist()]]) for one in groups]
    return [one for one in some if len(one.ids)]


def _first_stretch(groups: Sequence[Group]) -> int:
    number = sum(len(one.ids) for one in groups)
    return max(_FIRST_STRETCH // max(1, number // 50), NS, *(2 * one.longest for one in groups))


def _next_stretch(groups: Sequence[Group], stretch: int, found: int) -> int:
    """Return a longer stretch after one that brought little, a shorter one after one that brought much."""
    if found > _MANY:
        return max(stretch // 4, NS)
    longest = min(
        NS * max(_MOST_SECONDS // len(one.ids), 1)
        if one.raw
        else one.resolution.seconds * NS * max(_MOST_WINDOWS // len(one.ids), 2)
        for one in groups
    )
    return min(stretch * 4, longest) if found < _FEW else stretch


def _last_of_each(columns: Columns) -> Columns:
    ordered = columns.in_order(newest_first=True)
    _, first = np.unique(ordered.ids, return_index=True)
    return ordered.take(first)
