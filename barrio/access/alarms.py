"""Which alarms exist for a caller: those that are made only of what they see plainly.

An alarm tells values and times, so whoever sees an alarm has seen its points. The alarm of a rule is made of the point
or of the inputs of the expression that the rule watches; of a device that fell silent, of all its points; one that
stands for many, of all of those. Alarms of links, and of rules that are no longer there, are for operators who see
everything. The public sees none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from twin.access.scope import Tier

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from barrio.access.who import Who
    from twin.access.sight import Sight
    from twin.alarms.alarm import Key
    from twin.alarms.change import Change, Standing
    from twin.alarms.rule import Rule, Subject
    from twin.model.district import District


def seen_alarms(who: Who, districts: Sequence[District]) -> AlarmSight:
    """Return what a caller sees of alarms."""
    found = _made.get(who.sight)
    if found is None:
        found = _made[who.sight] = AlarmSight(who.sight, districts)
    return found


class AlarmSight:
    """The alarms that exist for a sight."""

    def __init__(self, sight: Sight, districts: Iterable[District]) -> None:
        self._whole = sight.whole
        self._keys: set[tuple[str, str, str]] = set()
        if sight.whole or sight.scope.tier is Tier.OPEN:
            return
        for district in districts:
            if district.id in sight.district_ids and district.alarms is not None:
                for rule in district.alarms.rules:
                    self._add(sight, district.id, rule)

    def sees(self, key: Key) -> bool:
        """Whether an alarm exists."""
        return self._whole or tuple(key) in self._keys

    def sees_rule(self, district: str, rule: Rule) -> bool:
        """Whether all alarms of a rule exist: then it may be tried on the past."""
        keys = {(district, rule.id, one.owner) for one in rule.subjects}
        return self._whole or (bool(keys) and keys <= self._keys)

    def standing(self, found: Iterable[Standing]) -> list[Standing]:
        """Return those of how alarms stand that exist."""
        return [one for one in found if self.sees(one.key)]

    def changes(self, found: Iterable[Change]) -> list[Change]:
        """Return those of what happened to alarms that exist."""
        return [one for one in found if self.sees(one.key)]

    def numbers(self, found: Iterable[Standing]) -> frozenset[int]:
        """Return the numbers of those that exist: a cause that does not is not told."""
        return frozenset(one.number for one in self.standing(found))

    def _add(self, sight: Sight, district: str, rule: Rule) -> None:
        from twin.alarms.alarm import TOGETHER

        seen = [_sees(sight, district, one) for one in rule.subjects]
        for one, is_seen in zip(rule.subjects, seen, strict=True):
            if is_seen:
                self._keys.add((district, rule.id, one.owner))
        for subject, members in rule.together.groups if rule.together is not None else ():
            if all(seen[member] for member in members):
                self._keys.add((district, rule.id + TOGETHER, subject.owner))


def _sees(sight: Sight, district: str, subject: Subject) -> bool:
    paths = [] if subject.point is None else [subject.point.path]
    paths += [] if subject.expression is None else subject.expression.inputs
    if not paths:
        return sight.wholly(f"{district}/{subject.owner}")
    return all(map(sight.plainly, paths))


_made: WeakKeyDictionary[Sight, AlarmSight] = WeakKeyDictionary()
"""For as long as a sight is kept."""
