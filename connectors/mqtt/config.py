"""What a profile says of an MQTT device: the address of a point, the options, and the topics that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal, Self, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from connectors.mqtt import topics
from twin.model.spec import Code, Seconds, SecretName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twin.model.district import Device, Point
    from twin.model.protocol import Endpoint

SPARKPLUG = "spBv1.0"
_DEVICE = "{device}"


def _checked_topic(value: str) -> str:
    fault = topics.fault_of(value)
    if fault:
        raise ValueError(fault)
    return value


def _checked_filter(value: str) -> str:
    fault = topics.filter_fault_of(value)
    if fault:
        raise ValueError(fault)
    return value


Topic = Annotated[str, AfterValidator(_checked_topic)]
Filter = Annotated[str, AfterValidator(_checked_filter)]


class Format(StrEnum):
    """How a payload is written, as a profile says it."""

    TEXT = "text"
    JSON = "json"
    CBOR = "cbor"
    SENML = "senml"


class Clock(StrEnum):
    """How a payload writes the device's own time."""

    ISO = "iso"
    SECONDS = "s"
    MILLISECONDS = "ms"
    MICROSECONDS = "us"
    NANOSECONDS = "ns"


class MqttPoint(BaseModel):
    """The address of a point: a topic and where the value stands in its payload, or a metric of Sparkplug B."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    topic: Topic | None = Field(
        default=None,
        description="Topic below the endpoint's; {device} is the device's id; the endpoint's own when left out",
    )
    format: Format | None = Field(
        default=None,
        description="text, json, cbor or senml; json with `key`, senml with `name`, else the option's",
    )
    key: str | None = Field(
        default=None,
        min_length=1,
        description="Place in JSON or CBOR: temperature, air.temperature or /air/0/temperature (RFC 6901)",
    )
    name: str | None = Field(
        default=None,
        min_length=1,
        description="SenML record: its resolved name, or its name without the base name",
    )
    senml_unit: str | None = Field(
        default=None,
        description="What the device writes as SenML unit, where that is not the registered symbol",
    )
    metric: str | None = Field(default=None, min_length=1, description="Sparkplug B: name of the metric")
    time: str | None = Field(
        default=None, min_length=1, description="Place of the device's own time in the same JSON or CBOR"
    )
    time_format: Clock | None = Field(
        default=None,
        description="iso, s, ms, us or ns since 1970; text is ISO 8601 and a number seconds when left out",
    )
    null_values: tuple[Code | float, ...] = Field(
        default=(), description='Values by which the device says that it has none: [-999, "unavailable"]'
    )
    command: Topic | None = Field(
        default=None, description="Topic below the endpoint's at which the device takes a new value"
    )
    template: str = Field(
        default="{value}", description='What is sent there, {value} in its place: {"state": {value}}'
    )

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        fault = _place_fault(self) or _command_fault(self)
        if fault:
            raise ValueError(fault)
        return self

    @property
    def written(self) -> Format | None:
        """The format that the point itself says or implies."""
        if self.format is not None:
            return self.format
        if self.key is not None or self.time is not None:
            return Format.JSON
        return Format.SENML if self.name is not None or self.senml_unit is not None else None


def _place_fault(point: MqttPoint) -> str:
    structured = (point.key, point.time, point.time_format)
    record = (point.name, point.senml_unit)
    if point.metric is not None and any((*structured, *record, point.topic, point.format, point.command)):
        return "a `metric` of Sparkplug B has no topic, format, key, name, time or command: the birth says all that"
    if any(structured) and any(record):
        return "`key` and `time` are places in json or cbor, `name` and `senml_unit` belong to SenML"
    if any(structured) and point.format in {Format.TEXT, Format.SENML}:
        return f"`key` and `time` are places in json or cbor, and the format is {point.format}"
    if any(record) and point.format not in {None, Format.SENML}:
        return f"`name` and `senml_unit` belong to a SenML record, and the format is {point.format}"
    if point.time_format is not None and point.time is None:
        return "`time_format` says how `time` is written, and there is no `time`"
    return ""


def _command_fault(point: MqttPoint) -> str:
    if "{value}" not in point.template:
        return "`template` needs {value} where the new value belongs"
    if point.template != "{value}" and point.command is None:
        return "`template` is what is sent to `command`, and there is no `command`"
    return ""


class MqttOptions(BaseModel):
    """The options of a profile or a device that speaks MQTT."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal["3.1.1", "5"] = Field(default="3.1.1", description="Version of MQTT")
    user: str | None = Field(default=None, min_length=1, description="User name at the broker")
    password: SecretName | None = Field(default=None, description="Its password: ${secret:NAME}")
    ca: str | None = Field(
        default=None,
        description="File with the authorities that may vouch for the broker; the system's when left out",
    )
    certificate: str | None = Field(
        default=None, description="File with our certificate, for brokers that ask"
    )
    private_key: str | None = Field(default=None, description="File with its private key")
    insecure: str | None = Field(
        default=None,
        min_length=1,
        description="Why a password or writing over mqtt:// is acceptable here; health shows it",
    )
    timeout: Seconds = Field(
        default=10.0,
        ge=1,
        le=300,
        description="An answer of the broker, or of a command, that takes longer is none",
    )
    keepalive: Seconds = Field(
        default=60.0, ge=1, le=65_535, description="A broker that is mute for one to two of these is gone"
    )
    client_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="Client identifier; made and remembered when left out",
    )
    keep: Seconds = Field(
        default=7 * 86_400.0,
        le=2**32 - 2,
        description="Version 5: how long the broker keeps messages for us while we are away",
    )
    format: Format | None = Field(
        default=None, description="Format of points that neither say nor imply one; text when left out"
    )
    partial: bool = Field(
        default=False, description="A message need not hold every key; the missing ones are left as they were"
    )
    retained: Literal["uncertain", "good", "ignore"] = Field(
        default="uncertain",
        description="What a retained message without a time of its own is: its age is unknown",
    )
    availability: Topic | None = Field(
        default=None,
        description="Topic below the endpoint's where the device, or its last will, says whether it is there",
    )
    offline: str = Field(default="offline", description="What stands there when it is not")
    rebirth: bool = Field(
        default=False,
        description="Sparkplug B: ask the edge node for a rebirth (NCMD) when births were missed",
    )
    discover: Filter | None = Field(
        default=None,
        description="Filter such as plant/#, below no endpoint: topics there that nobody reads are listed",
    )

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if self.password is not None and self.user is None:
            message = "a password needs a `user`"
            raise ValueError(message)
        if (self.certificate is None) != (self.private_key is None):
            message = "`certificate` and `private_key` go together"
            raise ValueError(message)
        return self


