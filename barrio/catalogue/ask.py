"""What somebody looks for in the catalogue."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from barrio.errors import AskError

if TYPE_CHECKING:
    from barrio.catalogue.facts import Fact
    from twin.model.spec import Location

_LONGITUDE, _LATITUDE = 180.0, 90.0


class Box(NamedTuple):
    """A bounding box in degrees, WGS 84; one whose west is east of its east goes across the antimeridian."""

    west: float
    south: float
    east: float
    north: float

    def holds(self, place: Location | None) -> bool:
        """Whether a place lies in it, or on its edge."""
        if place is None or not self.south <= place.lat <= self.north:
            return False
        if self.west <= self.east:
            return self.west <= place.lon <= self.east
        return place.lon >= self.west or place.lon <= self.east


def box_of(text: str | None) -> Box | None:
    """Return the box of `minlon,minlat,maxlon,maxlat` (RFC 7946, 5); AskError for what is none."""
    if text is None:
        return None
    parts = text.split(",")
    try:
        numbers = [float(one) for one in parts]
    except ValueError:
        numbers = []
    if len(numbers) != len(Box._fields) or not all(math.isfinite(one) for one in numbers):
        raise AskError(
            "bbox", f"{text[:100]!r} is not minlon,minlat,maxlon,maxlat, such as -100.27,20.55,-100.25,20.57"
        )
    box = Box(*numbers)
    if not (abs(box.west) <= _LONGITUDE and abs(box.east) <= _LONGITUDE):
        raise AskError("bbox", f"longitudes lie between -180 and 180, found {box.west:g} and {box.east:g}")
    if not -_LATITUDE <= box.south <= box.north <= _LATITUDE:
        words = f"latitudes rise from -90 to 90, found {box.south:g} to {box.north:g}"
        raise AskError("bbox", words)
    return box


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which points are meant; None means any. `site` stands for the sites within it too.

    Sites and datasets are named by their id, or as `district/id`. `under` is a district, `district/device`, or a path.
    """

    under: str | None = None
    district: str | None = None
    device: str | None = None
    quantity: str | None = None
    site: str | None = None
    kind: str | None = None
    profile: str | None = None
    dataset: str | None = None
    box: Box | None = None

    @property
    def anything(self) -> bool:
        """Whether nothing is asked of a point."""
        return all(getattr(self, name) is None for name in self.__slots__)

    def takes(self, fact: Fact) -> bool:
        """Whether a point passes all of it."""
        owner, point = fact.owner, fact.item.point
        return (
            (self.quantity is None or point.quantity.name == self.quantity)
            and (self.kind is None or owner.kind == self.kind)
            and (self.profile is None or owner.profile == self.profile)
            and (self.district is None or owner.district == self.district)
            and (self.device is None or self.device in {owner.id, f"{owner.district}/{owner.id}"})
            and (self.under is None or f"{point.path}/".startswith(f"{self.under.strip('/')}/"))
            and (self.site is None or self._in_site(fact))
            and (self.dataset is None or self._of_dataset(fact))
            and (self.box is None or self.box.holds(fact.place))
        )

    def _in_site(self, fact: Fact) -> bool:
        district, _, name = (self.site or "").rpartition("/")
        return name in fact.around and district in {"", fact.owner.district}

    def _of_dataset(self, fact: Fact) -> bool:
        return fact.dataset is not None and self.dataset in {fact.dataset.id, fact.dataset.key}
