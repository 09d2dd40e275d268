"""What makes the table of a plan, by its `of`; imported when a job needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from barrio.exports.plan import Plan
    from barrio.platform import Platform
    from barrio.tables.table import Table

READINGS = "readings"
WINDOWS = "windows"
INTERVALS = "intervals"


def table(platform: Platform, plan: Plan) -> tuple[Table, int]:
    """Return the table of a plan, and how many rows it is likely to have; blocks."""
    if plan.of == READINGS:
        from barrio.exports import raw

        found = raw.estimate(platform, plan)
        return raw.table(platform, plan, found), found.rows
    from barrio.exports import made

    return made.windows(platform, plan) if plan.of == WINDOWS else made.registers(platform, plan)
