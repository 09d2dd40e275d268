"""Which devices and sites a rule is about: `on` one of them, or `for` each device that a selection finds.

A rule for five thousand lamps is one entry, and what is wrong with many of them is said once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from twin.model.source import suggest
from twin.model.spec import Id, Name, Spec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from twin.model.district import Device
    from twin.model.ground import Ground
    from twin.model.source import Faults, Key, Place


def one_or_many(found: object) -> object:
    """Return a list of what may be written without one when it is single."""
    return found if isinstance(found, (list, tuple)) else (found,)


Ids = Annotated[tuple[Id, ...], BeforeValidator(one_or_many), Field(min_length=1)]


class Selection(Spec):
    """Devices that fulfil all keys."""

    kind: Name | None = Field(default=None, description="Kind of the devices, as their profile says it")
    profile: Id | None = Field(default=None, description="Profile of the devices")
    site: Id | None = Field(default=None, description="Site where they stand, without those within it")
    within: Id | None = Field(default=None, description="Site where they stand, with those within it")
    devices: Ids | None = Field(default=None, description="Ids of devices")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("says nothing: give one or more of kind, profile, site, within, devices")
        return self


def chosen(selection: Selection, place: Place, ground: Ground, faults: Faults) -> list[Device]:
    """Return the devices that a selection finds, in the order of the files; none with the reason among the faults."""
    before = len(faults)
    devices = ground.devices.values()
    _check("kind", selection.kind, (device.kind for device in devices), place, ground, faults)
    _check("profile", selection.profile, (device.profile for device in devices), place, ground, faults)
    for key in ("site", "within"):
        name = getattr(selection, key)
        if name is not None and name not in ground.sites:
            faults.add(place.at(key), f"there is no site {name!r}{suggest(name, ground.sites)}")
    for position, name in enumerate(selection.devices or ()):
        if name not in ground.devices:
            words = f"there is no device {name!r}{suggest(name, ground.devices)}"
            ground.unknown(faults, place.at("devices", position), words)
    if len(faults) > before:
        return []
    sites = None if selection.within is None else set(ground.graph.within(selection.within))
    found = [device for device in devices if _takes(selection, device, sites)]
    if not found:
        ground.unknown(faults, place, "finds no device")
    return found


class Troubles:
    """What is wrong with the devices of one entry: the same words for many devices are one fault."""

    def __init__(self, place: Place, faults: Faults) -> None:
        self._place = place
        self._faults = faults
        self._found: dict[tuple[tuple[Key, ...], str], list[str]] = {}

    def __len__(self) -> int:
        """Return how many different things are wrong."""
        return len(self._found)

    def add(self, keys: tuple[Key, ...], owner: str, words: str) -> None:
        """Note what is wrong with one device; `keys` lead to the place inside the entry."""
        self._found.setdefault((keys, words), []).append(owner)

    def say(self) -> None:
        """Add the faults."""
        for (keys, words), owners in self._found.items():
            more = f" (and {len(owners) - 1} more devices)" if len(owners) > 1 else ""
            self._faults.add(self._place.at(*keys), f"{owners[0]}: {words}{more}")


def _check(
    key: str, name: str | None, known: Iterable[str], place: Place, ground: Ground, faults: Faults
) -> None:
    if name is not None and name not in (names := set(known)):
        ground.unknown(faults, place.at(key), f"no device has the {key} {name!r}{suggest(name, names)}")


def _takes(selection: Selection, device: Device, sites: set[str] | None) -> bool:
    wanted = (
        (selection.kind, device.kind),
        (selection.profile, device.profile),
        (selection.site, device.site),
    )
    return (
        all(want in {None, found} for want, found in wanted)
        and (sites is None or device.site in sites)
        and (selection.devices is None or device.id in selection.devices)
    )
