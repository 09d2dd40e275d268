"""What shows how somebody lives: meters of energy, water and gas, and what is computed from them.

A meter's register tells when people are at home, its power tells what they switch on. So both count, on whatever device
they are, and so does every computed point that comes from one: the sum over one meter is that meter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.model.quantities import Aggregation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from twin.derived.point import Derived
    from twin.model.quantities import Quantity

REGISTER_UNITS = frozenset({"kW.h", "kV.A.h", "kV.A{reactive}.h", "m3"})
RATES = frozenset(
    {
        "active_power",
        "apparent_power",
        "battery_power",
        "current",
        "ev_charger_power",
        "gas_flow",
        "lamp_power",
        "peak_demand",
        "power_factor",
        "pv_power",
        "reactive_power",
        "thd_current",
        "thermal_power",
        "wastewater_flow",
        "water_flow",
    }
)


def is_register(quantity: Quantity) -> bool:
    """Whether a quantity is what a meter counts: energy, water or gas."""
    return quantity.aggregation is Aggregation.COUNTER and quantity.unit in REGISTER_UNITS


def is_metered(quantity: Quantity) -> bool:
    """Whether a quantity shows what is used, all told or at the moment."""
    return is_register(quantity) or quantity.name in RATES


def sources(derived: Iterable[Derived]) -> Mapping[str, frozenset[str]]:
    """Return for each derived point the paths of the points that its value comes from in the end."""
    direct = {one.point.path: one.expression.inputs for one in derived}
    found: dict[str, frozenset[str]] = {}

    def follow(path: str, above: frozenset[str]) -> frozenset[str]:
        if path in found:
            return found[path]
        ends: set[str] = set()
        for one in direct[path]:
            if one in direct and one not in above:
                ends |= follow(one, above | {path})
            elif one not in direct:
                ends.add(one)
        found[path] = frozenset(ends)
        return found[path]

    for path in direct:
        follow(path, frozenset({path}))
    return found
