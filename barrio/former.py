"""Points that are configured no more: their history stays, so the store must go on knowing what they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.model.catalogue import CATALOGUE
from twin.store.port import Series

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twin.past.model import PointThen
    from twin.past.models import Models


def former_series(models: Models, paths: Mapping[int, str], configured: Mapping[int, str]) -> list[Series]:
    """Return the series of points that some version of a district had and that are not configured now.

    `paths` are those of all series that ever had an id. A model is read only while points are left to be found.
    """
    left = {path: series for series, path in paths.items() if series not in configured}
    found = []
    for version in reversed(models.versions()):
        if not any(path.startswith(f"{version.district}/") for path in left):
            continue
        model = models.at(version.district, version.since)
        known = model.points if model else {}
        found += [_series(left.pop(path), known[path], version.district) for path in left.keys() & known]
    return sorted((one for one in found if one is not None), key=lambda one: one.id)


def _series(number: int, point: PointThen, district: str) -> Series | None:
    """Return the series of a former point, None where its quantity is not known any more."""
    quantity = CATALOGUE.get(point.quantity)
    if quantity is None:
        return None
    return Series(
        number, point.path, district, point.owner.site, point.owner.id, point.name, quantity=quantity
    )
