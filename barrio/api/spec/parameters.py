"""What parameters of queries mean, as the OpenAPI file says it: those that their routes do not describe themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "from": "ISO 8601, `now`, or an age such as -7d or -1mo; without an offset on the district's clock.",
    "to": "Likewise; not included.",
    "at": "ISO 8601, `now`, or an age such as -7d or -1mo; without an offset on the district's clock.",
    "tz": "IANA time zone of times without an offset; the district's without it.",
    "limit": "How many at most.",
    "offset": "How many to leave out.",
    "under": "A district, a device or a path: what belongs to it.",
    "point": "A point, or all of a device or a district: its path.",
    "group": "Id of a group; all without it.",
}
"""By name, where it means the same for every operation."""
OF_ONE: Mapping[tuple[str, str], str] = {
    ("GET /api/v1/intervals/edits", "point"): "Path of a register; all without it.",
    ("GET /api/v1/gaps", "worst"): "So many points that miss most of the time, in place of each gap.",
    ("GET /api/v1/graph", "of"): "A device or site: what hangs above and below it; everything without it.",
    ("GET /api/v1/graph", "direction"): "both, up (what it depends on) or down (what depends on it).",
    ("GET /api/v1/graph", "through"): "Types of relations, with commas; all without it.",
    ("GET /api/v1/twin", "compare"): "Another moment, as `at`: what was different then.",
    ("GET /api/v1/twin", "under"): "A district, a site with all in it, a device or a path.",
    ("GET /api/v1/completeness", "under"): "A district, a site with all in it, a device or a path.",
    ("GET /api/v1/completeness", "every"): "Length of the windows that are counted: 1h, 1d, 1mo …",
    (
        "GET /api/v1/completeness",
        "by",
    ): "What is summed up: point, device, site, district or day; or site,day.",
    ("GET /api/v1/alarms", "state"): "State of the alarms; all but suppressed ones without it.",
    ("GET /api/v1/alarms", "priority"): "Priority of the alarms.",
    ("GET /api/v1/alarms/backtest", "rule"): "Id of a rule, or district/id.",
    ("GET /api/v1/alarms/backtest", "on"): "Only this device or site; all that the rule is about without it.",
    ("GET /api/v1/commands", "state"): "State of the commands.",
    ("GET /api/v1/schedules", "hours"): "How far to look ahead, h.",
    ("GET /api/v1/supply", "tank"): "Key of a tank; all without it.",
    ("GET /api/v1/capacity", "place"): "Key of a place; all without it.",
    ("GET /api/v1/services", "state"): "ok, soon, due or overdue.",
    ("GET /api/v1/services", "rule"): "Id of a rule.",
    ("GET /api/v1/services/done", "key"): "Key of a service; all without it.",
}
"""By operation and name, where it means something of its own."""


def describe(key: str, item: dict[str, Any]) -> None:
    """Give each parameter of an operation (`GET /path`) its words, unless its route gave it some."""
    for one in item.get("parameters", ()):
        words = OF_ONE.get((key, one["name"])) or WORDS.get(one["name"])
        if words and "description" not in one:
            one["description"] = words
