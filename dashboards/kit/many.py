"""Few are shown one by one; many by their places, or by the lowest, the mean and the highest of them.

A panel with five thousand lines says nothing and takes a browser down, so how many there are decides what is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboards.kit.panels import Panel, states, trend
from dashboards.kit.series import Fold, Of, found, of
from dashboards.kit.states import shown_states
from dashboards.kit.texts import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.kit.inventory import Inventory

FEW = 24
"""Lines that a person can still tell apart."""

MOST_ROWS = 50
"""Rows of states that a person can still follow."""

LOWEST = Text("lowest", "mínimo")
MEAN = Text("mean", "media")
HIGHEST = Text("highest", "máximo")


def each(
    inventory: Inventory, quantity: str, *, fold: Fold = "mean", few: int = FEW, **more: Any
) -> tuple[Of, ...]:
    """Return what to read so that a panel stays readable: by device, else by site, else the spread over all.

    `more` narrows as `of` does; `fold` says what a site's points become, a sum has no spread.
    """
    points = found(inventory, of(quantity, **more))
    owners = {seen.owner for seen in points}
    if len(points) <= few:
        by: Sequence[str] = ("device",) if len(owners) == len(points) else ("device", "point")
        return (of(quantity, by=by, **more),)
    return spread(quantity, **more) if fold == "mean" else by_site(inventory, quantity, fold=fold, **more)


def by_site(inventory: Inventory, quantity: str, *, fold: Fold = "mean", **more: Any) -> tuple[Of, ...]:
    """Return what to read for a line for each site while there are few of them, else one for all together."""
    sites = {seen.site for seen in found(inventory, of(quantity, **more))}
    return (of(quantity, by="site" if len(sites) <= FEW else (), fold=fold, **more),)


def spread(quantity: str, *, lowest: bool = True, **more: Any) -> tuple[Of, ...]:
    """Return the lowest, the mean and the highest of all points."""
    low = of(quantity, fold="min", take="min", label=LOWEST, **more)
    mean = of(quantity, fold="mean", label=MEAN, **more)
    high = of(quantity, fold="max", take="max", label=HIGHEST, **more)
    return (low, mean, high) if lowest else (mean, high)


def each_state(
    inventory: Inventory,
    quantity: str,
    title: Text,
    *,
    about: Text,
    reading: dict[str, Any] | None = None,
    **more: Any,
) -> Panel:
    """Return a row for each device over time or, where they are many, how many of them were in which state.

    `reading` narrows as `of` does; `more` are those of a panel. The height follows from the rows when it is left out.
    """
    narrow = reading or {}
    points = found(inventory, of(quantity, **narrow))
    rows = len({seen.owner for seen in points})
    if rows <= MOST_ROWS:
        height = max(5, min(14, 4 + rows // 2))
        by = ("device",) if rows == len(points) else ("device", "point")
        return states(title, of(quantity, by=by, **narrow), about=about, **({"height": height} | more))
    known = shown_states(dict.fromkeys(state for seen in points for state in seen.states))
    counts = [
        of(quantity, take="count", state=state, label=text, **narrow) for state, (text, _) in known.items()
    ]
    many = Text(
        "How many were in which state, since there are too many for a row each.",
        "Cuántos estuvieron en qué estado, pues son demasiados para una fila cada uno.",
    )
    return trend(title, *counts, about=about + many, stacked=True, minimum=0.0, unit="none", **more)
