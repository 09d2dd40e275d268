"""Which devices a rule or a programme is about, and what is wrong with many of them said once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.model.source import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from twin.commands.spec import CommandSpec, ForSpec, ScheduleSpec
    from twin.model.district import Device
    from twin.model.ground import Ground
    from twin.model.source import Faults, Key, Place


def devices_of(
    spec: CommandSpec | ScheduleSpec, ground: Ground, place: Place, faults: Faults
) -> list[Device]:
    """Return the devices that an entry names, in the order of the files; faults where it names none."""
    if spec.on is not None:
        device = ground.devices.get(spec.on)
        if device is None:
            near = suggest(spec.on, ground.devices)
            ground.unknown(faults, place.at("on"), f"there is no device {spec.on!r}{near}")
        return [device] if device else []
    return _fitting(spec.of, ground, place.at("for"), faults) if spec.of else []


def _fitting(choice: ForSpec, ground: Ground, place: Place, faults: Faults) -> list[Device]:
    before, devices = len(faults), ground.devices.values()
    kinds, profiles = {device.kind for device in devices}, {device.profile for device in devices}
    named: list[tuple[tuple[Key, ...], str | None, Iterable[str], str]] = [
        (("kind",), choice.kind, kinds, "no device is of kind"),
        (("profile",), choice.profile, profiles, "no device has profile"),
        (("site",), choice.site, ground.sites, "there is no site"),
        (("within",), choice.within, ground.sites, "there is no site"),
        *(
            (("devices", at), name, ground.devices, "there is no device")
            for at, name in enumerate(choice.devices or ())
        ),
    ]
    for keys, name, known, words in named:
        if name is not None and name not in known:
            ground.unknown(faults, place.at(*keys), f"{words} {name!r}{suggest(name, known)}")
    inside = None if choice.within is None else set(ground.graph.within(choice.within))
    found = [device for device in devices if _fits(device, choice, inside)]
    if not found and len(faults) == before:
        ground.unknown(faults, place, "no device fits all of this")
    return found


def _fits(device: Device, choice: ForSpec, inside: set[str] | None) -> bool:
    wanted = ((choice.kind, device.kind), (choice.profile, device.profile), (choice.site, device.site))
    return (
        all(want in {None, found} for want, found in wanted)
        and (inside is None or device.site in inside)
        and (choice.devices is None or device.id in choice.devices)
    )


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
            more = f" (and {len(owners) - 1} more)" if len(owners) > 1 else ""
            self._faults.add(self._place.at(*keys), f"{owners[0]}: {words}{more}")
