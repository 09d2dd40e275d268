"""What stands on a page, for the tests of pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboards.preview.ask import panels_of
from dashboards.preview.interpolate import chosen, interpolate, panel_interval
from dashboards.preview.span import Span, moment, panel_span

if TYPE_CHECKING:
    from datetime import datetime

    from dashboards.kit.made import Dashboard
    from tests.dashboards.filled import Filled, Row


def titles(board: Dashboard | None) -> list[str]:
    """Return the titles of the panels of a page, without rows and without what every page ends with."""
    if board is None:
        return []
    return [panel["title"] for panel in panels_of(board.json)][:-1]


def panel(board: Dashboard | None, title: str) -> dict[str, Any]:
    """Return the panel with a title."""
    assert board is not None
    return next(one for one in panels_of(board.json) if one["title"] == title)


def answers(
    board: Dashboard | None, title: str, filled: Filled, start: datetime, stop: datetime, **variables: str
) -> list[Row]:
    """Return the rows that a panel finds over a time on the district's clock."""
    assert board is not None
    found = panel(board, title)
    edges = [int(one.replace(tzinfo=filled.zone).timestamp() * 1000) for one in (start, stop)]
    span = Span(*edges)
    if found.get("hideTimeOverride"):
        span = panel_span(found, span, moment("now", edges[1], filled.zone), filled.zone)
    interval = panel_interval(span, found["maxDataPoints"], found.get("interval", ""))
    rows: list[Row] = []
    for target in found["targets"]:
        query = interpolate(target["query"], span, interval, {**chosen(board.json), **variables})
        resolution = next(one for one in filled.sources if filled.sources[one] == target["datasource"]["uid"])
        rows += filled.rows(query, resolution)
    return rows
