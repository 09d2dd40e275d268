"""Where each place of a layer stands in height: as near to its neighbours as the order and the distances allow."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from barrio.graph.layers import Bend

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from barrio.graph.layers import Layered, Place

ROUNDS = 12
STRAIGHT = 8.0
"""How much more the straightness of a passing edge counts than the middle of a box."""


def heights(found: Layered, room: Callable[[Place], float]) -> dict[Place, float]:
    """Return the middle of each place; `room` is the height that a place takes with its margins. The least is 0."""
    before: dict[Place, list[Place]] = defaultdict(list)
    after: dict[Place, list[Place]] = defaultdict(list)
    rank = {place: number for number, layer in enumerate(found.layers) for place in layer}
    for route in found.routes:
        for one, two in pairwise(route):
            left, right = (one, two) if rank[one] <= rank[two] else (two, one)
            after[left].append(right)
            before[right].append(left)
    at: dict[Place, float] = {}
    for layer in found.layers:
        at |= _packed(layer, room)
    for number in range(ROUNDS):
        layers = found.layers if number % 2 == 0 else found.layers[::-1]
        near = (before, after) if number % 2 == 0 else (after, before)
        # In the last rounds both sides count, so that a box stands in the middle of all that it is connected to.
        both = number >= ROUNDS - 4
        for layer in layers:
            at |= _settled(layer, at, near[0], near[1] if both else {}, room)
    least = min((y - room(place) / 2 for place, y in at.items()), default=0.0)
    return {place: y - least for place, y in at.items()}


def _packed(layer: Sequence[Place], room: Callable[[Place], float]) -> dict[Place, float]:
    found: dict[Place, float] = {}
    y = 0.0
    for place in layer:
        found[place] = y + room(place) / 2
        y += room(place)
    return found


def _settled(
    layer: Sequence[Place],
    at: Mapping[Place, float],
    near: Mapping[Place, Sequence[Place]],
    other: Mapping[Place, Sequence[Place]],
    room: Callable[[Place], float],
) -> dict[Place, float]:
    """Return the heights of a layer that come nearest to the means of the neighbours, in order and apart."""
    offsets, offset = [], 0.0
    for number, place in enumerate(layer):
        if number:
            offset += (room(layer[number - 1]) + room(place)) / 2
        offsets.append(offset)
    wanted, weights = [], []
    for place, offset in zip(layer, offsets, strict=True):
        heights_ = [at[one] for one in (*near.get(place, ()), *other.get(place, ()))]
        wanted.append((sum(heights_) / len(heights_) if heights_ else at[place]) - offset)
        weights.append(STRAIGHT if isinstance(place, Bend) else 1.0 if heights_ else 0.1)
    settled = rising(wanted, weights)
    return {place: y + offset for place, y, offset in zip(layer, settled, offsets, strict=True)}


def rising(wanted: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the numbers that never fall and come nearest to those that are wanted, by weighted squares.

    Neighbours that are out of order become one at their mean until none are (pool adjacent violators: Ayer, Brunk and
    others, Ann. Math. Statist. 26(4), 1955).
    """
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(wanted, weights, strict=True):
        mean, heavy, many = value, weight, 1
        while pools and pools[-1][0] > mean:
            earlier, earlier_weight, earlier_many = pools.pop()
            mean = (earlier * earlier_weight + mean * heavy) / (earlier_weight + heavy)
            heavy += earlier_weight
            many += earlier_many
        pools.append((mean, heavy, many))
    return [mean for mean, _, many in pools for _ in range(many)]
