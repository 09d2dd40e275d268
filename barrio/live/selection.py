"""What a subscription is about: points, and which kinds of events; made of what exists for who asks, and no more."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from barrio.errors import AskError, UnknownName
from barrio.live.words import KINDS
from twin.model.source import suggest
from twin.resolution import Resolution

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from barrio.access.who import Who
    from twin.access.sight import Sight
    from twin.frame import Ids

MOST_POINTS = 10_000
MOST_NAMED = 1_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """A selection in the words of whoever asks: points by path, and filters that a point has to pass all of."""

    points: Sequence[str] = ()
    under: str | None = None
    device: str | None = None
    quantity: str | None = None
    site: str | None = None
    kind: str | None = None
    events: Sequence[str] = KINDS

    @property
    def filters(self) -> bool:
        """Whether points are meant beside those that are named."""
        return any((self.under, self.device, self.quantity, self.site, self.kind))


@dataclass(frozen=True, eq=False)
class Selection:
    """What is given: `raw` are series ids whose readings are, `coarse` those of which only windows are."""

    sight: Sight
    kinds: frozenset[str]
    raw: Ids
    coarse: Mapping[Resolution, Ids] = field(default_factory=dict)

    @property
    def ids(self) -> Ids:
        """All series ids, rising."""
        return np.sort(np.concatenate([self.raw, *self.coarse.values()]))

    @property
    def key(self) -> tuple[object, ...]:
        """What two selections have in common that are given the same."""
        parts = tuple((every, ids.tobytes()) for every, ids in self.coarse.items())
        return id(self.sight), self.kinds, self.raw.tobytes(), parts


def selected(wanted: Wanted, who: Who) -> Selection:
    """Return the selection; AskError or UnknownName when there is none such for this caller."""
    kinds = _kinds(wanted.events)
    named = [who.point(path).id for path in dict.fromkeys(wanted.points)]
    found = _filtered(wanted, who) if wanted.filters or not named else []
    ids = np.unique(np.array([*named, *found], np.int32))
    if not len(ids):
        raise UnknownName("there is no point that fits all of this")
    if len(ids) > MOST_POINTS:
        raise AskError("under", f"{len(ids):,} points fit, at most {MOST_POINTS:,} are given in one stream")
    return _resolved(who.sight, kinds, ids)


def _resolved(sight: Sight, kinds: frozenset[str], ids: Ids) -> Selection:
    levels = sight.finest[ids]
    coarse = {
        every: ids[levels == level]
        for level, every in enumerate(Resolution)
        if level and (levels == level).any()
    }
    return Selection(sight, kinds, ids[levels == 0], coarse)


def _kinds(events: Sequence[str]) -> frozenset[str]:
    for name in events:
        if name not in KINDS:
            words = f"there is no event {name!r}{suggest(name, KINDS)}, there are {', '.join(KINDS)}"
            raise AskError("events", words)
    return frozenset(events or KINDS)


def _filtered(wanted: Wanted, who: Who) -> list[int]:
    under = None if wanted.under is None else f"{wanted.under.strip('/')}/"
    sight, found = who.sight, []
    for path in sight.paths:
        if under is not None and not f"{path}/".startswith(under):
            continue
        item = sight.points[path]
        owner = sight.owners[item.id]
        pairs = (
            (wanted.device, owner.id),
            (wanted.quantity, item.point.quantity.name),
            (wanted.site, owner.site),
            (wanted.kind, owner.kind),
        )
        if all(want in {None, has} for want, has in pairs):
            found.append(item.id)
    return found
