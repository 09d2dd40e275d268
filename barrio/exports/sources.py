"""What makes the table of a plan, by its `of`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from barrio.exports import raw

if TYPE_CHECKING:
    from barrio.exports.plan import Plan
    from barrio.platform import Platform
    from barrio.tables.table import Table

READINGS = "readings"


def table(platform: Platform, plan: Plan) -> tuple[Table, int]:
    """Return the table of a plan, and how many rows it is likely to have; blocks."""
    found = raw.estimate(platform, plan)
    return raw.table(platform, plan, found), found.rows
