"""Layers from left to right: which box stands in which, and in which order, so that few edges cross.

After Sugiyama, Tagawa and Toda (IEEE Trans. SMC 11(2), 1981): rings are opened, every box stands right of what is above
it, edges that pass layers get a place in each, and each layer is sorted by the middle of its neighbours until that
crosses no less.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SWEEPS = 24


@dataclass(frozen=True, slots=True)
class Bend:
    """A place that an edge passes in a layer where it has no box; the number tells edges apart."""

    edge: int
    layer: int


Place = str | Bend


@dataclass(frozen=True, slots=True)
class Layered:
    """Places by layer in their order; `routes` are the places of each edge from its upper to its lower end."""

    layers: list[list[Place]]
    routes: list[list[Place]]


def layered(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> Layered:
    """Return boxes in layers; edges are `(upper, lower)`, and may go round in rings."""
    ranks = _ranks(names, _acyclic(names, edges))
    routes = [_route(number, one, two, ranks) for number, (one, two) in enumerate(edges)]
    layers: list[list[Place]] = [[] for _ in range(max(ranks.values(), default=-1) + 1)]
    for name in _walked(names, edges):
        layers[ranks[name]].append(name)
    for route in routes:
        for place in route[1:-1]:
            if isinstance(place, Bend):
                layers[place.layer].append(place)
    return Layered(_sorted(layers, routes), routes)


def _acyclic(names: Sequence[str], edges: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the edges without those that close a ring: a way between their ends is there already."""
    lower: dict[str, list[str]] = defaultdict(list)
    for one, two in edges:
        if one != two:
            lower[one].append(two)
    found: list[tuple[str, str]] = []
    open_, done = set[str](), set[str]()
    for start in names:
        waiting = [(start, iter(lower[start]))] if start not in done else []
        open_.update(name for name, _ in waiting)
        while waiting:
            name, following = waiting[-1]
            step = next(following, None)
            if step is None:
                waiting.pop()
                open_.discard(name)
                done.add(name)
            elif step not in open_:
                found.append((name, step))
                if step not in done:
                    open_.add(step)
                    waiting.append((step, iter(lower[step])))
    return found


def _ranks(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Return the layer of each: right of all that is above it; what has nothing above it is next to its lower."""
    lower: dict[str, list[str]] = defaultdict(list)
    missing = dict.fromkeys(names, 0)
    for one, two in edges:
        lower[one].append(two)
        missing[two] += 1
    ranks = dict.fromkeys(names, 0)
    ready = [name for name in names if not missing[name]]
    roots = set(ready)
    for name in ready:
        for two in lower[name]:
            ranks[two] = max(ranks[two], ranks[name] + 1)
            missing[two] -= 1
            if not missing[two]:
                ready.append(two)
    for name in roots:
        if lower[name]:
            ranks[name] = min(ranks[two] for two in lower[name]) - 1
    return ranks


def _route(number: int, one: str, two: str, ranks: Mapping[str, int]) -> list[Place]:
    step = 1 if ranks[two] >= ranks[one] else -1
    between: list[Place] = [Bend(number, layer) for layer in range(ranks[one] + step, ranks[two], step)]
    return [one, *between, two]


def _walked(names: Sequence[str], edges: Iterable[tuple[str, str]]) -> list[str]:
    """Return the names in the order of a walk along the edges, so that neighbours begin near each other."""
    near: dict[str, list[str]] = defaultdict(list)
    for one, two in edges:
        near[one].append(two)
        near[two].append(one)
    found: dict[str, None] = {}
    for start in names:
        waiting = [start]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = None
                waiting += reversed(near[name])
    return list(found)


def _sorted(layers: list[list[Place]], routes: Iterable[Sequence[Place]]) -> list[list[Place]]:
    """Return the layers in the best order that sweeps to the right and to the left come to."""
    before: dict[Place, list[Place]] = defaultdict(list)
    after: dict[Place, list[Place]] = defaultdict(list)
    rank = {place: number for number, layer in enumerate(layers) for place in layer}
    for route in routes:
        for one, two in pairwise(route):
            left, right = (one, two) if rank[one] <= rank[two] else (two, one)
            after[left].append(right)
            before[right].append(left)
    best, fewest = layers, _crossings(layers, after)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        rightwards = sweep % 2 == 0
        layers = _swept(layers, before if rightwards else after, rightwards=rightwards)
        if (crossings := _crossings(layers, after)) < fewest:
            best, fewest = layers, crossings
    return best


def _swept(
    layers: list[list[Place]], near: Mapping[Place, Sequence[Place]], *, rightwards: bool
) -> list[list[Place]]:
    found = [list(layer) for layer in layers]
    numbers = range(1, len(found)) if rightwards else range(len(found) - 2, -1, -1)
    for number in numbers:
        fixed = found[number - 1] if rightwards else found[number + 1]
        at = {place: float(position) for position, place in enumerate(fixed)}
        own = {place: float(position) for position, place in enumerate(found[number])}
        found[number].sort(key=lambda place, at=at, own=own: _middle(place, near, at, own))  # type: ignore[misc]
    return found


def _middle(
    place: Place, near: Mapping[Place, Sequence[Place]], at: Mapping[Place, float], own: Mapping[Place, float]
) -> float:
    """Return the mean position of the neighbours; who has none stays where it is."""
    known = [at[one] for one in near.get(place, ()) if one in at]
    return sum(known) / len(known) if known else own[place]


def _crossings(layers: Sequence[Sequence[Place]], after: Mapping[Place, Sequence[Place]]) -> int:
    """Return how many pairs of edges cross between neighbouring layers."""
    crossings = 0
    for left, right in pairwise(layers):
        at = {place: position for position, place in enumerate(right)}
        seen: list[int] = []
        for place in left:
            ends = sorted(at[one] for one in after.get(place, ()) if one in at)
            crossings += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return crossings
