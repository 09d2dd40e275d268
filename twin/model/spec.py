"""What a person writes: the shape of `district.yaml`, `devices.yaml`, tables and profiles.

The models are frozen and forbid keys that they do not know; the descriptions are the reference. What belongs to a
protocol (registers, node ids, resources, endpoints) is not known here: it is handed to the protocol, see
`twin.model.protocol`.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,12})?)\s*(ms|s|min|m|h|d)")
# A hundred years, so that nanoseconds fit into 64 bits.
_LONGEST_S = 36_525 * 86_400.0
_RESOLUTIONS = ("_15m", "_1h", "_1d")
_SECRET = re.compile(r"\$\{secret:([a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?)\}")
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


def is_id(value: str) -> bool:
    """Whether a text may be the id of something."""
    return _ID.fullmatch(value) is not None


def _check_id(value: str) -> str:
    if not is_id(value):
        message = "an id is 1 to 64 of a-z, 0-9, - and _, beginning and ending with a letter or digit"
        raise ValueError(message)
    return value


def _check_district(value: str) -> str:
    if _check_id(value).endswith(_RESOLUTIONS):
        message = f"ids that end with {', '.join(_RESOLUTIONS)} name the databases of rollups"
        raise ValueError(message)
    return value


def _check_state_key(value: object) -> object:
    if isinstance(value, (bool, int, str)):
        return value
    message = "the code of a state is a whole number, true, false or a word"
    raise ValueError(message)


def _check_scale(value: float) -> float:
    if value == 0:
        message = "a scale of 0 makes every value the same"
        raise ValueError(message)
    return value


def _check_file(value: str) -> str:
    path = PurePosixPath(value)
    if not value.isprintable() or path.is_absolute() or ".." in path.parts or "\\" in value:
        message = "must be a file in the district's folder, such as lamps.csv or tables/lamps.csv"
        raise ValueError(message)
    return value


class Named(str):
    """Name of a secret; a type of its own, so that every secret that a district names can be found."""

    __slots__ = ()


def _check_secret(value: str) -> str:
    match = _SECRET.fullmatch(value)
    if match is None:
        # Not shown: what stands here may be the secret itself.
        raise SecretHere
    return Named(match[1])


class SecretHere(ValueError):
    """Raised where a file seems to hold a secret instead of the name of one."""

    def __init__(self) -> None:
        super().__init__(
            "secrets never stand in files: write ${secret:NAME} (a-z, 0-9, - and _), and set BARRIO_SECRET_NAME"
        )


StateKey = bool | int | str
Seconds = Annotated[float, BeforeValidator(parse_duration), Field(gt=0, le=_LONGEST_S)]
Poll = Annotated[Seconds, Field(ge=0.01)]
AgeOfQuarters = Annotated[Seconds, Field(ge=6 * 3_600)]
AgeOfHours = Annotated[Seconds, Field(ge=2 * 86_400)]
Id = Annotated[str, AfterValidator(_check_id)]
DistrictId = Annotated[str, AfterValidator(_check_district)]
SecretName = Annotated[str, AfterValidator(_check_secret)]
Code = Annotated[StateKey, BeforeValidator(_check_state_key)]
StateName = Annotated[str, Field(min_length=1, max_length=64)]
Name = Annotated[str, Field(max_length=200)]
Text = Annotated[str, Field(max_length=2000)]
Scale = Annotated[float, AfterValidator(_check_scale)]
TableFile = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_check_file)]


class Spec(BaseModel):
    """Base of everything that is read from a file: no unknown keys, no infinite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)


class Location(Spec):
    """A place on earth, WGS 84."""

    lat: float = Field(ge=-90, le=90, description="Latitude in degrees")
    lon: float = Field(ge=-180, le=180, description="Longitude in degrees")


class SiteSpec(Spec):
    """A place inside a district: a building, a plaza, a pumping station. Sites nest."""

    id: Id = Field(description="Id, not used by another site of the district")
    name: Name = Field(default="", description="Name for people; the id when left out")
    kind: Name = Field(default="Site", description="What the place is, for example Building or Plaza")
    within: Id | None = Field(default=None, description="Id of the site that this one lies in")
    location: Location | None = Field(default=None, description="Where it is")


class RelationSpec(Spec):
    """A typed edge between devices and sites."""

    type: Literal["feeds", "controls", "part_of", "measures", "located_in"] = Field(
        description="What `from` does to `to`"
    )
    source: Id = Field(alias="from", description="Id of a device or site")
    target: Id = Field(alias="to", description="Id of a device or site")


class RetentionSpec(Spec):
    """How long the store keeps what it has."""

    raw: Seconds | None = Field(
        default=None, description="Age at which raw readings may go; kept for ever when left out"
    )
    quarter: AgeOfQuarters | None = Field(
        default=None,
        alias="15m",
        description="Age at which rollups to quarter hours may go; at least 6h, hours are made of them",
    )
    hour: AgeOfHours | None = Field(
        default=None,
        alias="1h",
        description="Age at which those to hours may go; at least 2d, days are made of them",
    )
    day: Seconds | None = Field(default=None, alias="1d", description="Age at which those to days may go")


