"""`intervals.yaml` to an `IntervalPlan`, with every fault at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from twin.clock import NS
from twin.intervals.plan import IntervalPlan, MeterChange, SumOf
from twin.intervals.register import is_register_point
from twin.intervals.rules import Rules
from twin.intervals.spec import IntervalsSpec
from twin.model.source import Place, suggest
from twin.model.validation import validate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twin.intervals.spec import MeterChangeSpec, RegisterSpec, SumSpec
    from twin.model.district import Point
    from twin.model.ground import Ground
    from twin.model.source import Faults, Source

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LENGTHS = {"boundary_within": "within", "short_gap": "short", "frozen": "frozen"}
_PLAIN = ("decimals", "high", "low", "spike", "beside")


def load(source: Source, ground: Ground, faults: Faults) -> IntervalPlan | None:
    """Return what a district says of its intervals; what is wrong with it is among the faults."""
    data = {} if source.data is None else source.data
    spec = validate(IntervalsSpec, data, Place(source, ()), faults)
    return None if spec is None else _Loading(ground, source, faults).plan(spec)


@dataclass(frozen=True, slots=True)
class _Loading:
    ground: Ground
    source: Source
    faults: Faults

    def plan(self, spec: IntervalsSpec) -> IntervalPlan:
        usual = Rules(
            within=round(spec.boundary_within * NS),
            short=round(spec.short_gap * NS),
            days=spec.reference.days,
            weeks=spec.reference.weeks,
            settle_after=round(spec.settle_after * NS),
            spike=spec.spike,
            frozen=None if spec.frozen is None else round(spec.frozen * NS),
        )
        rules: dict[str, Rules] = {}
        for number, entry in enumerate(spec.registers):
            for point in self._meant(entry, self._place("registers", number)):
                rules[point.path] = _with(rules.get(point.path, usual), entry)
        return IntervalPlan(
            usual,
            rules,
            tuple(one for number, entry in enumerate(spec.sums) for one in self._sums(entry, number)),
            frozenset(spec.holidays),
            tuple(
                one for number, entry in enumerate(spec.meter_changes) for one in self._change(entry, number)
            ),
        )

    def _place(self, key: str, number: int) -> Place:
        return Place(self.source, (key, number))

    def _meant(self, entry: RegisterSpec, place: Place) -> Iterator[Point]:
        if entry.point is not None:
            found = self._register(entry.point, place.at("point"))
            if found is not None:
                self._check_beside(entry, place)
                yield found
            return
        mine = [one for _, one in self._registers() if one.quantity.name == entry.quantity]
        if not mine:
            known = {one.quantity.name for _, one in self._registers()}
            words = f"no register has the quantity {entry.quantity!r}{suggest(entry.quantity or '', known)}"
            self.ground.unknown(self.faults, place.at("quantity"), words)
        yield from mine

    def _check_beside(self, entry: RegisterSpec, place: Place) -> None:
        owner = (entry.point or "").partition("/")[0]
        if entry.beside is not None and self.ground.point(owner, entry.beside) is None:
            self.ground.unknown(self.faults, place.at("beside"), self.ground.no_point(owner, entry.beside))

    def _registers(self) -> Iterator[tuple[str, Point]]:
        return ((owner, point) for owner, point in self.ground.points() if is_register_point(point))

    def _register(self, name: str, place: Place) -> Point | None:
        owner, _, point = name.partition("/")
        if owner not in self.ground.devices and owner not in self.ground.sites:
            self.ground.unknown(self.faults, place, self.ground.no_owner(owner))
            return None
        found = self.ground.point(owner, point)
        if found is None:
            self.ground.unknown(self.faults, place, self.ground.no_point(owner, point))
            return None
        if not is_register_point(found):
            self.faults.add(place, f"{name} is no register: a counter of energy or of a volume")
            return None
        return found

    def _sums(self, entry: SumSpec, number: int) -> Iterator[SumOf]:
        place = self._place("sums", number)
        if entry.main is not None:
            main = self._register(entry.main, place.at("main"))
            parts = [self._register(one, place.at("parts", at)) for at, one in enumerate(entry.parts)]
            paths = tuple(one.path for one in parts if one is not None)
            if main is not None and len(paths) == len(parts):
                yield SumOf(main.path, paths, entry.tolerance)
            return
        mine = {owner: one.path for owner, one in self._registers() if one.quantity.name == entry.quantity}
        fed: dict[str, list[str]] = {}
        for _, upper, lower in self.ground.graph.edges((entry.relation,)):
            if upper in mine and lower in mine:
                fed.setdefault(upper, []).append(mine[lower])
        yield from (SumOf(mine[owner], tuple(paths), entry.tolerance) for owner, paths in fed.items())
        if not fed:
            words = f"no device {entry.relation} another one, both with a register of {entry.quantity!r}"
            self.ground.unknown(self.faults, place, words)

    def _change(self, entry: MeterChangeSpec, number: int) -> Iterator[MeterChange]:
        place = self._place("meter_changes", number)
        point = self._register(entry.point, place.at("point"))
        if point is None:
            return
        moment = entry.at if entry.at.tzinfo else entry.at.replace(tzinfo=self.ground.zone)
        at = (moment - _EPOCH) // timedelta(microseconds=1) * 1_000
        yield MeterChange(point.path, at, entry.old_last, entry.new_first, entry.who, entry.why)


def _with(rules: Rules, entry: RegisterSpec) -> Rules:
    """Return rules with what an entry says."""
    said: dict[str, object] = {key: getattr(entry, key) for key in _PLAIN if key in entry.model_fields_set}
    for key, name in _LENGTHS.items():
        if key in entry.model_fields_set:
            found = getattr(entry, key)
            if found is not None or key == "frozen":
                said[name] = None if found is None else round(found * NS)
    return replace(rules, **said)  # type: ignore[arg-type] # the names are those of Rules, the types those of the spec
