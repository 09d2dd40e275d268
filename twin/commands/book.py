"""The commands of a district, compiled: a policy for each point that may be written, and programmes of the day.

`twin.commands.load` makes these; they are never changed afterwards. What holds for a rule stands in the rule once;
interlocks, which are expressions, are compiled when they are first needed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from twin.commands.values import words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from twin.commands.spec import CommandSpec, StretchSpec
    from twin.commands.values import Value
    from twin.expressions.checked import Checked
    from twin.model.district import Point
    from twin.model.spec import Location


@dataclass(frozen=True, slots=True)
class Interlock:
    """A condition that must hold for a value to be sent; `to` are the states that it guards, empty for every value."""

    expression: Checked
    because: str
    to: tuple[str, ...] = ()

    def guards(self, value: Value) -> bool:
        """Whether it is asked for a command to this value."""
        return not self.to or value in self.to


@dataclass(frozen=True, slots=True)
class Policy:
    """How one point may be written. `minimum`, `maximum` and `tolerance` are in the point's unit."""

    point: Point
    owner: str
    rule: CommandSpec
    minimum: float
    maximum: float
    tolerance: float

    @property
    def path(self) -> str:
        """Path of the point."""
        return self.point.path

    @property
    def values(self) -> Sequence[str]:
        """States that may be asked for, empty for a number."""
        return self.rule.values or tuple(dict.fromkeys(self.point.states.values()))

    def allows(self, value: Value) -> bool:
        """Whether a value lies within the limits."""
        if isinstance(value, str):
            return value in self.values
        return self.minimum <= value <= self.maximum

    @property
    def limits(self) -> str:
        """What may be asked for, for people: `20 % to 100 %`, `open, closed`."""
        if self.point.states:
            return ", ".join(self.values)
        return f"{words_of(self.point, self.minimum)} to {words_of(self.point, self.maximum)}"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of a programme, its value in the point's unit."""

    spec: StretchSpec
    value: Value


@dataclass(frozen=True, slots=True)
class Schedule:
    """A programme of points; `places` says by path where the sun is looked for."""

    id: str
    priority: int
    days: frozenset[int]
    stretches: Mapping[str, tuple[Stretch, ...]]
    places: Mapping[str, Location]

    @property
    def who(self) -> str:
        """Who its commands come from."""
        return f"schedule {self.id}"


@dataclass(frozen=True, slots=True)
class CommandBook:
    """What `commands.yaml` says. `policies` by path; what is not in it cannot be written.

    `compile_interlocks` gives the interlocks of a policy; the loader has checked that they compile.
    """

    roles: tuple[str, ...]
    policies: Mapping[str, Policy]
    schedules: tuple[Schedule, ...]
    compile_interlocks: Callable[[Policy], tuple[Interlock, ...]] = field(repr=False, compare=False)
