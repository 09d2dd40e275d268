"""What a subscription is about: points, and which kinds of events; made of what exists for who asks, and no more."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from barrio.errors import AskError, UnknownName
from barrio.history.chosen import FILTERS, Choice, choose
from barrio.live.words import KINDS
from twin.model.source import suggest
from twin.resolution import Resolution

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from barrio.access.who import Who
    from twin.access.sight import Sight
    from twin.frame import Ids

MOST_POINTS = 10_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """A selection in the words of whoever asks, with the meaning that it has in questions of history."""

    choice: Choice
    events: Sequence[str] = KINDS

    @property
    def said(self) -> dict[str, Any]:
        """The selection by the names of its parts, as it is kept and told."""
        words = {name: getattr(self.choice, name) for name in FILTERS}
        return {"point": list(self.choice.points), **words, "events": list(self.events)}

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Wanted:
        """Return what was kept."""
        filters = {name: said[name] for name in FILTERS}
        return cls(Choice(tuple(said["point"]), **filters), tuple(said["events"]))


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
    def coarsest(self) -> Resolution | None:
        """How finely all of it may be asked for at once; None for as finely as it was read."""
        return max(self.coarse, key=lambda every: every.seconds, default=None)

    @property
    def key(self) -> tuple[object, ...]:
        """What two selections have in common that are given the same."""
        parts = tuple((every, ids.tobytes()) for every, ids in self.coarse.items())
        return id(self.sight), self.kinds, self.raw.tobytes(), parts


def selected(wanted: Wanted, who: Who) -> Selection:
    """Return the selection; AskError or UnknownName when there is none such for this caller."""
    kinds = _kinds(wanted.events)
    choice = wanted.choice
    if choice.points or choice.filters:
        ids = np.unique(np.array([item.id for item in choose(choice, who, MOST_POINTS)], np.int32))
    else:
        ids = who.sight.ids
    if not len(ids):
        raise UnknownName("there is no point for you")
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
