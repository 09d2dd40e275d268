"""Which language somebody reads, from what their browser says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.kit.texts import LANGUAGES

if TYPE_CHECKING:
    from dashboards.kit.texts import Lang


def language_of(accepted: str) -> Lang:
    """Return the language that an `Accept-Language` header likes best (RFC 9110, 12.5.4), English where it is none."""
    best: Lang = "en"
    most = 0.0
    for part in accepted[:500].split(","):
        name, _, weight = part.partition(";")
        main = name.strip().lower().partition("-")[0]
        found = next((one for one in LANGUAGES if one == main), None)
        liked = _weight(weight)
        if found is not None and liked > most:
            best, most = found, liked
    return best


def _weight(text: str) -> float:
    key, _, value = text.strip().partition("=")
    if not key:
        return 1.0
    try:
        return float(value) if key.strip().lower() == "q" else 1.0
    except ValueError:
        return 0.0
