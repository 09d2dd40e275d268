"""Relations as written: whether their ends fit their type, none is written twice, and none goes round in a ring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from twin.model.graph import UPWARDS
from twin.model.source import Faults, Place, suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from twin.model.spec import RelationSpec

    Written = tuple[Place, RelationSpec]

VERBS: Mapping[str, str] = {
    "feeds": "feeds",
    "controls": "controls",
    "measures": "measures",
    "part_of": "is part of",
    "located_in": "is located in",
}
WITHIN = "lies within"
_FAMILIES = (("feeds",), ("controls",), ("measures",), ("part_of", "located_in"))
_MOST_NAMED = 12


@dataclass(frozen=True, slots=True)
class Ends:
    """What relations may name. `within` leads from a site to the one around it, `stands` from a device to its site.

    Unless `complete`, there are devices that could not be read, and no name is called unknown.
    """

    sites: frozenset[str]
    devices: frozenset[str]
    within: Mapping[str, str]
    stands: Mapping[str, str]
    complete: bool


def check_relations(relations: Sequence[Written], known: Ends, faults: Faults) -> None:
    """Add what is wrong with relations that are sound each by itself."""
    sound = [
        (place, relation) for place, relation in relations if _check_ends(place, relation, known, faults)
    ]
    once = [one for one in _unique(sound, faults) if _check_sense(*one, known, faults)]
    for family in _FAMILIES:
        _check_rings([one for one in once if one[1].type in family], known, faults)


def _check_ends(place: Place, relation: RelationSpec, known: Ends, faults: Faults) -> bool:
    """Add what is wrong with the names at the ends; whether nothing is."""
    before = len(faults)
    if relation.source == relation.target:
        faults.add(place.at("to"), f"{relation.target!r} stands at both ends")
    for key, end in (("from", relation.source), ("to", relation.target)):
        if end in known.sites and end in known.devices:
            faults.add(place.at(key), f"{end!r} is both a device and a site, rename one of them")
        elif end not in known.sites and end not in known.devices and known.complete:
            near = suggest(end, known.sites | known.devices)
            faults.add(place.at(key), f"there is no device or site {end!r}{near}")
    return len(faults) == before


def _unique(relations: Iterable[Written], faults: Faults) -> Iterator[Written]:
    first: dict[tuple[str, str, str], Place] = {}
    for place, relation in relations:
        other = first.setdefault((relation.type, relation.source, relation.target), place)
        if other is place:
            yield place, relation
        else:
            words = f"{_said(relation)} is written twice, it stands first in line {other.line}"
            faults.add(place.at("type"), words)


def _check_sense(place: Place, relation: RelationSpec, known: Ends, faults: Faults) -> bool:
    """Add what no device or site can do; whether there is nothing of the kind."""
    before = len(faults)
    source, target = relation.source, relation.target
    if relation.type in {"measures", "controls"} and source in known.sites:
        verb = relation.type.removesuffix("s")
        faults.add(
            place.at("from"), f"{source!r} is a site and cannot {verb} anything: name the device that does"
        )
    if relation.type == "located_in" and target in known.devices:
        words = f"{target!r} is a device, things are located in sites: write part_of, or name its site"
        faults.add(place.at("to"), words)
    elif relation.type == "located_in" and not _fits(source, target, known):
        words = f"{source!r} stands in {known.stands[source]!r}, which lies apart from {target!r}"
        faults.add(place.at("to"), words)
    if relation.type == "part_of" and source in known.sites and target in known.devices:
        faults.add(place.at("to"), f"{source!r} is a site and cannot be part of the device {target!r}")
    return len(faults) == before


def _fits(device: str, site: str, known: Ends) -> bool:
    """Whether a further place of a device does not contradict where it stands: one lies in the other."""
    stands = known.stands.get(device)
    if stands is None or not {stands, site} <= known.sites:
        return True
    return site in _around(stands, known.within) or stands in _around(site, known.within)


def _around(site: str, within: Mapping[str, str]) -> set[str]:
    """Return a site and those around it."""
    found: set[str] = set()
    here: str | None = site
    while here is not None and here not in found:
        found.add(here)
        here = within.get(here)
    return found


def _check_rings(relations: Sequence[Written], known: Ends, faults: Faults) -> None:
    """Add each ring, at the relation of it that stands last in the file."""
    steps: dict[str, list[tuple[str, str, Written | None]]] = {}
    for place, relation in relations:
        # Upwards, as people say it: a part is part of its whole, a lamp is located in its street.
        step = (relation.target, VERBS[relation.type], (place, relation))
        steps.setdefault(relation.source, []).append(step)
    if any(relation.type in UPWARDS for _, relation in relations):
        for site, outer in known.within.items():
            steps.setdefault(site, []).append((outer, WITHIN, None))
    for ring in _rings(steps):
        written = [step[2] for step in ring if step[2] is not None]
        if not written:
            # Sites that lie within each other: said where they are written.
            continue
        place, relation = max(written, key=lambda one: one[0].line)
        words = f"{relation.type} goes round in a ring: {_round(ring)}"
        faults.add(place.at("to"), words)


def _rings(
    steps: Mapping[str, Sequence[tuple[str, str, Written | None]]],
) -> Iterator[list[tuple[str, str, Written | None]]]:
    """Yield the rings that a walk in the order of the file closes; without them there is none left."""
    done: set[str] = set()
    for start in steps:
        if start in done:
            continue
        path, position = [start], {start: 0}
        taken: list[tuple[str, str, Written | None]] = []
        waiting = [iter(steps.get(start, ()))]
        while waiting:
            step = next(waiting[-1], None)
            if step is None:
                waiting.pop()
                done.add(path[-1])
                del position[path.pop()]
                if taken:
                    taken.pop()
            elif step[0] in position:
                yield [*taken[position[step[0]] :], step]
            elif step[0] not in done:
                position[step[0]] = len(path)
                path.append(step[0])
                taken.append(step)
                waiting.append(iter(steps.get(step[0], ())))


def _round(ring: Sequence[tuple[str, str, Written | None]]) -> str:
    """Return `a feeds b feeds a`."""
    start = ring[-1][0]
    said = [f"{verb} {name}" for name, verb, _ in ring]
    if (more := len(said) - _MOST_NAMED) > 0:
        said[_MOST_NAMED // 2 : -_MOST_NAMED // 2] = [f"… ({more} more) …"]
    return " ".join([start, *said])


def _said(relation: RelationSpec) -> str:
    return f"{relation.source} {VERBS[relation.type]} {relation.target}"
