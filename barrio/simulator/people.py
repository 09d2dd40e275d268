"""Where people are: the share of a place's people who are there, by kind of place, day of the week and hour."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from twin.model.district import District

# One figure for every two hours from midnight; the way between is straight.
_Day = tuple[float, ...]
_WORKDAY, _SATURDAY, _SUNDAY = 0, 1, 2

PROFILES: Mapping[str, tuple[_Day, _Day, _Day]] = {
    "home": (
        (0.95, 0.97, 0.97, 0.85, 0.45, 0.32, 0.35, 0.40, 0.45, 0.62, 0.80, 0.90),
        (0.90, 0.95, 0.97, 0.92, 0.75, 0.55, 0.50, 0.50, 0.52, 0.55, 0.65, 0.78),
        (0.88, 0.95, 0.97, 0.95, 0.82, 0.62, 0.52, 0.55, 0.60, 0.70, 0.82, 0.90),
    ),
    "hospital": (
        (0.45, 0.42, 0.42, 0.60, 0.90, 1.00, 0.95, 0.95, 0.90, 0.75, 0.60, 0.50),
        (0.45, 0.42, 0.42, 0.50, 0.70, 0.78, 0.75, 0.75, 0.72, 0.65, 0.55, 0.48),
        (0.45, 0.42, 0.42, 0.48, 0.60, 0.68, 0.70, 0.72, 0.70, 0.62, 0.52, 0.48),
    ),
    "shops": (
        (0.02, 0.02, 0.02, 0.04, 0.12, 0.40, 0.55, 0.62, 0.65, 0.80, 0.55, 0.10),
        (0.02, 0.02, 0.02, 0.04, 0.15, 0.55, 0.80, 0.92, 1.00, 1.00, 0.75, 0.20),
        (0.02, 0.02, 0.02, 0.03, 0.10, 0.50, 0.82, 0.95, 0.98, 0.85, 0.45, 0.06),
    ),
    "work": (
        (0.03, 0.02, 0.02, 0.10, 0.70, 0.95, 0.88, 0.80, 0.92, 0.45, 0.12, 0.05),
        (0.03, 0.02, 0.02, 0.05, 0.20, 0.28, 0.22, 0.15, 0.10, 0.06, 0.04, 0.03),
        (0.03, 0.02, 0.02, 0.03, 0.06, 0.08, 0.08, 0.07, 0.06, 0.05, 0.04, 0.03),
    ),
    "street": (
        (0.10, 0.05, 0.06, 0.45, 0.95, 0.62, 0.65, 0.85, 0.78, 1.00, 0.60, 0.28),
        (0.18, 0.10, 0.06, 0.18, 0.40, 0.62, 0.75, 0.80, 0.75, 0.80, 0.65, 0.40),
        (0.20, 0.12, 0.06, 0.10, 0.28, 0.48, 0.65, 0.70, 0.68, 0.66, 0.48, 0.25),
    ),
}

# What a site's kind says about its people; the first word found in the kind decides.
_WORDS: Mapping[str, str] = {
    "resid": "home", "tower": "home", "housing": "home", "apartment": "home", "hotel": "home",
    "hospital": "hospital", "clinic": "hospital",
    "shop": "shops", "mall": "shops", "market": "shops", "commerc": "shops",
    "office": "work", "school": "work", "industr": "work", "company": "work", "campus": "work",
}  # fmt: skip


def activity_of(district: District, site: str) -> str:
    """Return the profile that a site's people follow: its own kind, else that of the site around it, else `street`."""
    current: str | None = site
    for _ in range(len(district.sites) + 1):
        spec = district.sites.get(current) if current else None
        if spec is None:
            break
        for word, activity in _WORDS.items():
            if word in spec.kind.lower():
                return activity
        current = spec.within
    return "street"


def presence(activity: str, weekday: int, hour: float) -> float:
    """Return the share of people present, 0 to 1; `weekday` counts from Monday as 0, `hour` is local."""
    day = PROFILES[activity][_WORKDAY if weekday < 5 else _SATURDAY if weekday == 5 else _SUNDAY]
    return _between(day, hour / 2.0)


def _between(figures: Sequence[float], position: float) -> float:
    index = int(position)
    part = position - index
    left, right = figures[index % len(figures)], figures[(index + 1) % len(figures)]
    return left + (right - left) * part
