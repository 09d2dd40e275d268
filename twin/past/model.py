"""The model of a district as it was, read back from the history of models."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class DeviceThen:
    """A device, or a site that computed points belong to (its `protocol` is empty then)."""

    id: str
    name: str
    kind: str
    profile: str
    protocol: str
    site: str


@dataclass(frozen=True, slots=True)
class PointThen:
    """A point as it was. `slot_s`: how far apart its readings are at most while all is well (`twin.past.slots`)."""

    path: str
    name: str
    owner: DeviceThen
    quantity: str
    unit: str
    aggregation: str
    states: tuple[str, ...]
    dead_band: float
    slot_s: int
    writable: bool
    readable: bool
    expression: str


@dataclass(frozen=True)
class Model:
    """One version of a district: what ran with it from `since` (ns UTC) until another one did.

    `assumed` says that it is asked about a time before its own, of which no model was kept. `raw` is what stands in
    the file, as `twin.past.described` wrote it.
    """

    raw: Mapping[str, Any]
    since: int
    assumed: bool = False

    @property
    def district(self) -> str:
        """Id of the district."""
        return str(self.raw["district"])

    @property
    def name(self) -> str:
        """Name of the district for people."""
        return str(self.raw["name"])

    @property
    def digest(self) -> str:
        """Hash of the district's files."""
        return str(self.raw["digest"])

    @cached_property
    def zone(self) -> ZoneInfo:
        """Zone of the district's calendar."""
        return ZoneInfo(self.raw["timezone"])

    @cached_property
    def devices(self) -> Mapping[str, DeviceThen]:
        """Devices by id."""
        keys = ("id", "name", "kind", "profile", "protocol", "site")
        return {one["id"]: DeviceThen(*(one[key] for key in keys)) for one in self.raw["devices"]}

    @cached_property
    def points(self) -> Mapping[str, PointThen]:
        """Points by path, in the order of the files; each computed point stands behind those of its owner."""
        added: dict[str, list[Mapping[str, Any]]] = {}
        for one in self.raw["computed"]:
            added.setdefault(one["owner"], []).append(one)
        found = {}
        for owner, points in self._owners(added):
            for raw in points:
                path = f"{self.district}/{owner.id}/{raw['name']}"
                found[path] = _point(path, owner, raw)
        return found

    @property
    def rules(self) -> Mapping[str, Mapping[str, Any]]:
        """Alarm rules by id."""
        return {one["id"]: one for one in self.raw["rules"]}

    def _owners(
        self, added: dict[str, list[Mapping[str, Any]]]
    ) -> Iterator[tuple[DeviceThen, list[Mapping[str, Any]]]]:
        for one in self.raw["devices"]:
            yield self.devices[one["id"]], [*one["points"], *added.pop(one["id"], ())]
        sites = {site["id"]: site for site in self.raw["sites"]}
        for owner, points in added.items():
            site = sites.get(owner, {})
            kind, name = site.get("kind", "Site"), site.get("name") or owner
            yield DeviceThen(owner, name, kind, "", "", owner), points


def _point(path: str, owner: DeviceThen, raw: Mapping[str, Any]) -> PointThen:
    return PointThen(
        path=path,
        name=raw["name"],
        owner=owner,
        quantity=raw["quantity"],
        unit=raw["unit"],
        aggregation=raw["aggregation"],
        states=tuple(raw.get("states", ())),
        dead_band=raw.get("dead_band", 0.0),
        slot_s=raw["slot_s"],
        writable=raw.get("writable", False),
        readable=raw["readable"],
        expression=raw.get("is", ""),
    )
