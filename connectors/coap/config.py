"""What a profile says of a CoAP device: the address of a point, the options, and which resources follow from them."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Self, cast

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from twin.model.spec import Seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twin.model.district import Device, Point

_RESOURCE = re.compile(r"/[\x21-\x7e]*")
# RFC 7252, section 5.10: Uri-Path and Uri-Query hold up to 255 bytes each.
_LONGEST_SEGMENT = 255


class Format(StrEnum):
    """How a payload is written, as a profile says it; SenML is told apart into JSON and CBOR on the wire."""

    TEXT = "text"
    JSON = "json"
    CBOR = "cbor"
    SENML = "senml"


class CoapPoint(BaseModel):
    """The address of a point: a resource, and where the value stands in its payload."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    resource: str = Field(description="Path on the device, with a query if it takes one: /sensors/temp?u=c")
    format: Format | None = Field(
        default=None,
        description="text, json, cbor or senml; what the answer's Content-Format says when left out",
    )
    key: str | None = Field(
        default=None,
        min_length=1,
        description="Place in a JSON or CBOR answer: temperature, air.temperature or /air/0/temperature (RFC 6901)",
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
    poll: Seconds | None = Field(
        default=None, description="Period of this resource; the device's when left out"
    )
    observe: bool | None = Field(
        default=None, description="Ask to be notified (RFC 7641); the option's when left out"
    )

    @field_validator("resource")
    @classmethod
    def _is_path(cls, value: str) -> str:
        if _RESOURCE.fullmatch(value) is None or "#" in value:
            message = "a resource is a path such as /sensors/temp, without host, blanks or #"
            raise ValueError(message)
        if any(len(part) > _LONGEST_SEGMENT for part in re.split(r"[/?&]", value)):
            message = f"no segment of a resource may be longer than {_LONGEST_SEGMENT} bytes (RFC 7252, section 5.10)"
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if self.key is not None and (self.name is not None or self.format in {Format.TEXT, Format.SENML}):
            message = "`key` is a place in json or cbor; a SenML record has a `name`, text has neither"
            raise ValueError(message)
        if (self.name or self.senml_unit) is not None and self.format not in {None, Format.SENML}:
            message = f"`name` and `senml_unit` belong to a SenML record, and the format is {self.format}"
            raise ValueError(message)
        return self


class CoapOptions(BaseModel):
    """The options of a profile or a device that speaks CoAP."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout: Seconds = Field(
        default=10.0, ge=1, description="An answer that takes longer is none; retransmissions included"
    )
    observe: bool = Field(default=True, description="Ask to be notified where a point does not say otherwise")
    format: Format | None = Field(default=None, description="Format where neither point nor answer names one")


def resources_of(device: Device) -> Mapping[str, tuple[tuple[Point, CoapPoint], ...]]:
    """Return the resources that a device must serve, each with its points, in the order of the profile."""
    found: dict[str, list[tuple[Point, CoapPoint]]] = {}
    for point in device.points.values():
        address = address_of(point)
        found.setdefault(address.resource, []).append((point, address))
    return {path: tuple(points) for path, points in found.items()}


def address_of(point: Point) -> CoapPoint:
    """Return the address of a point of a CoAP device."""
    return cast("CoapPoint", point.address)


def options_of(device: Device) -> CoapOptions:
    """Return the options of a CoAP device."""
    return cast("CoapOptions", device.options)
