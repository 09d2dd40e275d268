"""Facts: what barrio knows beside readings, told to an InfluxDB so that dashboards can show it.

The journals of the data folder are where these things are kept; what stands in the database is a copy for the eye, in
the district's raw database. Its measurements begin with `barrio_`, which no quantity does. `MEASUREMENTS` is the list
that dashboards are held to: measurement, tags (always all of them, `-` where there is none) and fields with their type.
A row is keyed by its tags and its time, so telling it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

FieldType = Literal["float", "int", "string"]
NOTHING = "-"
"""The value of a tag that a row has nothing for."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One kind of fact. `fields` maps names to types; a field may be missing where there is nothing to say."""

    name: str
    tags: tuple[str, ...]
    fields: Mapping[str, FieldType]
    words: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One row; `time` in ns UTC. Fields that are None are left out."""

    measurement: str
    tags: Mapping[str, str]
    fields: Mapping[str, float | int | str | None]
    time: int


_EVENTS = Measurement(
    "barrio_events",
    ("district", "kind", "site", "device", "priority"),
    MappingProxyType(
        {
            "what": "string",
            "title": "string",
            "text": "string",
            "who": "string",
            "number": "int",
            "point": "string",
        }
    ),
    "Something that happened: `kind` is alarm, command, delivery or platform; `what` the step of it",
)
_ALARMS = Measurement(
    "barrio_alarms",
    ("district", "site", "device", "point", "rule", "priority"),
    MappingProxyType(
        {
            "standing": "int",
            "state": "string",
            "text": "string",
            "advice": "string",
            "since": "int",
            "number": "int",
            "count": "int",
        }
    ),
    "Every alarm that stands (one that another explains does not), each minute and at each change; `standing` is 0 in "
    "the row that ends it; `since` in ms",
)
_HEALTH = Measurement(
    "barrio_health",
    ("district",),
    MappingProxyType(
        {
            "alarms": "int",
            "critical": "int",
            "high": "int",
            "medium": "int",
            "low": "int",
            "unacknowledged": "int",
            "requests": "int",
            "devices": "int",
            "devices_heard": "int",
            "points": "int",
            "points_heard": "int",
            "gaps": "int",
            "links": "int",
            "links_up": "int",
            "spool_waiting": "int",
            "spool_bytes": "int",
            "store_errors": "int",
            "stored": "int",
            "quarantined": "int",
            "dropped": "int",
        }
    ),
    "How the district and the platform are, every 30 s; numbers of stored readings and errors grow from the start on",
)
_DEVICES = Measurement(
    "barrio_devices",
    ("district", "site", "device"),
    MappingProxyType(
        {
            "up": "int",
            "state": "string",
            "words": "string",
            "heard": "int",
            "silent_s": "float",
            "skew_s": "float",
            "points": "int",
            "points_silent": "int",
            "alarms": "int",
            "kind": "string",
            "name": "string",
            "lat": "float",
            "lon": "float",
        }
    ),
    "Every device, at each change and every five minutes: `up` or why not (`words`), when last `heard` (ms)",
)
_LINKS = Measurement(
    "barrio_links",
    ("district", "link", "protocol"),
    MappingProxyType({"up": "int", "words": "string", "drops": "int"}),
    "Every link, at each change and every five minutes",
)
_GAPS = Measurement(
    "barrio_gaps",
    ("district", "site", "device", "reason"),
    MappingProxyType(
        {"seconds": "float", "open": "int", "points": "int", "words": "string", "filled": "int"}
    ),
    "Gaps of a device at the ten seconds in which they began, one row for all its points; told again when it ends "
    "(`open` 0)",
)
_REQUESTS = Measurement(
    "barrio_requests",
    ("district", "site", "device", "number"),
    MappingProxyType(
        {
            "open": "int",
            "state": "string",
            "text": "string",
            "what": "string",
            "quantity": "float",
            "unit": "string",
            "deadline": "int",
            "hours_left": "float",
            "since": "int",
        }
    ),
    "Every supply request, each minute while it is open and at each step; `deadline` and `since` in ms",
)
COVERAGE = Measurement(
    "barrio_coverage",
    ("district", "site", "device"),
    MappingProxyType({"expected_s": "float", "good_s": "float", "points": "int"}),
    "In the databases of rollups: seconds that a window has for all points of a device, and those with a good value",
)

MEASUREMENTS: Mapping[str, Measurement] = MappingProxyType(
    {one.name: one for one in (_EVENTS, _ALARMS, _HEALTH, _DEVICES, _LINKS, _GAPS, _REQUESTS, COVERAGE)}
)
