"""Points that no device gives: barrio computes them from others, and keeps them like any reading.

They belong to a device or to a site; a site that has such points stands among the owners like a device without a
network address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.model.district import Device
from twin.model.protocol import Endpoint
from twin.model.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twin.model.district import District, Point

COMPUTED = "computed"
"""Protocol and profile of what has computed points and is no device."""


class NoAddress(Spec):
    """The address of a computed point, and the options of a site: there are none."""


NO_ADDRESS = NoAddress()


def computed_points(district: District) -> Iterator[tuple[str, Point]]:
    """Yield the computed points of a district with the id of their owner, in the order of the files."""
    for derived in district.derived:
        yield derived.owner, derived.point
    if district.services is not None:
        yield from district.services.points


def owner_of(district: District, owner: str) -> Device:
    """Return the device that computed points belong to, or what stands for a site."""
    if owner in district.devices:
        return district.devices[owner]
    site = district.sites[owner]
    return Device(
        id=site.id,
        district=district.id,
        name=site.name or site.id,
        profile=COMPUTED,
        kind=site.kind,
        protocol=COMPUTED,
        site=site.id,
        endpoint=Endpoint(COMPUTED, "", 0),
        location=site.location,
        poll_s=60.0,
        trust_time=True,
        max_skew_s=300.0,
        options=NO_ADDRESS,
        points={},
        file=district.folder / "district.yaml",
        line=1,
    )
