"""What intervals and totals of registers may be asked for: a model for each, whose fields are the parameters."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from barrio.api.history import Chosen
from barrio.api.parameters import LARGEST
from barrio.api.selected import said
from barrio.intervals.question import Asked


class Span(Chosen):
    """From when to when, and as of what."""

    start: str | None = Field(
        default=None,
        alias="from",
        max_length=300,
        description="ISO 8601, `now`, or an age such as -7d; ages end on a quarter hour. A day ago without it.",
    )
    to: str | None = said("Likewise; now without it.")
    interval: str | None = said("ISO 8601 in place of from and to: start/end, start/duration, duration/end.")
    tz: str | None = said("IANA time zone of local times; the district's without it.")
    version: int | None = Field(
        default=None, ge=0, le=LARGEST, description="As they stood with this version; settled days only."
    )
    known_at: str | None = said("As they stood at this time; settled days only.")

    @property
    def asked(self) -> Asked:
        """The question in the caller's words."""
        return Asked(self.choice, self.start, self.to, self.interval, self.tz, self.version, self.known_at)


class Lengths(Span):
    """Intervals."""

    length: Literal["15m", "30m", "1h"] = Field(default="15m", description="Length of the intervals.")


class Periods(Span):
    """Totals."""

    every: str | None = Field(
        default=None, max_length=20, description="A total for each 1d, 1w, 1mo …; one for all without it."
    )
