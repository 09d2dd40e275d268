"""What a token allows: a tier, and within it which districts, sites, kinds, quantities, how finely, and to do what."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from twin.resolution import Resolution


class Tier(StrEnum):
    """Whom a dataset is for; each sees what the ones before it see."""

    OPEN = "open"
    PARTNER = "partner"
    OPERATOR = "operator"

    @property
    def rank(self) -> int:
        """0, 1, 2: a caller of a rank sees datasets of that rank and below."""
        return _RANKS[self]


_RANKS = {Tier.OPEN: 0, Tier.PARTNER: 1, Tier.OPERATOR: 2}


class Verb(StrEnum):
    """What somebody may do with what they see."""

    READ = "read"
    STREAM = "stream"
    EXPORT = "export"
    ACKNOWLEDGE = "acknowledge"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Scope:
    """What one token allows; None means any.

    `sites` stand for themselves and for the sites within them; a district's sites are written `district/site`.
    Readings are given no finer than `finest`.
    """

    tier: Tier = Tier.PARTNER
    districts: frozenset[str] | None = None
    sites: frozenset[str] | None = None
    kinds: frozenset[str] | None = None
    quantities: frozenset[str] | None = None
    finest: Resolution = Resolution.RAW
    verbs: frozenset[Verb] = field(default=frozenset({Verb.READ}))


OPEN = Scope(tier=Tier.OPEN, verbs=frozenset({Verb.READ, Verb.STREAM, Verb.EXPORT}))
"""Of whoever shows no token."""

EVERYTHING = Scope(tier=Tier.OPERATOR, verbs=frozenset(Verb))
"""Of the operator of the data folder."""
