"""What says a quantity for a whole district."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.kit.meters import nearest_meters
from dashboards.kit.series import of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dashboards.kit.inventory import Inventory, Seen
    from dashboards.kit.series import Fold, Of

_SHARES = ("%", "1")


def best_of(
    inventory: Inventory, quantity: str, *, direct: Callable[[Inventory], Sequence[Seen]] | None = None
) -> Of | None:
    """Return what says a quantity for the whole district: a history, or one number as of now.

    That is the computed point of the outermost site where there is one, which has a history; else the sum of those that
    measure it (the mean of shares), of which only what it is now is exact.
    """
    outer = {one.id for one in inventory.district.sites.values() if one.within is None}
    computed = [one for one in inventory.points(quantity, computed=True) if one.owner in outer]
    if len(computed) == 1:
        return of(quantity, computed=True, owners={computed[0].owner}, point=computed[0].point)
    measured = direct(inventory) if direct else inventory.points(quantity, computed=False)
    found = measured or inventory.points(quantity)
    if not found:
        return None
    owners, names = {one.owner for one in found}, {one.point for one in found}
    fold: Fold = "mean" if found[0].quantity.unit in _SHARES else "sum"
    return of(quantity, fold=fold, owners=owners, point=names, over="now")


def power(inventory: Inventory) -> Of | None:
    """Return what says the power that a district takes."""
    return best_of(inventory, "active_power", direct=lambda one: meters(one, "active_power"))


def water_today(inventory: Inventory) -> Of | None:
    """Return what says the water that meters counted since midnight."""
    return counted(inventory, "water_meter_volume")


def counted(inventory: Inventory, quantity: str) -> Of | None:
    """Return what says how much of a quantity meters counted on each day; None where nothing counts it."""
    points = meters(inventory, quantity)
    if not points:
        return None
    return of(quantity, fold="sum", take="delta", owners={one.owner for one in points}, daily=True)


def meters(inventory: Inventory, quantity: str) -> Sequence[Seen]:
    """Return the points of a quantity that may be added up."""
    return nearest_meters(inventory, inventory.points(quantity, computed=False))
