"""Which datasets a caller may know of, and how much of them.

- Of a dataset that is given itself: whoever sees a point of it.
- Of figures: everybody whose token is not kept to places, kinds or quantities that leave out some of their meters.
- `listed` datasets of partners: everybody may read that they exist, and no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from twin.access.sight import Sight
    from twin.datasets.dataset import Dataset, DatasetBook
    from twin.model.bound import BoundPoint
    from twin.model.district import District


@dataclass(frozen=True, slots=True)
class Known:
    """A dataset as somebody knows it; `points` are those that they see, none where they know only that it exists."""

    dataset: Dataset
    book: DatasetBook
    district: District
    points: tuple[BoundPoint, ...]

    @property
    def only_listed(self) -> bool:
        """Whether nothing is known but that it exists."""
        return not self.points and self.dataset.figures is None


def known_to(sight: Sight, districts: Iterable[District]) -> Iterator[Known]:
    """Yield the datasets that the bearer of a sight may know of, in the order of the files."""
    for district in districts:
        book = district.datasets
        if book is None:
            continue
        for one in book.datasets:
            if one.figures is not None:
                if sums_fit(sight, one, district):
                    yield Known(one, book, district, ())
                continue
            found = (sight.point(path) for path in one.members)
            points = tuple(point for point in found if point is not None)
            if points or (one.listed and _in_districts(sight, district)):
                yield Known(one, book, district, points)


def sums_fit(sight: Sight, dataset: Dataset, district: District) -> bool:
    """Whether the figures of a dataset are within what a scope is kept to: all of its meters are."""
    scope = sight.scope
    if not _in_districts(sight, district):
        return False
    if scope.sites is None and scope.kinds is None and scope.quantities is None:
        return True
    named = {one.partition("/")[2] for one in scope.sites or () if one.partition("/")[0] == district.id}
    sites = {inner for one in named if one in district.sites for inner in district.graph.within(one)}
    for path in dataset.members:
        item = sight.points[path]
        owner = sight.owners[item.id]
        if not (
            (scope.sites is None or owner.site in sites)
            and (scope.kinds is None or owner.kind in scope.kinds)
            and (scope.quantities is None or item.point.quantity.name in scope.quantities)
        ):
            return False
    return True


def _in_districts(sight: Sight, district: District) -> bool:
    return sight.scope.districts is None or district.id in sight.scope.districts
