"""What a person writes: the shape of `district.yaml`, `devices.yaml`, tables and profiles.

The models are frozen and forbid keys that they do not know; the descriptions are the reference. What belongs to a
protocol (registers, node ids, resources, endpoints) is not known here: it is handed to the protocol, see
`twin.model.protocol`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)")
_ID = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")


def parse_duration(value: object) -> float:
    """Return seconds from `5s`, `250ms`, `15m`, `1h`, `90d` or a number of seconds; ValueError otherwise."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    match = _DURATION.fullmatch(str(value).strip())
    if match is None:
        message = "a duration is a number with a unit, such as 250ms, 5s, 15m, 1h or 90d"
        raise ValueError(message)
    return float(match[1]) * _SECONDS[match[2]]


def _check_id(value: str) -> str:
    if _ID.fullmatch(value) is None:
        message = "an id is 1 to 64 of a-z, 0-9, - and _, beginning and ending with a letter or digit"
        raise ValueError(message)
    return value


Seconds = Annotated[float, BeforeValidator(parse_duration), Field(gt=0)]
Id = Annotated[str, AfterValidator(_check_id)]
StateKey = bool | int | str


class Spec(BaseModel):
    """Base of everything that is read from a file."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Location(Spec):
    """A place on earth, WGS 84."""

    lat: float = Field(ge=-90, le=90, description="Latitude in degrees")
    lon: float = Field(ge=-180, le=180, description="Longitude in degrees")


class SiteSpec(Spec):
    """A place inside a district: a building, a plaza, a pumping station. Sites nest."""

    id: Id
    name: str = Field(default="", description="Name for people; the id when left out")
    kind: str = Field(default="Site", description="What the place is, for example Building or Plaza")
    within: Id | None = Field(default=None, description="Id of the site that this one lies in")
    location: Location | None = None


class RelationSpec(Spec):
    """A typed edge between devices and sites."""

    type: Literal["feeds", "controls", "part_of", "measures", "located_in"]
    source: Id = Field(alias="from", description="Id of a device or site")
    target: Id = Field(alias="to", description="Id of a device or site")


class RetentionSpec(Spec):
    """How long the store keeps what it has."""

    raw: Seconds | None = Field(
        default=None, description="Age at which raw readings may go; kept for ever when left out"
    )


class DistrictSpec(Spec):
    """`district.yaml`."""

    district: Id = Field(description="Id: the first part of every point's path")
    name: str
    timezone: str = Field(description="IANA zone of the district's calendar, for example America/Mexico_City")
    location: Location
    description: str = ""
    sites: tuple[SiteSpec, ...] = ()
    relations: tuple[RelationSpec, ...] = ()
    retention: RetentionSpec = RetentionSpec()


class PointSpec(Spec):
    """The part of a profile's point that every protocol shares; the other keys are the protocol's address."""

    quantity: str = Field(description="Name of a quantity of the catalogue")
    unit: str | None = Field(
        default=None, description="UCUM unit after scale and offset; the quantity's when left out"
    )
    scale: float = Field(
        default=1.0, description="Raw number times scale, plus offset, is the value in `unit`"
    )
    offset: float = 0.0
    states: dict[StateKey, str] | None = Field(default=None, description="Raw code to state name, for states")
    minimum: float | None = Field(
        default=None, description="Narrows the quantity's plausible range, in `unit`"
    )
    maximum: float | None = Field(
        default=None, description="Narrows the quantity's plausible range, in `unit`"
    )
    wraps_at: float | None = Field(
        default=None,
        gt=0,
        description="Counters: the value in `unit` at which the register begins again at zero",
    )
    dead_band: float = Field(
        default=0.0, ge=0, description="Changes up to this much, in `unit`, are not stored"
    )
    heartbeat: Seconds | None = Field(
        default=None, description="An unchanged value is stored this often all the same"
    )
    silent_after: Seconds | None = Field(
        default=None,
        description="Not heard from for this long is a gap; three polls (at least 30 s) when left out",
    )
    writable: bool = False
    description: str = ""


class ProfileSpec(Spec):
    """A device model as data: `PROFILE.yaml`."""

    profile: Id
    protocol: str = Field(description="Name of a connector, for example modbus")
    kind: str = Field(description="What the device is, for example WaterTank")
    description: str = ""
    source: str = Field(default="generic", description="What the addresses were checked against, or generic")
    poll: Seconds = Field(
        default=10.0, description="Period of polls, or of samples where the device sends by itself"
    )
    heartbeat: Seconds = Field(default=60.0, description="Default of the points' heartbeat")
    trust_time: bool = Field(default=True, description="Whether the device's own time stamps are used")
    max_skew: Seconds = Field(
        default=300.0, description="A device time further from ours is replaced by the receipt's"
    )
    options: dict[str, Any] = Field(default_factory=dict, description="The protocol's own options")
    points: dict[Id, dict[str, Any]] = Field(min_length=1)


class OverridesSpec(Spec):
    """What one device has different from its profile."""

    poll: Seconds | None = None
    heartbeat: Seconds | None = None
    trust_time: bool | None = None
    max_skew: Seconds | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    points: dict[Id, dict[str, Any]] = Field(default_factory=dict)


class DeviceSpec(Spec):
    """One device of `devices.yaml`, or one row of a table."""

    id: Id
    profile: Id
    site: Id
    endpoint: str = Field(description="Address to dial, for example modbus+tcp://10.20.0.11:502/1")
    name: str = ""
    location: Location | None = None
    overrides: OverridesSpec = OverridesSpec()


class TableSpec(Spec):
    """Many devices alike: a CSV file with columns id, endpoint and any of name, site, profile, unit, lat, lon."""

    file: str
    profile: Id | None = None
    site: Id | None = None


class DevicesSpec(Spec):
    """`devices.yaml`."""

    devices: tuple[DeviceSpec, ...] = ()
    tables: tuple[TableSpec, ...] = ()
