"""The registers of a district with their rules, bound to the ids that the data folder keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.intervals.meters import Beside, Meters, SumCheck
from twin.intervals.plan import IntervalPlan
from twin.intervals.register import is_register, register_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from barrio.assembly import Catalogue
    from twin.intervals.rules import Rules
    from twin.model.bound import BoundPoint
    from twin.model.district import District

FLOWS: Mapping[str, tuple[str, float]] = {
    "active_energy_import": ("active_power", 0.001),
    "thermal_energy": ("thermal_power", 0.001),
    "lamp_energy": ("lamp_power", 0.001),
    "pv_energy": ("pv_power", 0.001),
    "ev_charger_energy": ("ev_charger_power", 0.001),
    "water_meter_volume": ("water_flow", 1.0),
    "gas_meter_volume": ("gas_flow", 1.0),
}
"""Quantity of a register, the quantity beside it that tells whether something flows, and its unit in that per hour."""


def meters_of(district: District, catalogue: Catalogue) -> Meters:
    """Return the registers of a district, those that are read and those that are computed."""
    plan = district.intervals or IntervalPlan()
    mine = [one for one in catalogue.points.values() if catalogue.owners[one.id].district == district.id]
    found = {one.id: one for one in mine if one.point.readable and is_register(one)}
    rules = {one.id: plan.rules[one.point.path] for one in found.values() if one.point.path in plan.rules}
    by_path = {one.point.path: one for one in mine}
    return Meters(
        district.id,
        district.zone,
        {one.id: register_of(one, _rules(rules, one, plan).decimals) for one in found.values()},
        rules,
        plan.usual,
        dict(_beside(found.values(), rules, plan, by_path)),
        tuple(
            SumCheck(by_path[one.main].id, tuple(by_path[part].id for part in one.parts), one.tolerance)
            for one in plan.sums
        ),
        plan.holidays,
    )


def _rules(rules: Mapping[int, Rules], item: BoundPoint, plan: IntervalPlan) -> Rules:
    return rules.get(item.id, plan.usual)


def _beside(
    found: Iterable[BoundPoint],
    rules: Mapping[int, Rules],
    plan: IntervalPlan,
    by_path: Mapping[str, BoundPoint],
) -> Iterator[tuple[int, Beside]]:
    """Yield the point beside each register that has one: the one that its rules name, or the usual one if single."""
    by_owner: dict[str, list[BoundPoint]] = {}
    for item in by_path.values():
        by_owner.setdefault(item.point.path.rpartition("/")[0], []).append(item)
    for item in found:
        flow, factor = FLOWS.get(item.point.quantity.name, ("", 1.0))
        others = by_owner[item.point.path.rpartition("/")[0]]
        named = _rules(rules, item, plan).beside
        fitting = [
            one for one in others if (one.point.name == named if named else one.point.quantity.name == flow)
        ]
        if len(fitting) == 1:
            usual = FLOWS.get(item.point.quantity.name)
            same = usual is not None and fitting[0].point.quantity.name == usual[0]
            yield item.id, Beside(fitting[0].id, factor if same else 1.0)