@dataclass(frozen=True, slots=True)
class Place:
    """Where a Sparkplug B device lives: a group, an edge node, and a device unless it is the node itself."""

    group: str
    node: str
    device: str | None = None

    @property
    def filter(self) -> str:
        """Filter that takes every message of the edge node and its devices; their numbers count together."""
        return f"{SPARKPLUG}/{self.group}/+/{self.node}/#"

    def command(self) -> str:
        """Topic at which it takes commands."""
        if self.device is None:
            return f"{SPARKPLUG}/{self.group}/NCMD/{self.node}"
        return f"{SPARKPLUG}/{self.group}/DCMD/{self.node}/{self.device}"


def base_of(endpoint: Endpoint) -> str:
    """Return the topic that an endpoint names, empty when it names only the broker."""
    return endpoint.path.removeprefix("/")


def is_sparkplug(device: Device) -> bool:
    """Whether any point of the device is a metric."""
    return any(address_of(point).metric is not None for point in device.points.values())


def place_of(device: Device) -> Place | None:
    """Return where a Sparkplug B device lives, None when its endpoint is not `/spBv1.0/GROUP/NODE[/DEVICE]`."""
    namespace, *levels = base_of(device.endpoint).split("/")
    if namespace != SPARKPLUG or len(levels) not in {2, 3} or not all(levels):
        return None
    return Place(*levels)


def topic_of(device: Device, topic: str | None) -> str:
    """Return the whole topic of what a profile or an option of the device names."""
    return topics.join(base_of(device.endpoint), topic or "").replace(_DEVICE, device.id)


def format_of(address: MqttPoint, options: MqttOptions) -> Format:
    """Return the format of a point's payload."""
    return address.written or options.format or Format.TEXT


def topics_of(device: Device) -> Mapping[str, tuple[Point, ...]]:
    """Return the topics of a device that is not Sparkplug B, each with its points, in the order of the profile."""
    found: dict[str, list[Point]] = {}
    for point in device.points.values():
        found.setdefault(topic_of(device, address_of(point).topic), []).append(point)
    return {topic: tuple(points) for topic, points in found.items()}


def address_of(point: Point) -> MqttPoint:
    """Return the address of a point of an MQTT device."""
    return cast("MqttPoint", point.address)


def options_of(device: Device) -> MqttOptions:
    """Return the options of an MQTT device."""
    return cast("MqttOptions", device.options)
