"""One point of a profile, compiled: checked, its unit and scale folded into one step, its defaults settled."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twin.model import units
from twin.model.catalogue import CATALOGUE
from twin.model.district import Point
from twin.model.quantities import Aggregation
from twin.model.source import suggest
from twin.model.spec import PointSpec
from twin.model.validation import validate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from twin.model.protocol import ProtocolSchema
    from twin.model.quantities import Quantity
    from twin.model.source import Faults, Place
    from twin.model.spec import StateKey

_SHARED_KEYS = frozenset(PointSpec.model_fields)
_KEYS_OF_NUMBERS = ("unit", "scale", "offset", "minimum", "maximum", "wraps_at", "dead_band")
_SILENT_POLLS = 3
_SILENT_AT_LEAST_S = 30.0


@dataclass(frozen=True, slots=True)
class PointCompiler:
    """Compiles the points of one profile; the periods are those of points that do not say their own."""

    schema: ProtocolSchema
    poll_s: float
    heartbeat_s: float
    faults: Faults

    def point(self, name: str, raw: Mapping[str, Any], place: Place) -> Point | None:
        """Return the point with its name for a path, or None with every fault of it added."""
        shared = {key: value for key, value in raw.items() if key in _SHARED_KEYS}
        own = {key: value for key, value in raw.items() if key not in _SHARED_KEYS}
        spec = validate(PointSpec, shared, place, self.faults)
        address = self._address(own, place)
        quantity = self._quantity(spec, place) if spec else None
        if spec is None or address is None or quantity is None:
            return None
        return self._number(name, spec, quantity, address, place)

    def _address(self, own: dict[str, Any], place: Place) -> BaseModel | None:
        keys = [info.alias or name for name, info in self.schema.point_model.model_fields.items()]
        for key in own.keys() - keys:
            self.faults.add(place.at(key), f"unknown key{suggest(key, [*PointSpec.model_fields, *keys])}")
        return validate(
            self.schema.point_model, {key: own[key] for key in own if key in keys}, place, self.faults
        )

    def _quantity(self, spec: PointSpec, place: Place) -> Quantity | None:
        """Return the quantity if the point's keys fit its kind."""
        before = len(self.faults)
        quantity = CATALOGUE.get(spec.quantity)
        if quantity is None:
            near = suggest(spec.quantity, CATALOGUE) or ": docs/quantities.md lists those that there are"
            words = f"there is no quantity {spec.quantity!r}{near}"
            self.faults.add(place.at("quantity"), words)
            return None
        for key in _misplaced(spec, quantity):
            kind = "state" if quantity.aggregation is Aggregation.STATE else quantity.aggregation.value
            in_unit = f" in {quantity.unit}" if quantity.unit else ""
            words = f"does not belong here: quantity {quantity.name!r} is a {kind}{in_unit}"
            self.faults.add(place.at(key), words)
        return quantity if len(self.faults) == before else None

    def _number(
        self, name: str, spec: PointSpec, quantity: Quantity, address: BaseModel, place: Place
    ) -> Point | None:
        before = len(self.faults)
        factor = self._conversion(spec, quantity, place)
        if factor is None:
            return None
        minimum, maximum = self._range(spec, quantity, factor, place)
        poll_s = getattr(address, "poll", None) or self.poll_s
        point = Point(
            path=name,
            name=name,
            quantity=quantity,
            address=address,
            scale=spec.scale * factor.scale,
            offset=spec.offset * factor.scale + factor.offset,
            minimum=minimum,
            maximum=maximum,
            wraps_at=None if spec.wraps_at is None else spec.wraps_at * factor.scale,
            dead_band=spec.dead_band * factor.scale,
            heartbeat_s=spec.heartbeat or self.heartbeat_s,
            silent_after_s=spec.silent_after or usual_silence_s(poll_s),
            states=_states(spec, quantity),
            writable=spec.writable,
            description=spec.description,
            file=place.file,
            line=place.line,
            readable=getattr(address, "readable", True),
        )
        for key in ("scale", "offset", "wraps_at", "dead_band"):
            if not math.isfinite(getattr(point, key) or 0.0):
                self.faults.add(place.at(key), f"is too large to be expressed in {quantity.unit}")
        return point if len(self.faults) == before else None

    def _conversion(self, spec: PointSpec, quantity: Quantity, place: Place) -> units.Conversion | None:
        if quantity.aggregation is Aggregation.STATE:
            return units.Conversion(1.0)
        try:
            return units.conversion(quantity.unit if spec.unit is None else spec.unit, quantity.unit)
        except units.UnitError as error:
            self.faults.add(place.at("unit"), str(error))
            return None

    def _range(
        self, spec: PointSpec, quantity: Quantity, factor: units.Conversion, place: Place
    ) -> tuple[float, float]:
        low, high = quantity.minimum, quantity.maximum
        if spec.minimum is not None:
            low = max(low, factor(spec.minimum))
        if spec.maximum is not None:
            high = min(high, factor(spec.maximum))
        if low >= high:
            words = f"leaves no plausible value: {low:g} to {high:g} {quantity.unit} "
            words += f"(the quantity allows {quantity.minimum:g} to {quantity.maximum:g})"
            self.faults.add(place.at("minimum" if spec.minimum is not None else "maximum"), words)
        return low, high


def usual_silence_s(poll_s: float) -> float:
    """Return for how long a point may be silent, in seconds, where its profile does not say."""
    return max(_SILENT_POLLS * poll_s, _SILENT_AT_LEAST_S)


def _misplaced(spec: PointSpec, quantity: Quantity) -> list[str]:
    """Keys that mean nothing for the kind of the quantity."""
    if quantity.aggregation is Aggregation.STATE:
        return [key for key in _KEYS_OF_NUMBERS if getattr(spec, key) != PointSpec.model_fields[key].default]
    wrong = [] if spec.states is None else ["states"]
    if spec.wraps_at is not None and quantity.aggregation is not Aggregation.COUNTER:
        wrong.append("wraps_at")
    return wrong


def _states(spec: PointSpec, quantity: Quantity) -> dict[StateKey, str]:
    """Codes to names: as written, else the quantity's own."""
    return quantity.states_by_default if spec.states is None else dict(spec.states)
