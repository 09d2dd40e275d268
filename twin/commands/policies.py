"""Rules of `commands.yaml` to policies: the point is there and writable, its limits and states, the interlocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.commands.book import Interlock, Policy
from twin.commands.values import words_of
from twin.model.roles import OPERATOR
from twin.model.selection import Troubles, devices_of
from twin.model.source import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from twin.commands.spec import CommandSpec
    from twin.model.district import Device, Point
    from twin.model.ground import Ground
    from twin.model.source import Faults, Place


class Policies:
    """Collects the policies of a district, each point once."""

    def __init__(self, ground: Ground, roles: Sequence[str], faults: Faults) -> None:
        self.found: dict[str, Policy] = {}
        self._ground = ground
        self._roles = (OPERATOR, *roles)
        self._faults = faults
        self._lines: dict[str, int] = {}

    def add(self, rule: CommandSpec, place: Place) -> None:
        """Add the policies of one rule, or what is wrong with it."""
        if rule.id in self._lines:
            words = f"rule id {rule.id!r} is taken, it stands first in line {self._lines[rule.id]}"
            self._faults.add(place.at("id"), words)
            return
        self._lines[rule.id] = place.line
        for at, role in enumerate(rule.roles):
            if role not in self._roles:
                words = f"there is no role {role!r}{suggest(role, self._roles)}: name it under roles"
                self._faults.add(place.at("roles", at), words)
        troubles = Troubles(place, self._faults)
        checked: set[tuple[str, int]] = set()
        for device in devices_of(rule.on, rule.of, place, self._ground, self._faults):
            policy = self._policy(rule, device, troubles)
            if policy is None:
                continue
            for at in range(len(rule.interlocks)):
                # Devices of one profile have the same points: what compiles for one does for all.
                if (device.profile, at) not in checked:
                    checked.add((device.profile, at))
                    self._check_interlock(policy, at, troubles)
        troubles.say()

    def _policy(self, rule: CommandSpec, device: Device, troubles: Troubles) -> Policy | None:
        point = device.points.get(rule.point)
        wrong = list(_wrong(rule, device, point))
        for key, words in wrong:
            troubles.add((key,), device.id, words)
        if point is None or wrong:
            return None
        other = self.found.get(point.path)
        if other is not None:
            words = f"{rule.point} is already covered by rule {other.rule.id!r} (line {self._lines[other.rule.id]})"
            troubles.add(("point",), device.id, words)
            return None
        minimum, maximum, tolerance = _limits(rule, point)
        policy = Policy(point, device.id, rule, minimum, maximum, tolerance)
        self.found[point.path] = policy
        return policy

    def _check_interlock(self, policy: Policy, at: int, troubles: Troubles) -> None:
        from twin.expressions.checked import ExpressionError

        interlock = policy.rule.interlocks[at]
        for number, state in enumerate(interlock.to):
            if state not in policy.values:
                words = f"{policy.point.name} has no state {state!r}{suggest(state, policy.values)}"
                troubles.add(("interlocks", at, "to", number), policy.owner, words)
        try:
            _compiled(policy, at, self._ground)
        except ExpressionError as error:
            if not error.unknown or self._ground.complete:
                troubles.add(("interlocks", at, "must"), policy.owner, str(error))


def compile_interlocks(policy: Policy, ground: Ground) -> tuple[Interlock, ...]:
    """Return the interlocks of a policy; ExpressionError when one is none, which the loader has excluded."""
    return tuple(_compiled(policy, at, ground) for at in range(len(policy.rule.interlocks)))


def _compiled(policy: Policy, at: int, ground: Ground) -> Interlock:
    from twin.expressions.checked import ExpressionError, Kind, check_text
    from twin.expressions.scope import Scope

    spec = policy.rule.interlocks[at]
    checked = check_text(spec.must, Scope(ground, policy.owner))
    if checked.kind is not Kind.BOOLEAN:
        raise ExpressionError(f"must be true or false, this is {checked.unit_kind}", 0)
    return Interlock(checked, spec.because, spec.to)


def _wrong(rule: CommandSpec, device: Device, point: Point | None) -> Iterator[tuple[str, str]]:
    if point is None:
        near = suggest(rule.point, device.points)
        yield "point", f"profile {device.profile} has no point {rule.point!r}{near}"
        return
    if not point.writable:
        yield "point", f"{point.name} cannot be written: profile {device.profile} does not call it writable"
    if point.states:
        yield from _wrong_states(rule, point)
    else:
        yield from _wrong_numbers(rule, point)


def _wrong_states(rule: CommandSpec, point: Point) -> Iterator[tuple[str, str]]:
    known = list(dict.fromkeys(point.states.values()))
    for key in ("minimum", "maximum"):
        if getattr(rule, key) is not None:
            yield key, f"{point.name} has states, not numbers: narrow it with values"
    for state in rule.values:
        if state not in known:
            yield (
                "values",
                f"{point.name} has no state {state!r}, only {', '.join(known)}{suggest(state, known)}",
            )


def _wrong_numbers(rule: CommandSpec, point: Point) -> Iterator[tuple[str, str]]:
    if rule.values:
        yield "values", f"{point.name} is a number: narrow it with minimum and maximum"
    limits: Mapping[str, float] = {"minimum": point.minimum, "maximum": point.maximum}
    found = dict(limits)
    for key in limits:
        given = getattr(rule, key)
        if given is None:
            continue
        try:
            found[key] = given.in_unit(point.quantity.unit)
        except ValueError as error:
            yield key, str(error)
            continue
        if not point.minimum <= found[key] <= point.maximum:
            span = f"{words_of(point, point.minimum)} to {words_of(point, point.maximum)}"
            yield key, f"{words_of(point, found[key])} lies outside what {point.name} takes: {span}"
    if found["minimum"] > found["maximum"]:
        yield "minimum", f"{words_of(point, found['minimum'])} is above {words_of(point, found['maximum'])}"
    try:
        rule.read_back.tolerance.difference_in(point.quantity.unit)
    except ValueError as error:
        yield "read_back", f"tolerance: {error}"


def _limits(rule: CommandSpec, point: Point) -> tuple[float, float, float]:
    if point.states:
        return point.minimum, point.maximum, 0.0
    unit = point.quantity.unit
    minimum = point.minimum if rule.minimum is None else rule.minimum.in_unit(unit)
    maximum = point.maximum if rule.maximum is None else rule.maximum.in_unit(unit)
    return minimum, maximum, abs(rule.read_back.tolerance.difference_in(unit))
