"""What a profile says of a device that speaks wordline: the descriptions are the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pydantic import Field
from twin.model.spec import Seconds, Spec

if TYPE_CHECKING:
    from twin.model.district import Device, Point


class WordlinePoint(Spec):
    """Where a point lives: keys of a profile's point beside those that every protocol shares."""

    word: str = Field(
        pattern=r"^[a-z][a-z0-9_]{0,31}$",
        description="Name of the value on the device: a letter, then letters, digits and _",
    )


class WordlineOptions(Spec):
    """`options` of profiles and devices."""

    timeout: Seconds = Field(default=3.0, description="An answer that takes longer counts as none")


def address_of(point: Point) -> WordlinePoint:
    """Return the address of a point of a wordline device."""
    return cast("WordlinePoint", point.address)


def options_of(device: Device) -> WordlineOptions:
    """Return the options of a wordline device."""
    return cast("WordlineOptions", device.options)
