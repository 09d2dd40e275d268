"""The part of a district's graph that somebody asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from barrio.errors import AskError, UnknownName
from twin.model.graph import ALL_TYPES
from twin.model.source import suggest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from barrio.graph.seen import Shown
    from twin.model.district import District

Direction = Literal["both", "up", "down"]
PLACED = "located_in"


@dataclass(frozen=True, slots=True)
class Part:
    """Devices and sites of one district, and what leads from one to another of them.

    `edges` are `(type, upper, lower)`; `above` and `below` are those of `of`, nearest first, empty without one.
    """

    district: District
    of: str
    names: tuple[str, ...]
    edges: tuple[tuple[str, str, str], ...]
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    shown: Shown | None = None


def understood(through: str | None) -> tuple[str, ...]:
    """Return the types of relations that `feeds,controls` names, all when left out; AskError for others."""
    if through is None:
        return ALL_TYPES
    asked = [word.strip() for word in through.split(",") if word.strip()]
    for word in asked:
        if word not in ALL_TYPES:
            raise AskError("through", f"{word!r} is none of {', '.join(ALL_TYPES)}{suggest(word, ALL_TYPES)}")
    if not asked:
        raise AskError("through", f"names no relation: {', '.join(ALL_TYPES)}")
    return tuple(asked)


def direction_of(text: str) -> Direction:
    """Return a direction; AskError when it is none."""
    known: Mapping[str, Direction] = {"both": "both", "up": "up", "down": "down"}
    if text not in known:
        raise AskError("direction", f"{text!r} is none of {', '.join(known)}{suggest(text, list(known))}")
    return known[text]


def parts(
    districts: Sequence[District],
    of: str | None,
    direction: Direction,
    types: Sequence[str],
    shown: Shown | None = None,
) -> list[Part]:
    """Return the whole of each district, or what hangs above and below `of`, an id or district/id.

    With `shown` only what is: the rest is as if it was not there. Raises `UnknownName` when nothing has that name, and
    AskError when several districts have it.
    """
    if of is None:
        found = [whole(one, types) for one in districts if shown is None or shown.district(one)]
    else:
        found = [around(*_found(districts, of, shown), direction, types)]
    return found if shown is None else [_only(part, shown) for part in found]


def whole(district: District, types: Sequence[str]) -> Part:
    """Return all devices and sites of a district."""
    names = (*district.sites, *district.devices)
    return Part(district, "", names, tuple(district.graph.edges(types)))


def around(district: District, of: str, direction: Direction, types: Sequence[str]) -> Part:
    """Return one device or site with what hangs above or below it."""
    graph = district.graph
    below = graph.below(of, types) if direction != "up" else []
    above = graph.above(of, types) if direction != "down" else []
    passed = _passed(district, of, above, types)
    names = tuple(dict.fromkeys([*reversed(above), *passed, of, *below]))
    known = set(names)
    # What stands in a site that is reached is reached; what stands in the asked one only where places are asked for.
    edges = tuple(
        edge
        for edge in graph.edges((*types, PLACED))
        if known.issuperset(edge[1:]) and (edge[0] != PLACED or edge[1] != of or PLACED in types)
    )
    return Part(district, of, names, edges, tuple(above), tuple(below))


def _passed(district: District, of: str, above: Sequence[str], types: Sequence[str]) -> list[str]:
    """Return the sites through which what hangs above comes down, where they are not above by themselves."""
    if PLACED in types:
        return []
    upper: dict[str, set[str]] = {}
    for _, one, two in district.graph.edges((*types, PLACED)):
        upper.setdefault(two, set()).add(one)
    around = (site for name in (of, *above) for site in district.graph.places_of(name))
    sites = [site for site in dict.fromkeys(around) if site not in above and site != of]
    found = set(above)
    # From the outside to the inside: a site belongs here when something here reaches it.
    while reached := [site for site in sites if site not in found and upper.get(site, set()) & found]:
        found.update(reached)
    return [site for site in sites if site in found]


def _only(part: Part, shown: Shown) -> Part:
    """Return a part without what is not shown, and without the edges that lead there."""
    known = {name for name in part.names if shown.node(part.district, name)}

    def kept(names: Sequence[str]) -> tuple[str, ...]:
        return tuple(name for name in names if name in known)

    return Part(
        part.district,
        part.of,
        kept(part.names),
        tuple(edge for edge in part.edges if known.issuperset(edge[1:])),
        kept(part.above),
        kept(part.below),
        shown,
    )


def _found(districts: Sequence[District], of: str, shown: Shown | None) -> tuple[District, str]:
    head, slash, tail = of.partition("/")
    among = [one for one in districts if one.id == head] if slash else districts
    name = tail if slash else of
    found = [
        one
        for one in among
        if (name in one.devices or name in one.sites) and (shown is None or shown.node(one, name))
    ]
    if len(found) > 1:
        words = f"{of!r} is in {' and in '.join(one.id for one in found)}: say {found[0].id}/{of}"
        raise AskError("of", words)
    if not found:
        known = [
            one
            for district in among
            for one in (*district.devices, *district.sites)
            if shown is None or shown.node(district, one)
        ]
        raise UnknownName(f"there is no device or site {of!r}{suggest(name, known)}")
    return found[0], name


def described(part: Part, name: str) -> Mapping[str, str]:
    """Return what is said of a device or site: `is`, `kind`, `name`, `site` (where it stands; empty for none)."""
    device = part.district.devices.get(name)
    if device is not None:
        return {"is": "device", "kind": device.kind, "name": device.name, "site": device.site}
    site = part.district.sites[name]
    around = site.within or ""
    if part.shown is not None and not part.shown.node(part.district, around):
        around = ""
    return {"is": "site", "kind": site.kind, "name": site.name or site.id, "site": around}
