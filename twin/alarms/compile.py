"""One rule as written to one rule as the engine uses it: its condition for each device or site that it is about."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from twin.alarms.limits import limits_in
from twin.alarms.rule import Frozen, Holds, InStates, Rule, Silent, Subject
from twin.alarms.select import owners_of
from twin.alarms.words import OF_ADVICE, OF_LINKS, PLACEHOLDERS, placeholders
from twin.model import units
from twin.model.amount import parse_amount
from twin.model.quantities import Aggregation
from twin.model.source import suggest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twin.alarms.rule import Condition
    from twin.alarms.spec import RuleSpec
    from twin.expressions.checked import Checked
    from twin.model.district import Point
    from twin.model.ground import Ground
    from twin.model.source import Faults, Place

HOLD_S = 3.0
SETTLE_S = 10.0

_EVERYTHING = (-math.inf, math.inf)
_LIMITS = ("above", "below")
_CONDITIONS = (*_LIMITS, "states", "when", "frozen", "silent")
_BELONGS = {
    # A key that only some conditions have, and the keys that it goes with.
    "point": (*_LIMITS, "states", "frozen"),
    "value": _LIMITS,
    "hysteresis": _LIMITS,
    "exempt": ("frozen",),
}
_SHOWN = {"states": "is", "exempt": "except"}
_NEEDS_A_POINT = frozenset({"states", "frozen"})


@dataclass(slots=True)
class RuleCompiler:
    """Compiles one rule; everything that is wrong with it goes among the faults."""

    spec: RuleSpec
    place: Place
    ground: Ground
    faults: Faults
    _known: dict[object, Condition | None] = field(default_factory=dict)

    def rule(self) -> Rule | None:
        """Return the rule without what it explains, None with what is wrong with it added."""
        before = len(self.faults)
        kind = self._kind()
        self._check_texts()
        owners = owners_of(self.spec, self.place, self.ground, self.faults)
        subjects = self._subjects(owners, kind) if kind and owners else []
        if len(self.faults) > before or not subjects:
            return None
        spec = self.spec
        return Rule(
            id=spec.id,
            subjects=tuple(subjects),
            on_delay_s=spec.on_delay,
            off_delay_s=spec.off_delay,
            priority=spec.priority,
            text=spec.text,
            advice=spec.advice,
            dashboard=spec.dashboard,
            needs_ack=spec.needs_ack,
            escalate_s=spec.escalate,
            hold_s=HOLD_S if spec.hold is None else spec.hold,
            settle_s=max(spec.on_delay, SETTLE_S) if spec.settle is None else spec.settle,
            file=self.place.file,
            line=self.place.line,
        )

    # --- what goes together ---------------------------------------------------------------------------------

    def _kind(self) -> str:
        """Return the key of the only condition, `above` standing for both limits; empty with a fault."""
        given = [key for key in _CONDITIONS if getattr(self.spec, key) is not None]
        kinds = list(dict.fromkeys("above" if key in _LIMITS else key for key in given))
        if len(kinds) != 1:
            found = " and ".join(_SHOWN.get(key, key) for key in given) or "none"
            words = "one of above/below, is, when, frozen and silent makes a condition"
            self.faults.add(self.place, f"exactly {words}, found {found}")
            return ""
        before = len(self.faults)
        self._check_keys(given)
        return kinds[0] if len(self.faults) == before else ""

    def _check_keys(self, given: Sequence[str]) -> None:
        spec = self.spec
        for key, wanted in _BELONGS.items():
            if getattr(spec, key) is not None and not set(given) & set(wanted):
                names = ", ".join(f"`{_SHOWN.get(one, one)}`" for one in wanted)
                self.faults.add(self.place.at(_SHOWN.get(key, key)), f"goes only with {names}")
        if set(given) & set(_LIMITS) and (spec.point is None) == (spec.value is None):
            words = "limits are for a `point` or for the `value` of an expression"
            self.faults.add(self.place, f"{words}, found {'none' if spec.point is None else 'both'}")
        if set(given) & _NEEDS_A_POINT and spec.point is None:
            self.faults.add(
                self.place, f"`{_SHOWN.get(given[0], given[0])}` needs the `point` that is watched"
            )

    def _check_texts(self) -> None:
        for key, known in (("text", PLACEHOLDERS), ("advice", OF_ADVICE), ("dashboard", OF_LINKS)):
            check_placeholders(getattr(self.spec, key), known, self.place.at(key), self.faults)

    # --- the condition of each ------------------------------------------------------------------------------

    def _subjects(self, owners: Sequence[str], kind: str) -> list[Subject]:
        if kind == "silent":
            return self._silent(owners)
        if kind == "when" or self.spec.value is not None:
            return self._expressions(owners)
        return self._points(owners, kind)

    def _silent(self, owners: Sequence[str]) -> list[Subject]:
        found = []
        for owner in owners:
            device = self.ground.devices.get(owner)
            if device is None:
                key = "on" if self.spec.on else "for"
                self.faults.add(self.place.at(key), f"{owner} is a site: only devices fall silent")
            elif not any(point.readable for point in device.points.values()):
                self.faults.add(
                    self.place.at("silent"), f"{owner} has no point that is read, it is always silent"
                )
            else:
                found.append(self._subject(owner, Silent(self.spec.silent or 0.0)))
        return found

    def _points(self, owners: Sequence[str], kind: str) -> list[Subject]:
        name = (self.spec.point or "").rpartition("/")[2]
        points = [(owner, self.ground.point(owner, name)) for owner in owners]
        if missing := [owner for owner, point in points if point is None]:
            self._missing(missing, len(owners), name)
            return []
        found = []
        for owner, point in points:
            condition = self._of_point(point, kind) if point else None
            if point is None or condition is None:
                return []
            found.append(self._subject(owner, condition, point))
        return found

    def _missing(self, missing: Sequence[str], total: int, name: str) -> None:
        words = self.ground.no_point(missing[0], name)
        if total > 1:
            words = f"{len(missing)} of {total} have no such point: {words}"
        self.ground.unknown(self.faults, self.place.at("point"), words)

    def _of_point(self, point: Point, kind: str) -> Condition | None:
        """Return the condition for a point; points alike have one condition."""
        key = (point.quantity.name, point.minimum, point.maximum, tuple(point.states.values()))
        if key not in self._known:
            self._known[key] = self._condition(point, kind)
        return self._known[key]

    def _condition(self, point: Point, kind: str) -> Condition | None:
        if kind == "frozen":
            return self._frozen(point)
        is_state = point.quantity.aggregation is Aggregation.STATE
        if is_state != (kind == "states"):
            key = "is" if kind == "states" else "above" if self.spec.above else "below"
            words = "is a state: use `is`" if is_state else "has no states: use above or below"
            self.faults.add(self.place.at(key), f"{point.name} ({point.quantity.name}) {words}")
            return None
        if is_state:
            return self._in_states(point)
        plausible = (point.minimum, point.maximum)
        return limits_in(self.spec, point.quantity.unit, plausible, self.place, self.faults)

    def _in_states(self, point: Point) -> InStates | None:
        known = list(dict.fromkeys(point.states.values()))
        unknown = [name for name in self.spec.states or () if name not in known]
        for name in unknown:
            words = f"{point.name} has no state {name!r}, only {', '.join(known)}{suggest(name, known)}"
            self.faults.add(self.place.at("is"), words)
        return None if unknown else InStates(self.spec.states or ())

    def _frozen(self, point: Point) -> Frozen | None:
        before = len(self.faults)
        exempt = tuple(self._exempt(point, value) for value in self.spec.exempt or ())
        return Frozen(self.spec.frozen or 0.0, exempt) if len(self.faults) == before else None

    def _exempt(self, point: Point, value: float | str) -> float | str:
        if point.states:
            known = list(dict.fromkeys(point.states.values()))
            if value not in known:
                words = f"{point.name} has no state {value!r}, only {', '.join(known)}{suggest(str(value), known)}"
                self.faults.add(self.place.at("except"), words)
            return value
        try:
            return parse_amount(value).in_unit(point.quantity.unit)
        except units.UnitError as error:
            self.faults.add(self.place.at("except"), error.reason)
        except ValueError as error:
            self.faults.add(self.place.at("except"), str(error))
        return math.nan

    def _expressions(self, owners: Sequence[str]) -> list[Subject]:
        from twin.alarms.formula import compiled

        found = []
        for owner in owners:
            checked = compiled(self.spec, owner, self.place, self.ground, self.faults)
            if checked is None:
                # What is wrong with one is wrong with its neighbours.
                return []
            condition = self._of_expression()
            if condition is None:
                return []
            found.append(self._subject(owner, condition, expression=checked))
        return found

    def _of_expression(self) -> Condition | None:
        if self.spec.when is not None:
            return Holds()
        limit = self.spec.above or self.spec.below
        unit = (limit.unit if limit else None) or "1"
        return limits_in(self.spec, unit, _EVERYTHING, self.place, self.faults)

    def _subject(
        self, owner: str, condition: Condition, point: Point | None = None, expression: Checked | None = None
    ) -> Subject:
        device, sites = self.ground.devices.get(owner), self.ground.sites
        name, site = (device.name, device.site) if device else (sites[owner].name or owner, owner)
        where = sites[site].name if site in sites else ""
        return Subject(owner, name, site, condition, point, expression, where or site)


def check_placeholders(text: str, known: Sequence[str], place: Place, faults: Faults) -> None:
    """Add a fault for each name in braces that stands for nothing."""
    for name in placeholders(text):
        if name not in known:
            words = f"nothing is called {{{name}}} here, only {', '.join(f'{{{one}}}' for one in known)}"
            faults.add(place, words + suggest(name, known))
