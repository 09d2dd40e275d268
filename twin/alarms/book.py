"""All alarms of one district: its rules, its links' rule, and where notifications go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from twin.alarms.rule import Links

if TYPE_CHECKING:
    from twin.alarms.rule import Rule
    from twin.notify_spec import ChannelSpec


@dataclass(frozen=True, slots=True)
class AlarmBook:
    """What `alarms.yaml` says, compiled."""

    rules: tuple[Rule, ...] = ()
    channels: tuple[ChannelSpec, ...] = ()
    links: Links = field(default_factory=Links)

    def rule(self, name: str) -> Rule | None:
        """Return a rule by its id, None when there is none."""
        return next((rule for rule in self.rules if rule.id == name), None)
