"""What a person writes in `alarms.yaml`; the descriptions are the reference."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from twin.model.amount import Written
from twin.model.selection import Ids, Selection, one_or_many
from twin.model.spec import Id, Name, Seconds, Spec, StateName, Text, parse_duration
from twin.notify_spec import Priority

_DAY_S = 86_400.0
_YEAR_S = 365 * _DAY_S


def _parse_delay(found: object) -> float:
    return 0.0 if found == 0 and not isinstance(found, bool) else parse_duration(found)


Delay = Annotated[float, BeforeValidator(_parse_delay), Field(ge=0, le=_DAY_S)]
States = Annotated[tuple[StateName, ...], BeforeValidator(one_or_many), Field(min_length=1)]
Expression = Annotated[str, Field(min_length=1, max_length=2000)]
Values = Annotated[tuple[float | str, ...], BeforeValidator(one_or_many), Field(min_length=1)]
Relation = Literal["feeds", "controls", "part_of", "measures", "located_in"]
Relations = Annotated[tuple[Relation, ...], BeforeValidator(one_or_many), Field(min_length=1)]
Group = Literal["feeds", "controls", "part_of", "measures", "located_in", "site", "endpoint", "host"]
Long = Annotated[Seconds, Field(le=_YEAR_S)]


class ExplainsSpec(Spec):
    """Of which alarms an alarm is the cause."""

    rules: Ids = Field(description="Ids of the rules whose alarms it explains")
    through: Relations = Field(description="Relations that lead down to the devices of those alarms")


class TogetherSpec(Spec):
    """When alarms of one rule are taken for one at what is above their devices."""

    through: Group = Field(
        description="What the devices have in common: a relation that leads up to it, their `site`, the `endpoint` "
        "(host and port) or the `host` that they are dialled at"
    )
    at_least: int = Field(default=3, ge=2, le=100_000, description="Fewest alarms that are taken for one")
    share: float = Field(
        default=0.9, gt=0, le=1, description="Smallest part of the devices that have the rule, 0 to 1"
    )
    priority: Priority | None = Field(
        default=None, description="Priority of the one; the rule's when left out"
    )
    text: Text = Field(default="", description="Words of the one; may have {count}, {total} and {name}")


class RuleSpec(Spec):
    """One rule. It has `on` or `for`, and one condition: limits, `is`, `when`, `frozen` or `silent`."""

    id: Id = Field(description="Id, not used by another rule of the district")
    on: Id | None = Field(default=None, description="Device or site that the rule is about")
    chosen: Selection | None = Field(
        default=None, alias="for", description="Devices, or sites, that the rule is about, each by itself"
    )
    point: Name | None = Field(
        default=None, description="Point of the device or site that is watched; `owner/point` needs no `on`"
    )
    value: Expression | None = Field(
        default=None, description="Expression whose value is held against the limits, instead of a point"
    )
    above: Written | None = Field(
        default=None, description="Alarm above this, a number with its unit: `20 %`"
    )
    below: Written | None = Field(
        default=None, description="Alarm below this; with `above` a band to stay in"
    )
    hysteresis: Written | None = Field(
        default=None, description="How far the value has to come back from the limit before the alarm ends"
    )
    states: States | None = Field(
        default=None, alias="is", description="State of the point, or several, in which there is an alarm"
    )
    when: Expression | None = Field(
        default=None, description="Expression that is true while there is an alarm"
    )
    frozen: Long | None = Field(
        default=None,
        description="Alarm when the point was heard for this long without a change beyond its dead band",
    )
    exempt: Values | None = Field(
        default=None, alias="except", description="With `frozen`: values or states that may stay for ever"
    )
    silent: Long | None = Field(
        default=None, description="Alarm when no point of the device was heard for this long"
    )
    on_delay: Delay = Field(
        default=0.0, description="How long the condition has to hold before the alarm is raised"
    )
    off_delay: Delay = Field(
        default=0.0, description="How long it has to hold no more before the alarm returns to normal"
    )
    priority: Priority = Field(default="medium", description="How soon somebody has to act")
    text: Text = Field(
        default="",
        description="What is wrong, with {name} {value} {limit} {unit} {device} {site} {count} {since} filled in",
    )
    advice: Text = Field(
        default="", description="What to do about it; {name}, {device} and {site} are filled in"
    )
    dashboard: Annotated[str, Field(max_length=1000)] = Field(
        default="", description="Link to the dashboard that shows it; {device} and {site} are filled in"
    )
    needs_ack: bool = Field(default=True, description="Whether somebody has to acknowledge the alarm")
    escalate: Long | None = Field(
        default=None, description="Told once more, as escalated, when nobody acknowledged it for this long"
    )
    explains: ExplainsSpec | None = Field(
        default=None, description="Alarms below that are suppressed while this one is active"
    )
    together: TogetherSpec | None = Field(
        default=None, description="When many alarms of this rule are one alarm at what they have in common"
    )
    hold: Delay | None = Field(
        default=None,
        description="How long an alarm that may have a cause waits for it before it is announced; 3s when left out",
    )
    settle: Delay | None = Field(
        default=None,
        description="What still holds this long after its cause has ended is an alarm of its own; `on_delay`, at "
        "least 10s, when left out",
    )


class LinksSpec(Spec):
    """The alarm that every link has without being written."""

    alarm: bool = Field(default=True, description="Whether a link that is down is an alarm")
    priority: Priority = Field(default="high", description="Its priority")
    on_delay: Delay = Field(default=2.0, description="How long a link has to be down")
    advice: Text = Field(default="", description="What to do about it")
    needs_ack: bool = Field(default=True, description="Whether somebody has to acknowledge it")


class AlarmsSpec(Spec):
    """`alarms.yaml`. The items of the lists are checked one by one."""

    alarms: tuple[object, ...] = Field(default=(), description="Rules")
    notify: tuple[object, ...] = Field(default=(), description="Where notifications go")
    links: LinksSpec = Field(default=LinksSpec(), description="The alarms of links")