class DistrictSpec(Spec):
    """`district.yaml`."""

    district: DistrictId = Field(description="Id: the first part of every point's path")
    name: Name = Field(description="Name for people")
    timezone: Name = Field(
        description="IANA zone of the district's calendar, for example America/Mexico_City"
    )
    location: Location = Field(description="Its middle; sun and weather are computed for it")
    description: Text = Field(default="", description="A sentence for people")
    sites: tuple[SiteSpec, ...] = Field(default=(), description="Places inside the district")
    relations: tuple[RelationSpec, ...] = Field(default=(), description="Edges between devices and sites")
    retention: RetentionSpec = Field(
        default=RetentionSpec(), description="How long raw readings and their rollups are kept"
    )


class PointSpec(Spec):
    """The part of a profile's point that every protocol shares; the other keys are the protocol's address."""

    quantity: str = Field(description="Name of a quantity of the catalogue")
    unit: str | None = Field(
        default=None, description="UCUM unit after scale and offset; the quantity's when left out"
    )
    scale: Scale = Field(
        default=1.0, description="Raw number times scale, plus offset, is the value in `unit`"
    )
    offset: float = Field(default=0.0, description="Added after `scale`, in `unit`")
    states: dict[Code, StateName] | None = Field(
        default=None,
        min_length=1,
        description="Raw code to state name; codes 0, 1, 2 … of the quantity's own states when left out",
    )
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
    writable: bool = Field(default=False, description="Whether commands may write the point")
    description: Text = Field(default="", description="A sentence for people")


class ProfileSpec(Spec):
    """A device model as data: `PROFILE.yaml`."""

    profile: Id = Field(description="Id, the same as the name of the file")
    extends: Id | None = Field(
        default=None,
        description="Name of the profile that this one is a variant of; it says only what differs",
    )
    protocol: Name = Field(description="Name of a connector, for example modbus; inherited by a variant")
    kind: Name = Field(description="What the device is, for example WaterTank")
    description: Text = Field(default="", description="A sentence for people")
    source: Text = Field(default="generic", description="What the addresses were checked against, or generic")
    poll: Poll = Field(
        default=10.0, description="Period of polls, or of samples where the device sends by itself"
    )
    heartbeat: Seconds = Field(default=60.0, description="Default of the points' heartbeat")
    trust_time: bool = Field(default=True, description="Whether the device's own time stamps are used")
    max_skew: Seconds = Field(
        default=300.0, description="A device time further from ours is replaced by the receipt's"
    )
    options: dict[str, Any] = Field(default_factory=dict, description="The protocol's own options")
    points: dict[Id, dict[str, Any]] = Field(
        min_length=1, description="Name of each point to its keys: those below and the protocol's address"
    )


class OverridesSpec(Spec):
    """What one device has different from its profile."""

    poll: Poll | None = Field(default=None, description="Instead of the profile's")
    heartbeat: Seconds | None = Field(default=None, description="Instead of the profile's")
    trust_time: bool | None = Field(default=None, description="Instead of the profile's")
    max_skew: Seconds | None = Field(default=None, description="Instead of the profile's")
    options: dict[str, Any] = Field(default_factory=dict, description="Laid over the profile's, key by key")
    points: dict[Id, dict[str, Any]] = Field(
        default_factory=dict, description="Name of a point to the keys that differ, laid over the profile's"
    )


# One for all devices that override nothing: a default that holds dicts would be copied for each.
_NOTHING = OverridesSpec()


class DeviceSpec(Spec):
    """One device of `devices.yaml`, or one row of a table."""

    id: Id = Field(
        description="Id, not used by another device: the second part of its points' paths; a range such as "
        "lamp-{001..400} makes many devices of the entry"
    )
    profile: Id = Field(description="Name of the profile, looked for in the district's `profiles/` first")
    site: Id = Field(description="Id of the site where it stands")
    endpoint: Annotated[str, Field(max_length=1000)] = Field(
        description="Address to dial, for example modbus+tcp://10.20.0.11:502/1"
    )
    name: Name = Field(default="", description="Name for people; the id when left out")
    location: Location | None = Field(default=None, description="Where it is")
    overrides: OverridesSpec = Field(
        default_factory=lambda: _NOTHING, description="What differs from the profile"
    )


class TableSpec(Spec):
    """Many devices alike: a CSV file with columns id, endpoint and any of name, site, profile, unit, lat, lon.

    Further columns are overrides: poll, heartbeat, trust_time, max_skew, options.KEY and points.POINT.KEY.
    """

    file: TableFile = Field(description="Name of the CSV file, relative to the district's folder")
    profile: Id | None = Field(default=None, description="Profile of the rows that name none")
    site: Id | None = Field(default=None, description="Site of the rows that name none")
    endpoint: Annotated[str, Field(max_length=1000)] | None = Field(
        default=None, description="Endpoint of the rows that name none; the column `unit` tells them apart"
    )


class DevicesSpec(Spec):
    """`devices.yaml`."""

    devices: tuple[DeviceSpec, ...] = Field(default=(), description="Devices, one by one")
    tables: tuple[TableSpec, ...] = Field(default=(), description="Devices alike, a line each")
