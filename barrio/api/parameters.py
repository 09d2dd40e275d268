"""What routes are asked with: parameters that mean the same everywhere, and their bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Header, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from barrio.errors import AskError
from barrio.moments import parse_moment

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

MOST_LISTED = 10_000
MOST_SKIPPED = 1_000_000_000
LARGEST = 2**63 - 1
"""The largest number that a database keeps."""

Limit = Annotated[int, Query(ge=1, le=MOST_LISTED)]
Offset = Annotated[int, Query(ge=0, le=MOST_SKIPPED)]
Word = Annotated[str | None, Query(max_length=300)]
Number = Annotated[int, Path(ge=1, le=LARGEST)]
Since = Annotated[str, Query(alias="from")]
Token = Annotated[str, Header(max_length=500)]


class Said(BaseModel):
    """Body of an order: who gives it, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    who: str = Field(min_length=1, max_length=100)
    comment: str = Field(default="", max_length=500)


def span_of(start: str, to: str, now_ns: int, zone: ZoneInfo) -> tuple[int, int]:
    """Return from when to when is asked, in ns UTC; AskError when the one is not before the other."""
    found = parse_moment(start, "from", now_ns, zone), parse_moment(to, "to", now_ns, zone)
    if found[0] >= found[1]:
        raise AskError("from", f"{start!r} is not before to={to!r}")
    return found
