"""Where things are and how they stand: what the map and the list of devices show.

Made of what exists for one sight and of nothing else: a site is there when something in it is seen.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from twin.model.computed import computed_points
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from barrio.platform import Platform
    from twin.access.sight import Sight
    from twin.frame import Ids
    from twin.model.district import Device, District
    from twin.model.spec import Location, SiteSpec

METRES_A_DEGREE = 111_320.0
GRAVEST = "asuf"
"""How something stands, the gravest first: alarm, silent, uncertain, fine."""
ALARMING = frozenset({"active", "acknowledged"})
_GOLDEN = math.pi * (3 - math.sqrt(5))
_FIRST_UNCERTAIN = int(Reason.UNCERTAIN_STATUS)
_FIRST_ABSENT = int(Reason.NOT_HEARD_YET)


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """A device, or a site that has computed points; `ids` are those of its points that are seen and give readings.

    `own` marks those that are heard of the device itself, all of them where each is computed.
    """

    district: str
    id: str
    name: str
    kind: str
    site: str
    place: tuple[float, float]
    ids: Ids
    own: np.ndarray

    @property
    def path(self) -> str:
        """`district/id`."""
        return f"{self.district}/{self.id}"


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """A place with a name; `hull` goes around what is in it, in metres east and south."""

    id: str
    name: str
    kind: str
    place: tuple[float, float]
    hull: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """All that one sight sees of one district."""

    district: District
    things: Sequence[Thing]
    sites: Sequence[Site]
    ways: Sequence[tuple[tuple[float, float], tuple[float, float]]]
    """From where to where something is fed, of what is seen at both ends."""

    @property
    def box(self) -> tuple[float, float, float, float]:
        """West, north, width and height of all of it, in metres, with room around."""
        found = [one.place for one in self.things] + [one.place for one in self.sites]
        spots = np.array(found or [(0.0, 0.0)])
        low, high = spots.min(axis=0), spots.max(axis=0)
        room = max(40.0, 0.08 * float((high - low).max()))
        width, height = (high - low) + 2 * room
        return float(low[0] - room), float(low[1] - room), float(width), float(height)


_MADE: WeakKeyDictionary[Sight, dict[str, Places]] = WeakKeyDictionary()


def places_of(platform: Platform, sight: Sight) -> Mapping[str, Places]:
    """Return the places by district, in the order of the command line; made once for a sight."""
    found = _MADE.get(sight)
    if found is None:
        every = platform.catalogue.districts
        found = {one.id: _places(one, sight) for one in every if one.id in sight.district_ids}
        _MADE[sight] = found
    return found


def standings(platform: Platform, things: Sequence[Thing], alarmed: frozenset[str]) -> str:
    """Return how each thing stands, a letter each; `alarmed` are `district/id` with an alarm."""
    sizes = np.array([len(one.ids) for one in things], np.int64)
    if not sizes.sum():
        return "".join("a" if one.path in alarmed else "f" for one in things)
    ids = np.concatenate([one.ids for one in things])
    own = np.concatenate([one.own for one in things])
    letters = _standings(platform.gaps.reason[ids], platform.live.quality[ids], own, sizes)
    return "".join(
        "a" if one.path in alarmed else letter for one, letter in zip(things, letters, strict=True)
    )


def alarmed(found: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Return `district/id` of what has an alarm, from the answer of `/api/v1/alarms`."""
    return frozenset(f"{one['district']}/{one['subject']}" for one in found if one["state"] in ALARMING)


def counted(letters: str) -> dict[str, int]:
    """Return how many stand how, the gravest first."""
    tally = Counter(letters)
    return {one: tally[one] for one in GRAVEST}


def _standings(gaps: np.ndarray, quality: np.ndarray, own: np.ndarray, sizes: np.ndarray) -> str:
    """Return a letter for each thing, of rows that belong to the things in turn, `sizes` of them to each."""
    absent = (gaps != 0) | (quality >= _FIRST_ABSENT)
    doubtful = absent | (quality >= _FIRST_UNCERTAIN)
    filled = np.flatnonzero(sizes)
    starts = (np.cumsum(sizes) - sizes)[filled]
    letters = np.full(len(sizes), "f")
    letters[filled[np.logical_or.reduceat(doubtful, starts)]] = "u"
    letters[filled[np.logical_and.reduceat(absent | ~own, starts)]] = "s"
    return "".join(letters)


