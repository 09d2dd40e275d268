"""What a district has that a dashboard can show: its points by quantity, its sites, the limits of its alarm rules.

Made once for a district and asked by every page; all of it is one pass over points and rules, so that five thousand
devices cost little. Points that are only written (commands) give no readings and are not among the points.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twin.alarms.rule import InStates, Limits
from twin.model.computed import COMPUTED, computed_points, owner_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from twin.alarms.rule import Condition, Rule
    from twin.model.district import Device, District, Point
    from twin.model.quantities import Quantity


@dataclass(frozen=True, slots=True)
class Seen:
    """One point that gives readings, of a device or computed (`computed`); `owner` is a device, or a site.

    `owner` and `site` are the tags `device` and `site` of its series. Times are in s, `states` in the order of codes.
    """

    owner: str
    name: str
    point: str
    path: str
    quantity: Quantity
    site: str
    kind: str
    profile: str
    poll_s: float
    heartbeat_s: float
    minimum: float
    maximum: float
    states: tuple[str, ...]
    writable: bool
    computed: bool

    @property
    def every_s(self) -> float:
        """How often it gives a reading at most: each time it is read. At rest it gives one each `heartbeat_s`."""
        return self.poll_s


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between which values no alarm rule speaks, in the unit of the quantity; infinite where there is no limit."""

    below: float
    above: float
    rules: tuple[str, ...]


class Inventory:
    """What one district has."""

    def __init__(self, district: District) -> None:
        self.district = district
        self._by_quantity: dict[str, list[Seen]] = defaultdict(list)
        self._by_path: dict[str, Seen] = {}
        for seen in _all(district):
            self._by_quantity[seen.quantity.name].append(seen)
            self._by_path[seen.path] = seen
        self._by_kind: dict[str, list[Device]] = defaultdict(list)
        for device in district.devices.values():
            self._by_kind[device.kind].append(device)
        self._limits, self._alarming = _watched(district)

    # --- points ---------------------------------------------------------------------------------------------

    def points(
        self,
        *quantities: str,
        kind: str | Collection[str] | None = None,
        point: str | Collection[str] | None = None,
        within: str | None = None,
        computed: bool | None = None,
    ) -> tuple[Seen, ...]:
        """Return the points of these quantities (all when none is named), in the order of the files.

        `kind` is that of device or site, `point` the point's name, `within` a site with all that lies in it;
        `computed` tells those that barrio computes from those of devices.
        """
        inside = None if within is None else set(self.district.graph.within(within))
        fits = (_is_one_of(kind, lambda one: one.kind), _is_one_of(point, lambda one: one.point))
        return tuple(
            seen
            for name in dict.fromkeys(quantities or self._by_quantity)
            for seen in self._by_quantity.get(name, ())
            if all(fit(seen) for fit in fits)
            and (inside is None or seen.site in inside)
            and (computed is None or seen.computed is computed)
        )

    def point(self, path: str) -> Seen | None:
        """Return the point with a path (`district/owner/point`), None when none is read there."""
        return self._by_path.get(path)

    def has(self, *quantities: str) -> bool:
        """Return whether there is a point of any of these quantities."""
        return any(name in self._by_quantity for name in quantities)

    def quantities(self) -> tuple[Quantity, ...]:
        """Return the quantities of all points."""
        return tuple(seen[0].quantity for seen in self._by_quantity.values())

    # --- devices and sites ----------------------------------------------------------------------------------

    @property
    def kinds(self) -> Mapping[str, int]:
        """How many devices there are of each kind."""
        return {kind: len(devices) for kind, devices in self._by_kind.items()}

    def devices(self, *kinds: str) -> tuple[Device, ...]:
        """Return the devices of these kinds, all when none is named."""
        if not kinds:
            return tuple(self.district.devices.values())
        return tuple(device for kind in kinds for device in self._by_kind.get(kind, ()))

    def sites_of(self, points: Iterable[Seen]) -> tuple[str, ...]:
        """Return the ids of the sites at which these points stand, in the order of `district.yaml`."""
        found = {seen.site for seen in points}
        return tuple(site for site in self.district.sites if site in found)

    def site_name(self, site: str) -> str:
        """Return the name of a site for people, after that of the building or quarter around it."""
        spec = self.district.sites.get(site)
        if spec is None:
            return site
        around = self.district.sites.get(spec.within or "")
        outermost = around is None or around.within is None
        return (
            spec.name or site
            if outermost or around is None
            else f"{around.name or around.id} · {spec.name or site}"
        )

    def name_of(self, owner: str) -> str:
        """Return the name of a device or site for people, its id when it has none."""
        device = self.district.devices.get(owner)
        if device is not None:
            return device.name or owner
        return self.site_name(owner)

    # --- alarm rules ----------------------------------------------------------------------------------------

    def limits(self, points: Iterable[Seen]) -> Bounds | None:
        """Return the limits that alarm rules set for points, None where they set none for most of them.

        Where the limits of points differ, those that most of them have are returned.
        """
        chosen = list(points)
        found = Counter(self._limits[one.path] for one in chosen if one.path in self._limits)
        bounds, times = found.most_common(1)[0] if found else (None, 0)
        return bounds if times * 2 >= len(chosen) else None

    def alarming(self, points: Iterable[Seen]) -> tuple[str, ...]:
        """Return the states in which an alarm rule calls one of these points an alarm."""
        return tuple(dict.fromkeys(state for one in points for state in self._alarming.get(one.path, ())))

    def rules(self, owners: Collection[str]) -> Iterator[tuple[Rule, Condition]]:
        """Yield the rules that are about one of these devices or sites, each once, with the condition for it."""
        book = self.district.alarms
        for rule in book.rules if book else ():
            subject = next((one for one in rule.subjects if one.owner in owners), None)
            if subject is not None:
                yield rule, subject.condition


