"""Whom a rule is applied to: the devices or sites that `for` describes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.model.source import suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from twin.derived.spec import EachSpec
    from twin.model.district import Device
    from twin.model.ground import Ground
    from twin.model.source import Faults, Place


def owners_of(spec: EachSpec, ground: Ground, place: Place, faults: Faults) -> list[str]:
    """Return ids in the order of the files; none, with the fault added at `place`, when nothing fits."""
    before = len(faults)
    _explain(spec, ground, place, faults)
    found = [device.id for device in ground.devices.values() if _fits(device, spec, ground)]
    if not found and spec.kind is not None and spec.profile is None and spec.devices is None:
        found = [site for site in ground.sites if _site_fits(site, spec, ground)]
    if not found and len(faults) == before:
        ground.unknown(faults, place, "there is nothing that fits all of this")
    return found


def _fits(device: Device, spec: EachSpec, ground: Ground) -> bool:
    return (
        spec.kind in {None, device.kind}
        and spec.profile in {None, device.profile}
        and spec.site in {None, device.site}
        and (spec.within is None or spec.within in ground.graph.places_of(device.id))
        and (spec.devices is None or device.id in spec.devices)
    )


def _site_fits(site: str, spec: EachSpec, ground: Ground) -> bool:
    inside = spec.within is None or spec.within == site or spec.within in ground.graph.places_of(site)
    return ground.sites[site].kind == spec.kind and inside and spec.site in {None, site}


def _explain(spec: EachSpec, ground: Ground, place: Place, faults: Faults) -> None:
    """Add a fault for each name that is nobody's."""
    devices = ground.devices.values()
    kinds = {device.kind for device in devices} | {site.kind for site in ground.sites.values()}
    look: Iterable[tuple[str, str | None, Callable[[], Iterable[str]]]] = [
        ("kind", spec.kind, lambda: kinds),
        ("profile", spec.profile, lambda: {device.profile for device in devices}),
        ("site", spec.site, lambda: ground.sites),
        ("within", spec.within, lambda: ground.sites),
        *(("devices", one, lambda: ground.devices) for one in spec.devices or ()),
    ]
    for key, value, known in look:
        if value is not None and value not in known():
            word = _WORDS.get(key, key)
            ground.unknown(faults, place.at(key), f"there is no {word} {value!r}{suggest(value, known())}")


_WORDS = {"kind": "device or site of kind", "within": "site", "devices": "device"}
