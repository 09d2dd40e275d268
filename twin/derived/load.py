"""`derived.yaml` to derived points, or to every fault in it.

First every item gives its points, so that expressions may name those of later items; then the expressions are checked
in the order of the file, a selection seeing only derived points of items before its own; then rings are looked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twin.derived.order import levels
from twin.derived.point import Derived, Nowhere
from twin.derived.spec import DerivedFileSpec, DerivedSpec
from twin.expressions.checked import ExpressionError, Kind, check_text
from twin.expressions.scope import Scope
from twin.model.catalogue import CATALOGUE
from twin.model.district import Point
from twin.model.quantities import Aggregation
from twin.model.selection import known, selected
from twin.model.source import Place, suggest
from twin.model.validation import validate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from twin.expressions.checked import Checked
    from twin.model.ground import Ground
    from twin.model.quantities import Quantity
    from twin.model.source import Faults, Source

_NOWHERE = Nowhere()
MOST = 100_000
"""The most derived points of a district."""


def load(source: Source, ground: Ground, faults: Faults) -> tuple[Derived, ...]:
    """Return the derived points of a district in the order of the file; what is wrong goes to `faults`."""
    shell = source.data
    if isinstance(shell, dict):
        shell = {key: [] if isinstance(value, list) else value for key, value in shell.items()}
    validate(DerivedFileSpec, {} if shell is None else shell, Place(source, ()), faults)
    places = [(Place(source, where), raw) for where, raw in source.listed("derived")]
    items = [item for place, raw in places if (item := _item(raw, place, faults)) is not None]
    # What a faulty item was to give is not called unknown where others name it.
    ground.complete &= len(items) == len(places)
    return _Loading(ground, faults).derived(items)


@dataclass(frozen=True, slots=True)
class _Item:
    spec: DerivedSpec
    place: Place
    quantity: Quantity


def _item(raw: object, place: Place, faults: Faults) -> _Item | None:
    spec = validate(DerivedSpec, raw, place, faults)
    quantity = _quantity(spec, place, faults) if spec else None
    return _Item(spec, place, quantity) if spec and quantity else None


@dataclass(frozen=True, slots=True)
class _Loading:
    ground: Ground
    faults: Faults

    def derived(self, items: Iterable[_Item]) -> tuple[Derived, ...]:
        points = [(item, self._points(item)) for item in items]
        later = {point.path for _, added in points for _, point in added}
        if len(later) > MOST:
            place = Place(points[0][0].place.source, ("derived",))
            self.faults.add(place, f"there are {len(later):,} derived points, the most is {MOST:,}")
            return ()
        found: list[Derived] = []
        for item, added in points:
            found += self._expressions(item, added, later)
            later.difference_update(point.path for _, point in added)
        self._rings(found, {point.path: item.place for item, added in points for _, point in added})
        return tuple(found)

    def _points(self, item: _Item) -> list[tuple[str, Point]]:
        """Add an item's points to the ground, up to the first owner that has such a point already."""
        limits = _limits(item, self.faults)
        added = []
        for owner in self._owners(item) if limits else ():
            if self.ground.point(owner, item.spec.point) is not None:
                words = f"{owner} has a point {item.spec.point!r} already"
                self.faults.add(item.place.at("point"), words)
                break
            point = self._point(item, owner, limits or (-math.inf, math.inf))
            self.ground.added.setdefault(owner, {})[point.name] = point
            added.append((owner, point))
        return added

    def _owners(self, item: _Item) -> list[str]:
        if item.spec.each is not None:
            return selected(item.spec.each, self.ground, item.place.at("for"), self.faults)
        return known(item.spec.on or "", self.ground, item.place.at("on"), self.faults)

    def _point(self, item: _Item, owner: str, limits: tuple[float, float]) -> Point:
        spec = item.spec
        return Point(
            path=f"{self.ground.id}/{owner}/{spec.point}",
            name=spec.point,
            quantity=item.quantity,
            address=_NOWHERE,
            scale=1.0,
            offset=0.0,
            minimum=limits[0],
            maximum=limits[1],
            wraps_at=None,
            dead_band=spec.dead_band,
            heartbeat_s=spec.heartbeat,
            silent_after_s=math.inf,
            states=item.quantity.states_by_default,
            writable=False,
            description=spec.description,
            file=item.place.file,
            line=item.place.line,
        )

    def _expressions(
        self, item: _Item, added: Iterable[tuple[str, Point]], later: set[str]
    ) -> Iterable[Derived]:
        """Yield an item's points with their expressions, up to the first that is faulty: its neighbours are alike."""
        require = math.nan if item.spec.require is None else item.spec.require
        for owner, point in added:
            try:
                checked = check_text(item.spec.expression, Scope(self.ground, owner, later))
                yield Derived(owner, point, _fitted(checked, item), require)
            except ExpressionError as error:
                words = str(error) if item.spec.each is None else f"{error} (on {owner})"
                if error.unknown:
                    self.ground.unknown(self.faults, item.place.at("is"), words)
                else:
                    self.faults.add(item.place.at("is"), words)
                return

    def _rings(self, found: Iterable[Derived], places: Mapping[str, Place]) -> None:
        """Add a fault for each ring of points; those of devices alike are told once."""
        _, rings = levels({one.point.path: one.expression.inputs for one in found})
        told: set[frozenset[int]] = set()
        for ring in rings:
            lines = frozenset(places[path].line for path in ring)
            if lines in told:
                continue
            told.add(lines)
            way = " -> ".join(f"{_short(path)} (line {places[path].line})" for path in (*ring, ring[0]))
            self.faults.add(places[ring[0]].at("is"), f"is computed from itself: {way}")


