"""Who asks: the bearer of a token, and the roles that it gives.

Whoever can read the data folder has the operator's token, and may do everything that a district allows its operators.
Further roles have a secret each: `BARRIO_SECRET_ROLE_LIGHTING`, or the file `role-lighting` in the folder of secrets,
holds the token of the role `lighting`.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from barrio.homes import Secrets

if TYPE_CHECKING:
    from barrio.platform import Platform

OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Caller:
    """The bearer of a token that we know."""

    roles: frozenset[str]


def caller(platform: Platform, authorization: str) -> Caller | None:
    """Return who sends an `Authorization` header, None when it names nobody that we know."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        return None
    if _same(token, platform.token):
        return Caller(frozenset({OPERATOR}))
    roles = frozenset(role for role, right in _roles(platform).items() if _same(token, right))
    return Caller(roles) if roles else None


def _roles(platform: Platform) -> dict[str, str]:
    """Tokens of the roles that the districts name, where there are such."""
    named = {
        role
        for district in platform.catalogue.districts
        if district.commands is not None
        for role in district.commands.roles
    }
    known = Secrets(platform.settings.secrets)
    return {role: token for role in named if (token := known.find(f"role-{role}"))}


def _same(given: str, right: str) -> bool:
    return bool(right) and secrets.compare_digest(given.encode(), right.encode())
