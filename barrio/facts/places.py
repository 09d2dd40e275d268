"""Where things are: the tags of owners, and coordinates of devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.facts import NOTHING
from twin.store.lineprotocol import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from twin.model.district import Device, District
    from twin.model.spec import Location


class Places:
    """The sites of the owners of alarms, commands and requests, by district."""

    def __init__(self, districts: Iterable[District]) -> None:
        self.districts = {district.id: district for district in districts}

    def tags(self, district: str, owner: str) -> dict[str, str]:
        """Return the tags `district`, `site` and `device` of an owner.

        A device has its site; a site stands for itself, without a device; anything else, such as a link, has no site.
        """
        known = self.districts[district]
        if owner in known.devices:
            return {"district": district, "site": known.devices[owner].site, "device": owner}
        if owner in known.sites:
            return {"district": district, "site": owner, "device": NOTHING}
        return {"district": district, "site": NOTHING, "device": tag(owner)}

    def name(self, district: str, owner: str) -> str:
        """Return what people call an owner; its id where it has no name."""
        known = self.districts[district]
        found = known.devices.get(owner) or known.sites.get(owner)
        return owner if found is None else found.name or owner

    def location(self, device: Device) -> Location:
        """Return where a device is: its own place, else that of the nearest site around it, else the district's."""
        district = self.districts[device.district]
        if device.location is not None:
            return device.location
        site = district.sites.get(device.site)
        while site is not None and site.location is None:
            site = district.sites.get(site.within or "")
        return district.location if site is None or site.location is None else site.location


def tag(text: str) -> str:
    """Return text as the value of a tag: what line protocol cannot carry is replaced, nothing is `-`."""
    return clean(text).replace("\\", "/") or NOTHING
