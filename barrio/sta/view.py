"""What one caller sees of the book: the entities that their sight leaves, and the relations among those."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

from barrio.sta.book import Book
from barrio.sta.graph import Graph
from barrio.sta.records import Feature, Instrument, Observed, Place, Reading, Stay, Stream, Thing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from barrio.platform import Platform
    from barrio.sta.records import Record
    from twin.access.sight import Sight


class View:
    """The entities of one sight. A type's entities are in the order of their ids; those of Observations are read."""

    def __init__(self, book: Book, sight: Sight) -> None:
        self.sight = sight
        self._book = book
        self.streams: Sequence[Stream] = [
            book.streams[one] for one in sight.ids.tolist() if one in book.streams
        ]
        self._by_id: dict[str, dict[int, Record]] = {
            "Datastreams": {one.id: one for one in self.streams},
            "Things": _by_id(one.thing for one in self.streams),
            "Locations": _by_id(one.thing.place for one in self.streams),
            "Sensors": _by_id(one.sensor for one in self.streams),
            "ObservedProperties": _by_id(one.observed for one in self.streams),
            "FeaturesOfInterest": _by_id(one.feature for one in self.streams),
        }

    def all(self, kind: str) -> Mapping[int, Record]:
        """Return the entities of a type (any but Observations) by id."""
        return self._stays if kind == "HistoricalLocations" else self._by_id[kind]

    def related(self, record: Record, relation: str) -> list[Record]:
        """Return what a relation leads to, in the order of ids; one entity where it leads to one. Not Observations."""
        if relation == "HistoricalLocations":
            return self._stays_of[id(record)]
        if relation == "Things":
            return self._things_of.get(record.id, [])
        if relation == "Datastreams":
            return self._streams_of[type(record)].get(record.id, [])
        return [_ONE[relation](record)]

    def streams_of(self, record: Stream | Feature) -> Sequence[Stream]:
        """Return the Datastreams whose observations are those of an entity."""
        return [record] if isinstance(record, Stream) else self._streams_of[Feature].get(record.id, [])

    @cached_property
    def graph(self) -> Graph:
        """How many entities relations lead to."""
        return Graph(self)

    @cached_property
    def _things_of(self) -> Mapping[int, list[Thing]]:
        found: dict[int, list[Thing]] = defaultdict(list)
        for one in self._by_id["Things"].values():
            found[one.place.id].append(one)
        return dict(found)

    @cached_property
    def _streams_of(self) -> Mapping[type[Record], Mapping[int, list[Stream]]]:
        """The Datastreams of things, sensors, observed properties and features, by type and id."""
        found: dict[type[Record], dict[int, list[Stream]]] = {
            one: defaultdict(list) for one in (Thing, Instrument, Observed, Feature)
        }
        for one in self.streams:
            for record in (one.thing, one.sensor, one.observed, one.feature):
                found[type(record)][record.id].append(one)
        return {kind: dict(some) for kind, some in found.items()}

    @cached_property
    def _stays(self) -> dict[int, Stay]:
        things, places = self._by_id["Things"], self._by_id["Locations"]
        return _by_id(one for one in self._book.stays() if one.thing.id in things and one.place.id in places)

    @cached_property
    def _stays_of(self) -> Mapping[int, list[Stay]]:
        """The stays by the identity of their thing and of their place."""
        found: dict[int, list[Stay]] = defaultdict(list)
        for one in self._stays.values():
            found[id(one.thing)].append(one)
            found[id(one.place)].append(one)
        return found


def _by_id(records: Iterable[Record]) -> dict[int, Record]:
    found = {one.id: one for one in records}
    return {one: found[one] for one in sorted(found)}


_ONE: Mapping[str, Callable[[Record], Record]] = {
    "Locations": lambda record: record.place,
    "Thing": lambda record: record.thing,
    "Sensor": lambda record: record.sensor,
    "ObservedProperty": lambda record: record.observed,
    "Datastream": lambda record: record.stream,
    "FeatureOfInterest": lambda record: record.stream.feature,
}


def kind_of(record: Record) -> str:
    """Return the name of an entity's type."""
    return _KINDS.get(type(record), "Sensors")


_KINDS: Mapping[type[Record], str] = {
    Thing: "Things",
    Place: "Locations",
    Stay: "HistoricalLocations",
    Stream: "Datastreams",
    Observed: "ObservedProperties",
    Reading: "Observations",
    Feature: "FeaturesOfInterest",
}


class Views:
    """The views of a platform's callers, the last few kept. Usable from any thread."""

    MOST = 32

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._lock = Lock()
        self._book: Book | None = None
        self._kept: OrderedDict[Sight, View] = OrderedDict()

    def of(self, sight: Sight) -> View:
        """Return the view of a sight; blocks, longest the first time."""
        with self._lock:
            if self._book is None:
                self._book = Book(self._platform)
            found = self._kept.pop(sight, None) or View(self._book, sight)
            self._kept[sight] = found
            if len(self._kept) > self.MOST:
                self._kept.popitem(last=False)
            return found