# --- what is where ------------------------------------------------------------------------------------------


def _places(district: District, sight: Sight) -> Places:
    ids: dict[str, list[int]] = {}
    own: dict[str, list[bool]] = {}
    computed = {point.path for _, point in computed_points(district)}
    owners: dict[str, Device] = {}
    for path in sight.paths:
        item = sight.points[path]
        owner = sight.owners[item.id]
        if owner.district == district.id:
            owners[owner.id] = owner
            readable = [item] if item.point.readable else []
            ids.setdefault(owner.id, []).extend(one.id for one in readable)
            own.setdefault(owner.id, []).extend(one.point.path not in computed for one in readable)
    seats: Counter[str] = Counter()
    things = []
    for owner in owners.values():
        place = _place(district, owner, seats)
        things.append(
            Thing(
                district.id,
                owner.id,
                owner.name or owner.id,
                owner.kind,
                owner.site,
                place,
                np.array(ids[owner.id], np.int32),
                np.array(own[owner.id], bool) | (not any(own[owner.id])),
            )
        )
    sites = _sites(district, things)
    return Places(district, things, sites, _ways(district, things, sites))


def _place(district: District, owner: Device, seats: Counter[str]) -> tuple[float, float]:
    """Where a device is; those without a place of their own sit around their site, each on a seat of its own."""
    if owner.location is not None and owner.id in district.devices:
        return _metres(district, owner.location)
    around = _site_location(district, owner.site)
    east, south = _metres(district, around)
    key = f"{around.lat} {around.lon}"
    seat = seats[key]
    seats[key] += 1
    step = 7.0 * math.sqrt(seat)
    return east + step * math.cos(seat * _GOLDEN), south + step * math.sin(seat * _GOLDEN)


def _site_location(district: District, site: str) -> Location:
    """Return where a site is: where it says so, else where the site around it is, else where the district is."""
    seen: set[str] = set()
    while (found := district.sites.get(site)) is not None and site not in seen:
        if found.location is not None:
            return found.location
        seen.add(site)
        site = found.within or ""
    return district.location


def _metres(district: District, place: Location) -> tuple[float, float]:
    """Return metres east and south of the district's location (a plane, good for the size of a city)."""
    narrowed = math.cos(math.radians(district.location.lat))
    east = (place.lon - district.location.lon) * METRES_A_DEGREE * narrowed
    return east, (district.location.lat - place.lat) * METRES_A_DEGREE


def _sites(district: District, things: Sequence[Thing]) -> list[Site]:
    by_site: dict[str, list[Thing]] = {}
    for one in things:
        by_site.setdefault(one.site, []).append(one)
    return [_site(district.sites[name], found) for name, found in by_site.items() if name in district.sites]


def _site(spec: SiteSpec, things: Sequence[Thing]) -> Site:
    hull = _hull([one.place for one in things])
    middle = (sum(x for x, _ in hull) / len(hull), sum(y for _, y in hull) / len(hull))
    return Site(spec.id, spec.name or spec.id, spec.kind, middle, hull)


def _ways(
    district: District, things: Sequence[Thing], sites: Sequence[Site]
) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    known = {one.id: one.place for one in sites} | {one.id: one.place for one in things}
    return [
        (known[one.source], known[one.target])
        for one in district.relations
        if one.type == "feeds" and one.source in known and one.target in known
    ]


def _hull(spots: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the corners of the smallest convex shape around some spots (Andrew's monotone chain)."""
    ordered = sorted(set(spots))
    if len(ordered) < 3:
        return ordered
    lower, upper = _chain(ordered), _chain(ordered[::-1])
    return lower[:-1] + upper[:-1]


def _chain(ordered: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for spot in ordered:
        while len(found) > 1 and _turn(found[-2], found[-1], spot) <= 0:
            found.pop()
        found.append(spot)
    return found


def _turn(one: tuple[float, float], two: tuple[float, float], three: tuple[float, float]) -> float:
    return (two[0] - one[0]) * (three[1] - one[1]) - (two[1] - one[1]) * (three[0] - one[0])
