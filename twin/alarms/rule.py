"""Rules as the engine uses them: compiled from `alarms.yaml`, every name looked up, every limit in the point's unit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

    from twin.expressions.checked import Checked
    from twin.model.district import Point
    from twin.notify_spec import Priority

LINK_RULE = "link-down"
"""Id of the rule that every link has; districts cannot use it for their own."""


@dataclass(frozen=True, slots=True)
class Limits:
    """A value above `above` or below `below` is an alarm, which ends `hysteresis` inside; in the value's unit."""

    above: float = math.inf
    below: float = -math.inf
    hysteresis: float = 0.0
    unit: str = ""


@dataclass(frozen=True, slots=True)
class InStates:
    """One of these states is an alarm."""

    states: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Frozen:
    """A value that was heard for so long without a change; `exempt` are numbers in the point's unit, or states."""

    after_s: float
    exempt: tuple[float | str, ...] = ()


@dataclass(frozen=True, slots=True)
class Silent:
    """A device of which nothing was heard for so long."""

    after_s: float


@dataclass(frozen=True, slots=True)
class Holds:
    """A boolean expression that is true."""


Condition: TypeAlias = Limits | InStates | Frozen | Silent | Holds


@dataclass(frozen=True, slots=True)
class Subject:
    """What one alarm of a rule is about.

    `owner` is the id of a device or site; of a group it is what its members have in common. `where` is the name of its
    site for people. `point` is what is watched, None for devices as a whole and for expressions.
    """

    owner: str
    name: str
    site: str
    condition: Condition
    point: Point | None = None
    expression: Checked | None = None
    where: str = ""

    @property
    def unit(self) -> str | None:
        """Unit of the value that is watched, empty for bare numbers; None where there is no number."""
        if isinstance(self.condition, Limits):
            return "" if self.condition.unit == "1" else self.condition.unit
        return self.point.quantity.unit if self.point is not None and not self.point.states else None


@dataclass(frozen=True, slots=True)
class Together:
    """When so many alarms of a rule are one. `members` are positions in the rule's subjects, for each group.

    A group that lies inside of another one is `inside` it (positions in `groups`).
    """

    at_least: int
    share: float
    priority: Priority
    text: str
    groups: tuple[tuple[Subject, tuple[int, ...]], ...] = ()
    inside: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a district, with a subject for each device that it is for.

    `explains` holds `(position of the own subject, rule, owner)` for every alarm below that it is the cause of.
    """

    id: str
    subjects: tuple[Subject, ...]
    on_delay_s: float
    off_delay_s: float
    priority: Priority
    text: str
    advice: str
    dashboard: str
    needs_ack: bool
    escalate_s: float | None
    hold_s: float
    settle_s: float
    file: Path
    line: int
    explains: tuple[tuple[int, str, str], ...] = ()
    together: Together | None = None


@dataclass(frozen=True, slots=True)
class Links:
    """The rule of the links."""

    alarm: bool = True
    priority: Priority = "high"
    on_delay_s: float = 2.0
    advice: str = ""
    needs_ack: bool = True
