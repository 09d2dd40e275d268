"""Every alarm that there can be: one for each rule and what it is about; its position is its place in the columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from twin.alarms.rule import LINK_RULE, Holds, Silent, Subject
from twin.alarms.words import number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from twin.alarms.book import AlarmBook
    from twin.alarms.rule import Links, Rule
    from twin.model.district import District
    from twin.notify_spec import Priority

TOGETHER = "/together"
_GROUP = "{count} of {total} below {name} are silent"
_GROUP_OF_OTHERS = "{count} of {total} below {name} have the same alarm"


class Key(NamedTuple):
    """What names an alarm for ever: its number belongs to it."""

    district: str
    rule: str
    owner: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm that there can be. Times in seconds; `text` is empty where the condition has words of its own."""

    key: Key
    subject: Subject
    priority: Priority
    text: str
    advice: str
    dashboard: str
    needs_ack: bool
    on_delay_s: float
    off_delay_s: float
    hold_s: float
    settle_s: float
    escalate_s: float | None = None

    @property
    def what(self) -> str:
        """Path of what is wrong: `district/device`, `district/device/point`; of a link its name after the district."""
        path = f"{self.key.district}/{self.key.owner}"
        return path if self.subject.point is None else self.subject.point.path

    def shown(self, value: float | None) -> str | None:
        """Return a number with its unit; None for what has none, and for states, whose names stand elsewhere."""
        unit = self.subject.unit
        return None if value is None or unit is None else number(value, unit)

    @property
    def rule(self) -> str:
        """Id of the rule as it is written, also for alarms that stand for many."""
        return self.key.rule.removesuffix(TOGETHER)


@dataclass(frozen=True, slots=True)
class Group:
    """An alarm that stands for many: `place` is its own, `members` are theirs."""

    place: int
    members: tuple[int, ...]
    at_least: int
    share: float


@dataclass(slots=True)
class Everything:
    """All alarms of all districts with what they have to do with each other; places are positions in `alarms`."""

    alarms: list[Alarm] = field(default_factory=list)
    places: dict[Key, int] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)
    inside: list[tuple[int, int]] = field(default_factory=list)
    effects: dict[int, list[int]] = field(default_factory=dict)
    explained_links: dict[int, set[tuple[str, str]]] = field(default_factory=dict)

    def add(self, alarm: Alarm) -> int:
        """Add an alarm and return its place."""
        place = len(self.alarms)
        self.alarms.append(alarm)
        self.places[alarm.key] = place
        return place


def everything(books: Sequence[tuple[District, AlarmBook]]) -> Everything:
    """Return all alarms that the books make, but those of links: they come with the links."""
    found = Everything()
    for district, book in books:
        for rule in book.rules:
            for subject in rule.subjects:
                found.add(_of_rule(district.id, rule, subject))
    for district, book in books:
        for rule in book.rules:
            _relate(found, district.id, rule)
    return found


def of_link(district: str, name: str, links: Links, count: int) -> Alarm:
    """Return the alarm of a link that reads so many devices."""
    devices = f"{count} device{'s' * (count != 1)}"
    return Alarm(
        key=Key(district, LINK_RULE, name),
        subject=Subject(name, name, "", Holds()),
        priority=links.priority,
        text=f"the link {{name}} is down, {devices} cannot be read{{words}}",
        advice=links.advice,
        dashboard="",
        needs_ack=links.needs_ack,
        on_delay_s=links.on_delay_s,
        off_delay_s=0.0,
        hold_s=3.0,
        settle_s=10.0,
    )


def _of_rule(district: str, rule: Rule, subject: Subject) -> Alarm:
    return Alarm(
        key=Key(district, rule.id, subject.owner),
        subject=subject,
        priority=rule.priority,
        text=rule.text,
        advice=rule.advice,
        dashboard=rule.dashboard,
        needs_ack=rule.needs_ack,
        on_delay_s=rule.on_delay_s,
        off_delay_s=rule.off_delay_s,
        hold_s=rule.hold_s,
        settle_s=rule.settle_s,
        escalate_s=rule.escalate_s,
    )


def _relate(found: Everything, district: str, rule: Rule) -> None:
    own = [found.places[Key(district, rule.id, subject.owner)] for subject in rule.subjects]
    for position, name, owner in rule.explains:
        if name == LINK_RULE:
            found.explained_links.setdefault(own[position], set()).add((district, owner))
        else:
            found.effects.setdefault(own[position], []).append(found.places[Key(district, name, owner)])
    first = len(found.groups)
    for group in _groups(found, district, rule, own):
        found.groups.append(group)
    if rule.together is not None:
        found.inside += [(first + inner, first + outer) for inner, outer in rule.together.inside]


def _groups(found: Everything, district: str, rule: Rule, own: Sequence[int]) -> Iterator[Group]:
    together = rule.together
    if together is None:
        return
    for subject, members in together.groups:
        alarm = Alarm(
            key=Key(district, rule.id + TOGETHER, subject.owner),
            subject=subject,
            priority=together.priority,
            text=together.text or (_GROUP if _is_silence(rule) else _GROUP_OF_OTHERS),
            advice=rule.advice,
            dashboard=rule.dashboard,
            needs_ack=rule.needs_ack,
            on_delay_s=0.0,
            off_delay_s=0.0,
            hold_s=rule.hold_s,
            settle_s=rule.settle_s,
            escalate_s=rule.escalate_s,
        )
        place = found.add(alarm)
        yield Group(place, tuple(own[member] for member in members), together.at_least, together.share)


def _is_silence(rule: Rule) -> bool:
    return isinstance(rule.subjects[0].condition, Silent)
