"""What districts need of an InfluxDB: databases, and who may read or write which. Pure; nothing is asked.

One database (bucket) per district and resolution. Barrio writes all four of a district, and reads them back: what was
there before it started, and what late data make it sum up again. Grafana reads, with a secret for each database, since
it has a data source for each. A utility reads the databases that `provisioning.yaml` names for it. Nobody has a right
to more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioning.tokens import read_name, utility_name, write_name
from twin.resolution import Resolution

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from twin.model.district import District

# No InfluxDB keeps less than an hour (1.x: MinRetentionPolicyDuration); longer than asked loses nothing.
_SHORTEST_S = 3600

_HOUR_S = 3600
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class WantedDatabase:
    """A database with how long it keeps readings, in whole s; 0 is for ever."""

    district: str
    resolution: Resolution
    name: str
    retention_s: int


@dataclass(frozen=True, slots=True)
class WantedToken:
    """A secret and what it is good for. `name` is that of its file, `role` tells those of a district apart."""

    district: str
    role: str
    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...] = ()

    @property
    def rights(self) -> str:
        """What it may do, for people: `read and write salinas, salinas_15m`."""
        return in_words(self.reads, self.writes)


def wanted_databases(districts: Sequence[District]) -> list[WantedDatabase]:
    """Return the databases of districts, the raw ones first: where there is room for few they are those."""
    return [
        WantedDatabase(one.id, resolution, resolution.database(one.id), _whole(one.retention.get(resolution)))
        for one in districts
        for resolution in Resolution
    ]


def wanted_tokens(districts: Sequence[District]) -> list[WantedToken]:
    """Return the secrets of districts: of barrio, of Grafana and of utilities."""
    return [token for one in districts for token in _tokens(one)]


def _tokens(district: District) -> Iterator[WantedToken]:
    name = district.id
    all_of_it = tuple(one.database(name) for one in Resolution)
    yield WantedToken(name, "write", write_name(name), all_of_it, all_of_it)
    for resolution in Resolution:
        here = (resolution.database(name),)
        yield WantedToken(name, f"read-{resolution.value}", read_name(name, resolution), here)
    for utility in district.provisioning.utilities if district.provisioning else ():
        some = tuple(one.database(name) for one in Resolution if one in utility.resolutions)
        yield WantedToken(name, f"utility-{utility.id}", utility_name(name, utility.id), some)


def shard_s(retention_s: int) -> int:
    """Return how long a shard is for a retention, in s: what InfluxDB itself takes for a new database.

    It has to be said along when a retention is changed: a shard longer than the retention is refused, and one made
    for a day would give a thousand of them in two months.
    """
    if retention_s == 0 or retention_s >= 180 * _DAY_S:
        return 7 * _DAY_S
    return _DAY_S if retention_s >= 2 * _DAY_S else _HOUR_S


def duration(seconds: int) -> str:
    """Return a length for people: `90d`, `36h`, `for ever`."""
    if seconds == 0:
        return "for ever"
    for unit, size in (("d", _DAY_S), ("h", _HOUR_S), ("min", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def in_words(reads: Iterable[str], writes: Iterable[str]) -> str:
    """Return rights on databases, for people."""
    read, write = set(reads), set(writes)
    kinds = (("read and write", read & write), ("read", read - write), ("write", write - read))
    found = [f"{action} {', '.join(sorted(names))}" for action, names in kinds if names]
    return "; ".join(found) or "nothing"


def _whole(retention_s: float | None) -> int:
    return 0 if not retention_s else max(math.ceil(retention_s), _SHORTEST_S)