def _short(path: str) -> str:
    return path.partition("/")[2]


def _quantity(spec: DerivedSpec, place: Place, faults: Faults) -> Quantity | None:
    quantity = CATALOGUE.get(spec.quantity)
    if quantity is None:
        near = suggest(spec.quantity, CATALOGUE) or ": docs/quantities.md lists those that there are"
        faults.add(place.at("quantity"), f"there is no quantity {spec.quantity!r}{near}")
    return quantity


def _limits(item: _Item, faults: Faults) -> tuple[float, float] | None:
    """Return the plausible range of an item's points, None with the fault added when it leaves nothing."""
    spec, quantity = item.spec, item.quantity
    given = {key: getattr(spec, key) for key in ("minimum", "maximum", "dead_band")}
    if quantity.aggregation is Aggregation.STATE:
        wrong = [key for key, value in given.items() if value]
        for key in wrong:
            faults.add(item.place.at(key), f"does not belong here: quantity {quantity.name!r} is a state")
        return None if wrong else (-math.inf, math.inf)
    low = max(quantity.minimum, -math.inf if spec.minimum is None else spec.minimum)
    high = min(quantity.maximum, math.inf if spec.maximum is None else spec.maximum)
    if low >= high:
        words = f"leaves no plausible value: {low:g} to {high:g} {quantity.unit} "
        words += f"(the quantity allows {quantity.minimum:g} to {quantity.maximum:g})"
        faults.add(item.place.at("minimum" if spec.minimum is not None else "maximum"), words)
        return None
    return low, high


def _fitted(checked: Checked, item: _Item) -> Checked:
    """Return an expression as its quantity keeps it; ExpressionError where it gives something else."""
    quantity = item.quantity
    if quantity.aggregation is Aggregation.STATE:
        return _fitted_state(checked, quantity)
    if checked.kind is not Kind.NUMBER:
        hint = ": if(condition, 1, 0) makes a number of it" if checked.kind is Kind.BOOLEAN else ""
        raise ExpressionError(
            f"gives {checked.unit_kind}, and {quantity.name} is a number in {quantity.unit}{hint}"
        )
    if checked.is_difference and quantity.unit in _WITH_ZERO:
        words = f"gives a difference ({checked.unit_kind}), and {quantity.name} counts from a zero"
        raise ExpressionError(words)
    return checked.in_unit(quantity.unit)


_WITH_ZERO = {"K", "Cel", "[degF]", "dB[SPL]", "dB[SPL]{A}", "dB[W]", "dB{mW}"}


def _fitted_state(checked: Checked, quantity: Quantity) -> Checked:
    names = quantity.states
    if checked.kind is not Kind.STATE:
        some = " and ".join(names[:2])
        words = f"gives {checked.unit_kind}, and {quantity.name} is a state: "
        raise ExpressionError(f"{words}if(condition, '{names[-1]}', '{names[0]}') chooses one of {some}")
    unknown = sorted(checked.states - set(names))
    if unknown:
        words = f"{quantity.name} has no state {unknown[0]!r}{suggest(unknown[0], names)}: {', '.join(names)}"
        raise ExpressionError(words)
    return checked
