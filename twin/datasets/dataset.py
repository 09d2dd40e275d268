"""A dataset as the platform uses it: points that have an owner, a licence and a tier; or figures made of many of them.

`twin.datasets.load` makes these from `datasets.yaml`. A point is in one dataset at most; what is in none is for
operators. Meters of dwellings are never open themselves: what is open of them is `figures`, sums over fixed groups of
at least so many.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from twin.access.scope import Tier
from twin.resolution import Resolution


@dataclass(frozen=True, slots=True)
class Group:
    """The points that one open figure is the sum of."""

    id: str
    name: str
    members: tuple[str, ...]
    """Paths."""


@dataclass(frozen=True, slots=True)
class Figures:
    """How a dataset's points are summed up for everybody: so many at least, in windows of one fixed length only.

    A window is given `after_s` seconds past its end, of what had been received by then, and never changes again: who
    asks twice learns nothing from the difference.
    """

    at_least: int
    every: Resolution
    after_s: float
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Dataset:
    """What an owner gives away, and to whom. `members` are paths of points; `figures` only where it has them.

    Nobody but operators is given its readings finer than `finest`.
    """

    id: str
    district: str
    title: str
    description: str
    owner: str
    contact: str
    licence: str
    tier: Tier
    finest: Resolution
    members: tuple[str, ...]
    keywords: tuple[str, ...] = ()
    figures: Figures | None = None


@dataclass(frozen=True)
class DatasetBook:
    """The datasets of one district, in the order of its file."""

    datasets: tuple[Dataset, ...] = field(default=())

    def of(self, path: str) -> Dataset | None:
        """Return the dataset that a point itself is given with; one that is only summed up for figures is not."""
        return self._by_path.get(path)

    @cached_property
    def _by_path(self) -> dict[str, Dataset]:
        return {path: one for one in self.datasets if one.figures is None for path in one.members}
