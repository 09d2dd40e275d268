"""All dashboards of districts, from their files alone."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from dashboards.kit.inventory import Inventory
from dashboards.kit.made import Dashboard, Options
from dashboards.kit.names import PAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twin.model.district import District

__all__ = ["Dashboard", "Options", "generate"]


def generate(districts: Sequence[District], options: Options) -> tuple[Dashboard, ...]:
    """Return the dashboards: the city's first, then each district's in the order of `PAGES`.

    A page that has nothing to show of a district is left out. The same files give the same dashboards in every run.
    """
    inventories = [Inventory(one) for one in districts]
    found: list[Dashboard | None] = []
    if find_spec("dashboards.city"):
        found.append(import_module("dashboards.city").page(inventories, options))
    there = [import_module(f"dashboards.{name}") for name in PAGES if find_spec(f"dashboards.{name}")]
    found += [module.page(inventory, options) for inventory in inventories for module in there]
    return tuple(one for one in found if one is not None)
