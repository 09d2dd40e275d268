"""A dataset as the platform uses it: points that have an owner, a licence and a tier; or figures made of many of them.

`twin.datasets.load` makes these from `datasets.yaml`. A point is in one dataset at most; what is in none is for
operators. Meters of dwellings are never open themselves: what is open of them is `figures`, sums over fixed groups of
at least so many.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from twin.access.scope import Tier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twin.resolution import Resolution


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a dataset is; `url` is empty where there is none."""

    id: str
    name: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """The points that one open figure is the sum of, all of one quantity. `id` is `district`, or the id of a site."""

    id: str
    name: str
    quantity: str
    members: tuple[str, ...]
    """Paths."""

    @property
    def meters(self) -> frozenset[str]:
        """Ids of the devices; two registers of one device are one meter."""
        return frozenset(path.split("/")[1] for path in self.members)


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
    listed: bool = False
    """Whether everybody may know that it exists, although only partners see it."""

    no_dwelling: str = ""

    @property
    def key(self) -> str:
        """`district/id`: its name among those of all districts."""
        return f"{self.district}/{self.id}"


@dataclass(frozen=True)
class DatasetBook:
    """The datasets of one district, in the order of its file."""

    datasets: tuple[Dataset, ...] = field(default=())
    owners: Mapping[str, Owner] = field(default_factory=dict)

    def of(self, path: str) -> Dataset | None:
        """Return the dataset that a point itself is given with; one that is only summed up for figures is not."""
        return self._by_path.get(path)

    @cached_property
    def _by_path(self) -> dict[str, Dataset]:
        return {path: one for one in self.datasets if one.figures is None for path in one.members}
