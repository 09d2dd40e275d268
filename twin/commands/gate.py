"""What a command passes before anything is sent: default deny, and every refusal says why and what would be allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.clock import rfc3339
from twin.commands.command import RESTORE, Asked, Refusal, Why
from twin.commands.priorities import WEAKEST
from twin.commands.rates import Meter
from twin.commands.values import same, understood, words_of
from twin.model.roles import SCHEDULE
from twin.model.source import suggest_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from twin.commands.book import Policy
    from twin.commands.interlocks import Interlocks
    from twin.commands.reported import Reported
    from twin.commands.values import Value
    from twin.model.district import Point

LONGEST_LEASE_S = 366 * 86_400.0
_LONGEST_NAME = 100


class Gate:
    """Checks commands against the policies, the live twin and what was accepted lately."""

    def __init__(self, policies: Mapping[str, Policy], reported: Reported, interlocks: Interlocks) -> None:
        self._policies = policies
        self._reported = reported
        self._interlocks = interlocks
        self._meters: dict[str, Meter] = {}

    def permitted(self, path: str, roles: Iterable[str], *, alone: bool = True) -> Policy:
        """Return the policy of a point that these roles may write; Refusal otherwise.

        The name that comes nearest is looked for where a point is asked for `alone`: for a thousand that takes seconds.
        """
        policy = self._policies.get(path)
        if policy is None:
            raise self._unlisted(path, alone=alone)
        if not set(roles) & set(policy.rule.roles):
            allowed = " or ".join(policy.rule.roles)
            words = f"{path} is written by {allowed}, you are {', '.join(sorted(roles)) or 'nobody'}"
            raise Refusal(Why.ROLE, words)
        return policy

    def value(self, policy: Policy, asked: float | str) -> Value:
        """Return the value that was asked for, in the point's unit; Refusal when it is none, or outside the limits."""
        try:
            found = understood(policy.point, asked)
        except ValueError as error:
            raise Refusal(Why.VALUE, f"{policy.path} {error}") from error
        if not policy.allows(found):
            words = f"{policy.path} takes {policy.limits}, found {words_of(policy.point, found)}"
            raise Refusal(Why.LIMITS, words)
        return found

    def lease(self, policy: Policy, lease_s: float | None) -> float:
        """Return how long a command holds in seconds, 0 until released; Refusal when the rule does not allow that."""
        rule = policy.rule.lease
        wanted = (rule.default or 0.0) if lease_s is None and rule else (lease_s or 0.0)
        longest = LONGEST_LEASE_S if rule is None or rule.longest is None else rule.longest
        if not 0 <= wanted <= longest:
            raise Refusal(Why.LEASE, f"{policy.path} is held for {longest:g} s at most, found {wanted:g} s")
        if rule is not None and rule.required and not wanted:
            raise Refusal(Why.LEASE, f"{policy.path} is only written with a lease: say for how long")
        return wanted

    def priority(self, policy: Policy, level: int) -> None:
        """Refusal when a level may not be taken."""
        strongest = policy.rule.strongest
        if not strongest <= level <= WEAKEST:
            words = (
                f"{policy.path} is written at priority {strongest} (strongest) to {WEAKEST}, found {level}"
            )
            raise Refusal(Why.PRIORITY, words)

    def expectation(self, policy: Policy, expected: float | str | None) -> None:
        """Refusal when a point does not show what somebody took for granted."""
        if expected is None:
            return
        try:
            wanted = understood(policy.point, expected)
        except ValueError as error:
            raise Refusal(Why.VALUE, f"expect: {policy.path} {error}") from error
        shown = self._reported.of(policy.path)
        if not same(wanted, shown, policy.tolerance):
            said = words_of(policy.point, shown) if shown is not None else self._no_value(policy.path)
            words = f"{policy.path} was expected to be {words_of(policy.point, wanted)}, it is {said}"
            raise Refusal(Why.EXPECTATION, words)

    def interlocks(self, policy: Policy, value: Value, now_ns: int) -> None:
        """Refusal while an interlock does not hold."""
        words = self._interlocks.failing(policy, value, now_ns)
        if words:
            raise Refusal(Why.INTERLOCK, f"{policy.path}: {words}")

    def rate(self, policy: Policy, now_ns: int) -> None:
        """Refusal when a point, or all of its rule, was written often enough for now."""
        for meter, subject in self._meters_of(policy):
            free = meter.free_at(now_ns)
            if free > now_ns:
                words = f"{subject} takes {meter.rate}, again at {rfc3339(free)[:19]}Z"
                raise Refusal(Why.RATE, words)

    def count(self, path: str, at_ns: int) -> None:
        """Count a command that was accepted."""
        policy = self._policies.get(path)
        for meter, _ in self._meters_of(policy) if policy else ():
            meter.note(at_ns)

    def _meters_of(self, policy: Policy) -> Iterable[tuple[Meter, str]]:
        rule = policy.rule
        district = policy.path.partition("/")[0]
        if rule.rate is not None:
            yield self._meters.setdefault(policy.path, Meter(rule.rate)), policy.path
        if rule.rate_all is not None:
            name = f"rule {rule.id} of {district}"
            yield self._meters.setdefault(name, Meter(rule.rate_all)), name

    def _unlisted(self, path: str, *, alone: bool) -> Refusal:
        item = self._reported.points.get(path)
        if item is None:
            near = suggest_path(path, self._policies) if alone else ""
            return Refusal(Why.UNKNOWN_POINT, f"there is no point {path!r}{near}")
        return Refusal(*_unlisted(item.point))

    def _no_value(self, path: str) -> str:
        return f"not known: {self._reported.trouble(path)}"


def _unlisted(point: Point) -> tuple[Why, str]:
    if not point.writable:
        return Why.READ_ONLY, f"{point.path} is read only: its profile does not call it writable"
    return Why.NOT_LISTED, f"no rule of commands.yaml covers {point.path}: nothing may write it"


def check_words(asked: Asked) -> None:
    """Refusal for a command without a name, or at a level that there is not."""
    if not asked.who.strip() or len(asked.who) > _LONGEST_NAME:
        raise Refusal(Why.VALUE, f"who: a command has a name of 1 to {_LONGEST_NAME} characters")
    if asked.who.strip().casefold().startswith(f"{SCHEDULE} "):
        raise Refusal(Why.VALUE, f"who: {asked.who!r} is the name of a programme")
    if not 1 <= asked.priority < RESTORE:
        raise Refusal(Why.PRIORITY, f"there are priorities 1 to {WEAKEST}, found {asked.priority}")
