"""How many entities relations lead to, without going there: each relation as one array of positions.

A weight says how often an entity stands in an answer, or is looked at; weights are carried over a relation at once, so
that what `Things?$expand=Datastreams/Thing/Datastreams` would hold is known after three multiplications of columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from barrio.sta.records import Reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from barrio.sta.records import Record
    from barrio.sta.view import View

    Weights = npt.NDArray[np.float64]
    Positions = npt.NDArray[np.intp]

_UP: Mapping[tuple[str, str], str] = {
    ("Datastreams", "Thing"): "Things",
    ("Datastreams", "Sensor"): "Sensors",
    ("Datastreams", "ObservedProperty"): "ObservedProperties",
    ("Observations", "Datastream"): "Datastreams",
    ("Observations", "FeatureOfInterest"): "FeaturesOfInterest",
    ("HistoricalLocations", "Thing"): "Things",
    ("HistoricalLocations", "Locations"): "Locations",
    ("Things", "Locations"): "Locations",
}
"""Relations that lead to one entity, and to which type; that a place is a collection is how the standard has it."""
_DOWN: Mapping[tuple[str, str], tuple[str, str]] = {
    ("Things", "Datastreams"): ("Datastreams", "Thing"),
    ("Things", "HistoricalLocations"): ("HistoricalLocations", "Thing"),
    ("Locations", "Things"): ("Things", "Locations"),
    ("Locations", "HistoricalLocations"): ("HistoricalLocations", "Locations"),
    ("Sensors", "Datastreams"): ("Datastreams", "Sensor"),
    ("ObservedProperties", "Datastreams"): ("Datastreams", "ObservedProperty"),
    ("Datastreams", "Observations"): ("Observations", "Datastream"),
    ("FeaturesOfInterest", "Observations"): ("Observations", "FeatureOfInterest"),
}
"""Relations that lead to many, each the other way round of one that leads to one."""


class Graph:
    """The relations among what one caller sees. The Observations of a Datastream stand in it as one entity."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._positions: dict[str, dict[int, int]] = {}
        self._ups: dict[tuple[str, str], Positions] = {}
        self._ranks: dict[tuple[str, str], Weights] = {}

    def size(self, kind: str) -> int:
        """Return how many entities of a type there are."""
        return len(self._view.all(_seen(kind)))

    def weights(self, kind: str, records: Iterable[Record], times: Sequence[float] | None = None) -> Weights:
        """Return how often each entity of a type stands among some; observations stand for their Datastream."""
        positions = self._of_type(kind)
        found = [positions[one.stream.id if isinstance(one, Reading) else one.id] for one in records]
        weights = np.ones(len(found)) if times is None else np.array(times, float)
        return _sums(np.array(found, np.intp), weights, self.size(kind))

    def follow(self, kind: str, relation: str, weights: Weights) -> Weights:
        """Return how often what a relation leads to is reached from entities that stand there that often."""
        down = _DOWN.get((kind, relation))
        if down is not None:
            return weights[self._up(*down)]
        target = _UP[kind, relation]
        return _sums(self._up(kind, relation), weights, self.size(target))

    def gather(self, kind: str, relation: str, values: Weights) -> Weights:
        """Return for each entity the sum of the values of what a relation leads to from it."""
        down = _DOWN.get((kind, relation))
        if down is None:
            return values[self._up(kind, relation)]
        return _sums(self._up(*down), values, self.size(kind))

    def ranks(self, kind: str, relation: str) -> Weights:
        """Return the place, from 0, of each entity among those that a relation to many leads to together with it."""
        down = _DOWN.get((kind, relation))
        if down is None:
            return np.zeros(self.size(_UP[kind, relation]))
        found = self._ranks.get(down)
        if found is None:
            parents = self._up(*down)
            order = np.argsort(parents, kind="stable")
            ordered = parents[order]
            first = np.searchsorted(ordered, ordered, side="left")
            found = np.empty(len(parents))
            found[order] = np.arange(len(parents)) - first
            self._ranks[down] = found
        return found

    def _of_type(self, kind: str) -> Mapping[int, int]:
        seen = _seen(kind)
        found = self._positions.get(seen)
        if found is None:
            found = self._positions[seen] = {one: at for at, one in enumerate(self._view.all(seen))}
        return found

    def _up(self, kind: str, relation: str) -> Positions:
        key = kind, relation
        found = self._ups.get(key)
        if found is None:
            found = self._ups[key] = self._read(kind, relation)
        return found

    def _read(self, kind: str, relation: str) -> Positions:
        streams = self._view.all(_seen(kind)).values()
        if relation == "Datastream":
            return np.arange(len(streams))
        positions = self._of_type(_UP[kind, relation])
        if relation == "FeatureOfInterest":
            return np.array([positions[one.feature.id] for one in streams], np.intp)
        related = self._view.related
        return np.array([positions[related(one, relation)[0].id] for one in streams], np.intp)


def _sums(positions: Positions, weights: Weights, size: int) -> Weights:
    """Return the sum of the weights at each position."""
    return np.bincount(positions, weights=weights, minlength=size).astype(np.float64)


def _seen(kind: str) -> str:
    return "Datastreams" if kind == "Observations" else kind