def _all(district: District) -> Iterator[Seen]:
    for device, point in district.points():
        if point.readable:
            yield _seen(device, point)
    for owner, point in computed_points(district):
        yield _seen(owner_of(district, owner), point, computed=True)


def _seen(owner: Device, point: Point, *, computed: bool = False) -> Seen:
    return Seen(
        owner=owner.id,
        name=owner.name or owner.id,
        point=point.name,
        path=point.path,
        quantity=point.quantity,
        site=owner.site,
        kind=owner.kind,
        profile=owner.profile,
        poll_s=point.heartbeat_s if computed and owner.profile == COMPUTED else owner.poll_s,
        heartbeat_s=point.heartbeat_s,
        minimum=point.minimum,
        maximum=point.maximum,
        states=tuple(dict.fromkeys(point.states.values())),
        writable=point.writable,
        computed=computed,
    )


def _is_one_of(wanted: str | Collection[str] | None, of: Callable[[Seen], str]) -> Callable[[Seen], bool]:
    if wanted is None:
        return lambda _: True
    names = frozenset((wanted,) if isinstance(wanted, str) else wanted)
    return lambda seen: of(seen) in names


def _watched(district: District) -> tuple[dict[str, Bounds], dict[str, tuple[str, ...]]]:
    """Return the bounds of each point that has limits, and the states that are alarms, by path.

    Of several rules for one point the narrower limits count: there the first alarm begins.
    """
    bounds: dict[str, Bounds] = {}
    states: dict[str, tuple[str, ...]] = {}
    for rule in district.alarms.rules if district.alarms else ():
        for subject in rule.subjects:
            if subject.point is None:
                continue
            path, condition = subject.point.path, subject.condition
            if isinstance(condition, Limits):
                bounds[path] = _narrower(bounds.get(path), condition, rule.id)
            elif isinstance(condition, InStates):
                states[path] = (*states.get(path, ()), *condition.states)
    return bounds, states


def _narrower(known: Bounds | None, limits: Limits, rule: str) -> Bounds:
    if known is None:
        return Bounds(limits.below, limits.above, (rule,))
    return Bounds(max(known.below, limits.below), min(known.above, limits.above), (*known.rules, rule))
