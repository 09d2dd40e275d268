"""What a profile says of a CoAP device: the address of a point, the options, and which resources follow from them."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal, Self, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    field_validator,
    model_validator,
)

from twin.model.spec import Seconds, SecretName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twin.model.district import Device, Point

_RESOURCE = re.compile(r"/[\x21-\x7e]*")
# Where devices that push send their readings; a point that names no resource is pushed.
PUSHED = "/readings"
# RFC 8613, section 3.3: an id is at most as long as the nonce (13 bytes with AES-CCM-16-64-128) less 6.
_LONGEST_ID = 7
# RFC 7252, section 5.10: Uri-Path and Uri-Query hold up to 255 bytes each.
_LONGEST_SEGMENT = 255


class Format(StrEnum):
    """How a payload is written, as a profile says it; SenML is told apart into JSON and CBOR on the wire."""

    TEXT = "text"
    JSON = "json"
    CBOR = "cbor"
    SENML = "senml"


def is_resource(text: str) -> bool:
    """Whether a text is the path of a resource, with a query if it takes one."""
    if _RESOURCE.fullmatch(text) is None or "#" in text:
        return False
    return all(len(part) <= _LONGEST_SEGMENT for part in re.split(r"[/?&]", text))


class CoapPoint(BaseModel):
    """The address of a point: a resource, and where the value stands in its payload."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    resource: str = Field(
        default=PUSHED,
        description="Path on the device, with a query if it takes one: /sensors/temp?u=c; not for one that pushes",
    )
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
    write: Literal["put", "post"] = Field(default="put", description="Method that sets the resource")

    @field_validator("resource")
    @classmethod
    def _is_path(cls, value: str) -> str:
        if _RESOURCE.fullmatch(value) is None or "#" in value:
            message = "a resource is a path such as /sensors/temp, without host, blanks or #"
            raise ValueError(message)
        if not is_resource(value):
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


def _hex(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"(?:[0-9a-fA-F]{2})*", value) is not None:
        return value.lower()
    message = 'bytes are written as hex digits in quotes, two for each: "0a01"'
    raise ValueError(message)


Hex = Annotated[str, BeforeValidator(_hex)]
OscoreId = Annotated[Hex, Field(max_length=2 * _LONGEST_ID)]


class OscoreOptions(BaseModel):
    """The part of an OSCORE context that both ends must have (RFC 8613, section 3.2), seen from here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sender_id: OscoreId = Field(description="Our id in this context, hex; the device's recipient id")
    recipient_id: OscoreId = Field(description="The device's id in this context, hex; its sender id")
    secret: SecretName = Field(description="Name of the master secret; what it stands for is in hex")
    salt: Hex = Field(default="", description="Master salt, hex")
    id_context: Hex | None = Field(default=None, description="ID context, hex, where the device has one")

    @model_validator(mode="after")
    def _has_two_ids(self) -> Self:
        if self.sender_id == self.recipient_id:
            message = "sender_id and recipient_id are the same: each end has an id of its own"
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
    oscore: OscoreOptions | None = Field(default=None, description="Protect each message (RFC 8613)")
    psk_identity: str | None = Field(
        default=None, min_length=1, max_length=64, description="coaps: identity of the pre-shared key"
    )
    psk: SecretName | None = Field(
        default=None,
        description="coaps: name of the pre-shared key; it stands for text, or for bytes when it begins with hex:",
    )
    _stand_in: str = PrivateAttr(default="")

    @property
    def stand_in(self) -> str:
        """Why a device may be written to without protection; empty for every device of a district's files."""
        return self._stand_in

    def for_stand_in(self, words: str) -> Self:
        """Return the options of what stands in for the device on this machine: unprotected, written to all the same.

        No file can say this: the protected device is what the district was checked with.
        """
        found = self.model_copy(update={"oscore": None})
        found._stand_in = words  # noqa: SLF001 - its own kind
        return found

    @model_validator(mode="after")
    def _is_one_key(self) -> Self:
        if (self.psk is None) != (self.psk_identity is None):
            message = "`psk` and `psk_identity` belong together"
            raise ValueError(message)
        return self


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
