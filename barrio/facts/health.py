"""How the districts, the platform and its links are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from barrio.facts.places import tag
from twin.facts import Fact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from barrio.facts.alarms import StandingAlarms
    from barrio.facts.devices import Devices
    from barrio.facts.places import Places
    from barrio.facts.requests import OpenRequests
    from barrio.facts.source import Fields
    from barrio.platform import Platform
    from barrio.supervisor import LinkStatus

AGAIN_S = 300.0


class Links:
    """All links; `districts` has those of the devices that each reads. Used from the event loop's thread."""

    def __init__(self, statuses: Sequence[LinkStatus], places: Places) -> None:
        self.statuses = {status.name: status for status in statuses}
        self.districts = {
            status.name: tuple(
                dict.fromkeys(
                    one for owner in status.owners if (one := owner.split("/")[0]) in places.districts
                )
            )
            for status in statuses
        }
        self._told: dict[str, tuple[bool, str]] = {}
        self._changed = dict.fromkeys(self.statuses)
        self._all_s = -float("inf")

    def changed(self, status: LinkStatus) -> None:
        """A link went up or down, or is tried again in vain."""
        self._changed[status.name] = None

    def due(self, monotonic_s: float) -> list[str]:
        """Return the links that are to be told."""
        names = self.statuses if monotonic_s - self._all_s >= AGAIN_S else self._changed
        if names is self.statuses:
            return list(names)
        return [name for name in names if self._told.get(name) != self._says(name)]

    def told(self, names: Sequence[str], monotonic_s: float) -> None:
        """These links are in the database."""
        if len(names) == len(self.statuses):
            self._all_s = monotonic_s
        for name in names:
            self._told[name] = self._says(name)
        self._changed.clear()

    def facts(self, names: Sequence[str], now: int) -> list[Fact]:
        """Return a row for each link and district."""
        found = []
        for name in names:
            status = self.statuses[name]
            fields: Fields = {"up": int(status.up), "words": status.words, "drops": status.drops}
            for district in self.districts[name]:
                tags = {"district": district, "link": tag(name), "protocol": tag(status.protocol)}
                found.append(Fact("barrio_links", tags, fields, now))
        return found

    def counts(self, district: str) -> tuple[int, int]:
        """Return how many links a district has, and how many are up."""
        here = [self.statuses[name] for name, districts in self.districts.items() if district in districts]
        return len(here), sum(status.up for status in here)

    def _says(self, name: str) -> tuple[bool, str]:
        status = self.statuses[name]
        return status.up, status.words


class Health:
    """The numbers of `barrio_health`."""

    def __init__(self, platform: Platform, devices: Devices, links: Links) -> None:
        self._platform = platform
        self._devices = devices
        self._links = links
        ids: dict[str, list[int]] = {district.id: [] for district in platform.catalogue.districts}
        for item in platform.catalogue.points.values():
            if item.point.readable:
                ids[platform.catalogue.owners[item.id].district].append(item.id)
        self._ids = {district: np.array(found, np.int32) for district, found in ids.items()}

    def facts(self, now: int, standing: StandingAlarms | None, requests: OpenRequests | None) -> list[Fact]:
        """Return a row for each district; what a district has no file for is left out."""
        alarms = {} if standing is None else standing.counts()
        opened = {} if requests is None else requests.counts()
        shared = self._shared()
        found = []
        for district, ids in self._ids.items():
            gaps = int(np.count_nonzero(self._platform.gaps.reason[ids]))
            devices, devices_heard = self._devices.heard(district)
            links, links_up = self._links.counts(district)
            fields: Fields = {
                **alarms.get(district, {}),
                "requests": opened.get(district),
                "devices": devices,
                "devices_heard": devices_heard,
                "points": len(ids),
                "points_heard": len(ids) - gaps,
                "gaps": gaps,
                "links": links,
                "links_up": links_up,
                **shared,
            }
            found.append(Fact("barrio_health", {"district": district}, fields, now))
        return found

    def _shared(self) -> Mapping[str, int]:
        """Return what is one for all districts; numbers that grow begin with this process."""
        platform = self._platform
        books, before = platform.spool.books(), platform.books_before
        return {
            "spool_waiting": books.waiting,
            "spool_bytes": platform.spool.used_bytes,
            "store_errors": platform.writer.state.errors,
            "stored": books.stored - before.stored,
            "quarantined": books.quarantined - before.quarantined,
            "dropped": platform.intake.tally.dropped,
        }
