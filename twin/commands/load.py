"""`commands.yaml` to a `CommandBook`, or to every fault in it at once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from twin.commands.book import CommandBook, Schedule, Stretch
from twin.commands.policies import Policies, compile_interlocks
from twin.commands.spec import WEEKDAYS, CommandSpec, CommandsSpec, ScheduleSpec
from twin.commands.values import understood, words_of
from twin.model.roles import OPERATOR, SCHEDULE
from twin.model.selection import Troubles, devices_of
from twin.model.source import Place
from twin.model.validation import validate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twin.commands.book import Policy
    from twin.model.district import Device
    from twin.model.ground import Ground
    from twin.model.source import Faults, Source
    from twin.model.spec import Location


def load(source: Source, ground: Ground, faults: Faults) -> CommandBook | None:
    """Return the book, None when the file is not even a mapping; its faults are added."""
    head = validate(CommandsSpec, _shell(source.data), Place(source, ()), faults)
    if head is None:
        return None
    for at, role in enumerate(head.roles):
        if role in {OPERATOR, SCHEDULE}:
            faults.add(Place(source, ("roles", at)), f"{role} is there without being named")
    policies = Policies(ground, head.roles, faults)
    for where, raw in source.listed("commands"):
        place = Place(source, where)
        rule = validate(CommandSpec, raw, place, faults)
        if rule is not None:
            policies.add(rule, place)
    programmes = _Programmes(ground, policies.found, faults)
    for where, raw in source.listed("schedules"):
        place = Place(source, where)
        spec = validate(ScheduleSpec, raw, place, faults)
        if spec is not None:
            programmes.add(spec, place)
    compiled = partial(compile_interlocks, ground=ground)
    return CommandBook(head.roles, policies.found, tuple(programmes.found), compiled)


def _shell(data: object) -> object:
    """The file without its rules and programmes, which are checked one by one."""
    if not isinstance(data, dict):
        return data
    listed = ("commands", "schedules")
    return {key: [] if key in listed and isinstance(value, list) else value for key, value in data.items()}


class _Programmes:
    """Collects the programmes of a district."""

    def __init__(self, ground: Ground, policies: Mapping[str, Policy], faults: Faults) -> None:
        self.found: list[Schedule] = []
        self._ground = ground
        self._policies = policies
        self._faults = faults
        self._taken: dict[tuple[str, int], str] = {}

    def add(self, spec: ScheduleSpec, place: Place) -> None:
        if any(other.id == spec.id for other in self.found):
            self._faults.add(place.at("id"), f"schedule id {spec.id!r} is taken")
            return
        troubles = Troubles(place, self._faults)
        stretches: dict[str, tuple[Stretch, ...]] = {}
        places: dict[str, Location] = {}
        shared: dict[tuple[Stretch, ...], tuple[Stretch, ...]] = {}
        for device in devices_of(spec.on, spec.of, place, self._ground, self._faults):
            policy = self._policy(spec, device, troubles)
            found = self._stretches(spec, policy, troubles) if policy else None
            if policy is not None and found is not None and self._is_free(spec, policy, troubles):
                stretches[policy.path] = shared.setdefault(found, found)
                places[policy.path] = self._place_of(device)
        troubles.say()
        days = frozenset(WEEKDAYS.index(day) for day in spec.days)
        self.found.append(Schedule(spec.id, spec.priority, days, stretches, places))

    def _policy(self, spec: ScheduleSpec, device: Device, troubles: Troubles) -> Policy | None:
        """Return the policy of the point that is scheduled, None with the reason among the troubles."""
        point = device.points.get(spec.point)
        policy = self._policies.get(point.path) if point else None
        if policy is None:
            troubles.add(
                ("point",), device.id, f"no rule of commands covers {spec.point}: nothing may write it"
            )
            return None
        if policy.rule.confirm is not None:
            words = f"commands of rule {policy.rule.id!r} are confirmed by a person, which a schedule is not"
            troubles.add(("point",), device.id, words)
            return None
        if spec.priority < policy.rule.strongest:
            words = f"rule {policy.rule.id!r} allows {policy.rule.strongest} (strongest) to 16, found {spec.priority}"
            troubles.add(("priority",), device.id, words)
            return None
        return policy

    def _is_free(self, spec: ScheduleSpec, policy: Policy, troubles: Troubles) -> bool:
        other = self._taken.setdefault((policy.path, spec.priority), spec.id)
        if other != spec.id:
            words = f"schedule {other!r} has priority {spec.priority} on {spec.point} already"
            troubles.add(("priority",), policy.owner, words)
        return other == spec.id

    def _stretches(
        self, spec: ScheduleSpec, policy: Policy, troubles: Troubles
    ) -> tuple[Stretch, ...] | None:
        found = []
        for at, stretch in enumerate(spec.at):
            try:
                value = understood(policy.point, stretch.value)
            except ValueError as error:
                troubles.add(("at", at, "value"), policy.owner, f"{spec.point} {error}")
                continue
            if not policy.allows(value):
                outside = f"{words_of(policy.point, value)} lies outside what rule {policy.rule.id!r} allows"
                words = f"{outside}: {policy.limits}"
                troubles.add(("at", at, "value"), policy.owner, words)
                continue
            found.append(Stretch(stretch, value))
        return tuple(found) if len(found) == len(spec.at) else None

    def _place_of(self, device: Device) -> Location:
        """Where the sun is looked for: at the device, else at the nearest site with a location, else the district."""
        if device.location is not None:
            return device.location
        around = (self._ground.sites[site].location for site in self._ground.graph.places_of(device.id))
        return next((found for found in around if found is not None), self._ground.location)
