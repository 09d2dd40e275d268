"""A district as the platform uses it: compiled from the files, nothing left to look up.

`twin.model.loader` makes these; they are never changed afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from twin.model.graph import Graph

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from pydantic import BaseModel

    from twin.alarms.book import AlarmBook
    from twin.commands.book import CommandBook
    from twin.datasets.dataset import DatasetBook
    from twin.derived.point import Derived
    from twin.intervals.plan import IntervalPlan
    from twin.model.protocol import Endpoint
    from twin.model.provision_spec import ProvisioningSpec
    from twin.model.quantities import Quantity
    from twin.model.spec import Location, RelationSpec, SiteSpec, StateKey
    from twin.resolution import Resolution
    from twin.services.book import ServiceBook


@dataclass(frozen=True, slots=True)
class Point:
    """One measured or commanded quantity of one device.

    A raw number from the wire times `scale` plus `offset` is the value in `quantity.unit` (the profile's scale and
    the conversion of units folded into one step). `minimum` and `maximum` are in `quantity.unit`. A point that is not
    `readable` is a command: it is written and never gives a reading, so nothing is missing while there is none.
    """

    path: str
    name: str
    quantity: Quantity
    address: BaseModel
    scale: float
    offset: float
    minimum: float
    maximum: float
    wraps_at: float | None
    dead_band: float
    heartbeat_s: float
    silent_after_s: float
    states: Mapping[StateKey, str]
    writable: bool
    description: str
    file: Path
    line: int
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Device:
    """One thing with a network address and a profile."""

    id: str
    district: str
    name: str
    profile: str
    kind: str
    protocol: str
    site: str
    endpoint: Endpoint
    location: Location | None
    poll_s: float
    trust_time: bool
    max_skew_s: float
    options: BaseModel
    points: Mapping[str, Point]
    file: Path
    line: int


@dataclass(frozen=True, slots=True)
class District:
    """The unit of everything: one folder of files, one bucket, one access scope."""

    id: str
    name: str
    description: str
    zone: ZoneInfo
    location: Location
    sites: Mapping[str, SiteSpec]
    relations: tuple[RelationSpec, ...]
    devices: Mapping[str, Device]
    retention_raw_s: float | None
    folder: Path
    digest: str = field(compare=False, default="")
    derived: tuple[Derived, ...] = ()
    alarms: AlarmBook | None = None
    commands: CommandBook | None = None
    services: ServiceBook | None = None
    retention: Mapping[Resolution, float | None] = field(default_factory=dict)
    """How long each resolution is kept, in s; None or left out: for ever."""
    provisioning: ProvisioningSpec | None = None
    datasets: DatasetBook | None = None
    """Whose its data is and who may see it; None: for operators only."""
    intervals: IntervalPlan | None = None
    """How its registers are judged, estimated and settled; None: by the generic rules."""

    _graphs: list[Graph] = field(init=False, repr=False, compare=False, default_factory=list)

    @property
    def graph(self) -> Graph:
        """What belongs to what; made when it is first asked for, and kept."""
        if not self._graphs:
            self._graphs.append(Graph(self.relations, self.sites, self.devices))
        return self._graphs[0]

    def points(self) -> Iterator[tuple[Device, Point]]:
        """Yield every point with its device, in the order of the files."""
        for device in self.devices.values():
            for point in device.points.values():
                yield device, point
