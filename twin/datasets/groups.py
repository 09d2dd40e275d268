"""Groups of meters that sums are published of, and whether the sums hide everybody.

What holds, for all open figures of a district together, whatever they measure:

- Any two groups are apart, or one lies in the other.
- What is left of a group without those published inside of it is nobody, or at least k meters.

Then every sum that can be made of published ones, by adding and subtracting, is over whole such remainders: nobody,
or at least k. Sets are of devices, not of registers, so that active and apparent energy of the same meters cannot be
set against each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from twin.datasets.dataset import Dataset, Group
    from twin.model.graph import Graph
    from twin.model.spec import SiteSpec

DISTRICT = "district"
SITE = "site"
_SOME = 3


@dataclass(frozen=True, slots=True)
class Published:
    """One group of one dataset, with what is needed to check and to publish it."""

    dataset: Dataset
    group: Group
    meters: frozenset[str]

    @property
    def name(self) -> str:
        """How it is called in a message."""
        return f"{self.dataset.id}/{self.group.id} ({self.group.quantity})"


def place_of(site: str, level: str, sites: Mapping[str, SiteSpec], graph: Graph) -> str | None:
    """Return the group that a meter in a site belongs to at a level: `district`, a site's id, None for no group."""
    if level == DISTRICT:
        return DISTRICT
    if level == SITE:
        return site
    around = (site, *graph.places_of(site))
    return next((one for one in around if one in sites and sites[one].kind == level), None)


def published_of(datasets: Sequence[Dataset]) -> list[Published]:
    """Return all groups of all datasets that have figures."""
    return [
        Published(one, group, group.meters)
        for one in datasets
        if one.figures is not None
        for group in one.figures.groups
    ]


def clusters(groups: Sequence[Published]) -> list[list[Published]]:
    """Return the groups in parts that have no meter in common, directly or by way of others."""
    found: list[tuple[set[str], list[Published]]] = []
    for one in groups:
        meters, members = set(one.meters), [one]
        apart = []
        for other_meters, other in found:
            if meters.isdisjoint(other_meters):
                apart.append((other_meters, other))
            else:
                meters |= other_meters
                members = other + members
        found = [*apart, (meters, members)]
    return [members for _, members in found]


def least(cluster: Sequence[Published]) -> int:
    """Return k of a cluster: the largest of its datasets."""
    return max(one.dataset.figures.at_least for one in cluster if one.dataset.figures is not None)


def faults_of(groups: Sequence[Published]) -> Iterator[tuple[Published, str]]:
    """Yield what is wrong with the groups of a district, each with the group that is to blame."""
    for cluster in clusters(groups):
        yield from _settings(cluster)
        crossing = list(_crossing(cluster))
        yield from crossing
        if not crossing:
            yield from _remainders(cluster, least(cluster))


def _settings(cluster: Sequence[Published]) -> Iterator[tuple[Published, str]]:
    first = cluster[0]
    seen = {first.dataset.id}
    for one in cluster[1:]:
        mine, its = one.dataset.figures, first.dataset.figures
        if one.dataset.id in seen or mine is None or its is None:
            continue
        seen.add(one.dataset.id)
        if (mine.every, mine.after_s) != (its.every, its.after_s):
            words = f"has meters of {first.dataset.id} too, and would show them in other windows or at another time: "
            yield one, f"{words}`every` and `after` must be the same"


def _crossing(cluster: Sequence[Published]) -> Iterator[tuple[Published, str]]:
    for first, second in combinations(cluster, 2):
        both = first.meters & second.meters
        if both and both not in (first.meters, second.meters):
            words = f"crosses {first.name}: {_some(both)} in both, {_some(second.meters - first.meters)} in one only; "
            yield second, f"{words}groups of open figures nest or are apart"


def _remainders(cluster: Sequence[Published], k: int) -> Iterator[tuple[Published, str]]:
    for one in cluster:
        inside = [other for other in cluster if other.meters < one.meters]
        rest = one.meters.difference(*(other.meters for other in inside))
        if 0 < len(rest) < k:
            below = ", ".join(dict.fromkeys(other.name for other in inside[:_SOME]))
            words = f"{one.name} has {len(rest)} meters, fewer than {k}"
            if inside:
                words = f"what is left of {one.name} without {below} is {len(rest)} of {k} meters ({_some(rest)}): "
                words += "whoever subtracts would see them"
            yield one, words


def _some(meters: frozenset[str]) -> str:
    known = sorted(meters)
    more = f" and {len(known) - _SOME} more" if len(known) > _SOME else ""
    return f"{', '.join(known[:_SOME])}{more}"
