"""What is drawn of a part: equal ones folded into one, and places only of what hangs on nothing else."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from barrio.graph.part import PLACED, described

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from barrio.graph.part import Part

MOST_ALIKE = 3
"""So many equal ones side by side are drawn one by one; more become one box that says how many."""

Edge = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Box:
    """One device or site, or several devices that are alike: `names` are theirs."""

    id: str
    names: tuple[str, ...]
    kind: str
    title: str
    site: str
    is_site: bool
    is_asked: bool = False

    @property
    def count(self) -> int:
        """How many it stands for."""
        return len(self.names)

    @property
    def head(self) -> str:
        """The line in large: an id, or `10 Streetlight`."""
        return self.id if self.count == 1 else f"{self.count} {self.kind}"

    @property
    def tail(self) -> str:
        """The line in small: what it is and where, or the first and the last of many."""
        if self.count > 1:
            return f"{self.names[0]} … {self.names[-1]}"
        return " · ".join(filter(None, [self.kind, self.site]))


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes and edges `(type, upper, lower)` between them; `start` is the box of the one that was asked for."""

    district: str
    title: str
    boxes: Mapping[str, Box]
    edges: tuple[Edge, ...]
    start: str = ""
    lower: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    upper: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)


def picture(part: Part, *, fold: bool = True) -> Picture:
    """Return what to draw; with `fold` equal devices beyond `MOST_ALIKE` are one box."""
    edges = _telling(part)
    groups = _alike(part, edges) if fold else {}
    owner = {name: names[0] for names in groups.values() for name in names}
    boxes: dict[str, Box] = {}
    for name in part.names:
        head = owner.get(name, name)
        if head not in boxes:
            boxes[head] = _box(part, head, groups.get(head, (head,)))
    drawn = dict.fromkeys((kind, owner.get(one, one), owner.get(two, two)) for kind, one, two in edges)
    return Picture(
        part.district.id,
        part.district.name,
        boxes,
        tuple(drawn),
        part.of,
        _by(drawn, 1, 2),
        _by(drawn, 2, 1),
    )


def _telling(part: Part) -> list[Edge]:
    """Leave out where something stands when another edge says where it belongs.

    That is one from above, unless what is above was asked for, or one to a place that it stands in: a tank feeds the
    building around it.
    """
    led = {two for kind, _, two in part.edges if kind != PLACED}
    up = {part.of, *part.above} if part.above else set()
    serves = {(one, two) for kind, one, two in part.edges if kind != PLACED}
    around = part.district.graph.places_of
    return [
        (kind, one, two)
        for kind, one, two in part.edges
        if kind != PLACED
        or ((two not in led or two in up) and not any((two, site) in serves for site in (one, *around(one))))
    ]


def _alike(part: Part, edges: Iterable[Edge]) -> dict[str, tuple[str, ...]]:
    """Return groups of devices of one kind with the same neighbours, by their first."""
    around: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for kind, one, two in edges:
        around[one].append((kind, "", two))
        around[two].append((kind, one, ""))
    groups: dict[tuple[object, ...], list[str]] = defaultdict(list)
    drawn = set(part.names) - {part.of}
    for name, device in part.district.devices.items():
        if name in drawn:
            groups[device.kind, frozenset(around[name])].append(name)
    return {names[0]: tuple(names) for names in groups.values() if len(names) > MOST_ALIKE}


def _box(part: Part, name: str, names: tuple[str, ...]) -> Box:
    said = described(part, name)
    is_site = said["is"] == "site"
    return Box(name, names, said["kind"], said["name"], said["site"], is_site, name == part.of)


def _by(edges: Iterable[Edge], key: int, value: int) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for edge in edges:
        found[edge[key]].append((edge[0], edge[value]))
    return dict(found)
