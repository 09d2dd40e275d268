"""Whom a rule is about: `on` a device or site, or `for` each device, or site, that a selection finds.

A rule for five thousand lamps is one entry, and what is wrong with many of them is said once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AliasChoices, BeforeValidator, Field, model_validator

from twin.model.source import suggest
from twin.model.spec import Id, Name, Spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from twin.model.district import Device
    from twin.model.ground import Ground
    from twin.model.source import Faults, Key, Place


def one_or_many(found: object) -> object:
    """Return as a list what may be written without one when it is single."""
    return found if isinstance(found, (list, tuple)) else (found,)


Ids = Annotated[tuple[Id, ...], BeforeValidator(one_or_many), Field(min_length=1)]


class Selection(Spec):
    """Devices that fit all keys; sites where no device has the kind."""

    kind: Name | None = Field(default=None, description="Kind of the devices, else of the sites")
    profile: Id | None = Field(default=None, description="Profile of the devices")
    site: Id | None = Field(default=None, description="Site in which they stand, without those within it")
    within: Id | None = Field(
        default=None,
        validation_alias=AliasChoices("within", "site within"),
        description="Site in which, or in a part of which, they stand",
    )
    devices: Ids | None = Field(default=None, description="Ids of devices")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if all(getattr(self, name) is None for name in type(self).model_fields):
            message = "say which: kind, profile, site, within or devices"
            raise ValueError(message)
        return self


def selected(selection: Selection, ground: Ground, place: Place, faults: Faults) -> list[str]:
    """Return ids in the order of the files; none, with the fault added at `place`, when nothing fits."""
    before = len(faults)
    _explain(selection, ground, place, faults)
    inside = None if selection.within is None else set(ground.graph.within(selection.within))
    found = [device.id for device in ground.devices.values() if _fits(device, selection, inside)]
    if not found and selection.kind is not None and selection.profile is None and selection.devices is None:
        found = [site for site in ground.sites if _site_fits(site, selection, inside, ground)]
    if not found and len(faults) == before:
        ground.unknown(faults, place, "there is nothing that fits all of this")
    return found


def chosen(selection: Selection, place: Place, ground: Ground, faults: Faults) -> list[Device]:
    """Return the devices that fit in the order of the files; none, with the fault added, when none does."""
    found = selected(selection, ground, place, faults)
    devices = [ground.devices[one] for one in found if one in ground.devices]
    if found and not devices:
        faults.add(place, "finds sites, and no device")
    return devices


def known(owner: str, ground: Ground, place: Place, faults: Faults) -> list[str]:
    """Return the device or site of that id in a list, an empty one with the fault added when there is none."""
    if owner in ground.devices or owner in ground.sites:
        return [owner]
    ground.unknown(faults, place, ground.no_owner(owner))
    return []


def devices_of(
    on: str | None, choice: Selection | None, place: Place, ground: Ground, faults: Faults
) -> list[Device]:
    """Return the devices of an entry that has `on` (one device) or `for`; none, with the fault added, when none is."""
    if choice is not None:
        return chosen(choice, place.at("for"), ground, faults)
    device = ground.devices.get(on or "")
    if device is None:
        near = suggest(on or "", ground.devices)
        ground.unknown(faults, place.at("on"), f"there is no device {on!r}{near}")
        return []
    return [device]


class Troubles:
    """What is wrong with the owners of one entry: the same words for many of them are one fault."""

    def __init__(self, place: Place, faults: Faults) -> None:
        self._place = place
        self._faults = faults
        self._found: dict[tuple[tuple[Key, ...], str], list[str]] = {}

    def __len__(self) -> int:
        """Return how many different things are wrong."""
        return len(self._found)

    def add(self, keys: tuple[Key, ...], owner: str, words: str) -> None:
        """Note what is wrong with one owner; `keys` lead to the place inside the entry."""
        self._found.setdefault((keys, words), []).append(owner)

    def say(self) -> None:
        """Add the faults."""
        for (keys, words), owners in self._found.items():
            more = f" (and {len(owners) - 1} more)" if len(owners) > 1 else ""
            self._faults.add(self._place.at(*keys), f"{owners[0]}: {words}{more}")


def _fits(device: Device, selection: Selection, inside: set[str] | None) -> bool:
    return (
        selection.kind in {None, device.kind}
        and selection.profile in {None, device.profile}
        and selection.site in {None, device.site}
        and (inside is None or device.site in inside)
        and (selection.devices is None or device.id in selection.devices)
    )


def _site_fits(site: str, selection: Selection, inside: set[str] | None, ground: Ground) -> bool:
    return (
        ground.sites[site].kind == selection.kind
        and selection.site in {None, site}
        and (inside is None or site in inside)
    )


def _explain(selection: Selection, ground: Ground, place: Place, faults: Faults) -> None:
    """Add a fault for each name that is nobody's."""
    devices = ground.devices.values()
    look: list[tuple[str, str | None, str, Callable[[], Iterable[str]]]] = [
        ("kind", selection.kind, "device or site of kind", lambda: _kinds(ground)),
        ("profile", selection.profile, "profile", lambda: {one.profile for one in devices}),
        ("site", selection.site, "site", lambda: ground.sites),
        ("within", selection.within, "site", lambda: ground.sites),
        *(("devices", one, "device", lambda: ground.devices) for one in selection.devices or ()),
    ]
    for key, value, word, names in look:
        if value is not None and value not in (there := set(names())):
            ground.unknown(faults, place.at(key), f"there is no {word} {value!r}{suggest(value, there)}")


def _kinds(ground: Ground) -> set[str]:
    return {device.kind for device in ground.devices.values()} | {site.kind for site in ground.sites.values()}
