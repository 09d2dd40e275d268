"""Points that are configured no more: their history stays, so the store must go on knowing what they were."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from twin.model.catalogue import CATALOGUE
from twin.store.port import Series

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from twin.past.model import PointThen
    from twin.past.models import Models


def former_series(models: Models, paths: Mapping[int, str], configured: Collection[int]) -> list[Series]:
    """Return the series of points that some version of a district had and that are not configured now.

    `paths` are those of all series that ever had an id. Only the models that such points were last in are read.
    """
    left = {path: series for series, path in paths.items() if series not in configured}
    wanted: dict[tuple[str, int], list[str]] = defaultdict(list)
    for district, path, last in models.last_seen() if left else ():
        if path in left:
            wanted[district, last].append(path)
    found = []
    for (district, last), gone in wanted.items():
        model = models.at(district, last)
        known = model.points if model else {}
        found += [_series(left[path], known[path], district) for path in gone if path in known]
    return sorted((one for one in found if one is not None), key=lambda one: one.id)


def _series(number: int, point: PointThen, district: str) -> Series | None:
    """Return the series of a former point, None where its quantity is not known any more."""
    quantity = CATALOGUE.get(point.quantity)
    if quantity is None:
        return None
    return Series(
        number, point.path, district, point.owner.site, point.owner.id, point.name, quantity=quantity
    )
