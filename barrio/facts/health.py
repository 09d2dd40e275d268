"""How the districts, the platform and its links are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from barrio.facts.alarms import NO_ALARMS
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

    Says = tuple[bool, str]
    """Whether a link is up, and why it is not."""

AGAIN_S = 300.0
WORDS_S = 30.0


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
        self._told: dict[str, Says] = {}
        self._told_s: dict[str, float] = {}
        self._changed = dict.fromkeys(self.statuses)
        self._all_s = -float("inf")

    def changed(self, status: LinkStatus) -> None:
        """A link went up or down, or is tried again in vain."""
        self._changed[status.name] = None

    def due(self, monotonic_s: float) -> dict[str, Says]:
        """Return what is to be told of which links; one that only has other words is not told again at once."""
        if monotonic_s - self._all_s >= AGAIN_S:
            return {name: _says(status) for name, status in self.statuses.items()}
        return {
            name: says
            for name in self._changed
            if (says := _says(self.statuses[name])) != (told := self._told.get(name))
            and (told is None or told[0] != says[0] or monotonic_s - self._told_s[name] >= WORDS_S)
        }

    def told(self, said: Mapping[str, Says], monotonic_s: float) -> None:
        """This is in the database."""
        if len(said) == len(self.statuses):
            self._all_s = monotonic_s
        self._told |= said
        self._told_s |= dict.fromkeys(said, monotonic_s)
        changed = (name for name in self._changed if self._told.get(name) != _says(self.statuses[name]))
        self._changed = dict.fromkeys(changed)

    def again(self) -> None:
        """Tell everything anew: the database was away."""
        self._all_s = -float("inf")

    def facts(self, said: Mapping[str, Says], now: int) -> list[Fact]:
        """Return a row for each link and district."""
        found = []
        for name, (up, words) in said.items():
            status = self.statuses[name]
            fields: Fields = {"up": int(up), "words": words, "drops": status.drops}
            for district in self.districts[name]:
                tags = {"district": district, "link": tag(name), "protocol": tag(status.protocol)}
                found.append(Fact("barrio_links", tags, fields, now))
        return found

    def counts(self, district: str) -> tuple[int, int]:
        """Return how many links a district has, and how many are up."""
        here = [self.statuses[name] for name, districts in self.districts.items() if district in districts]
        return len(here), sum(status.up for status in here)


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
        """Return a row for each district; where nothing asks for supply there is no number of requests."""
        alarms = {} if standing is None else standing.counts()
        opened = {} if requests is None else requests.counts()
        shared = self._shared()
        found = []
        for district, ids in self._ids.items():
            gaps = int(np.count_nonzero(self._platform.gaps.reason[ids]))
            devices, devices_heard = self._devices.heard(district)
            links, links_up = self._links.counts(district)
            fields: Fields = {
                **alarms.get(district, NO_ALARMS),
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


def _says(status: LinkStatus) -> Says:
    return status.up, status.words
