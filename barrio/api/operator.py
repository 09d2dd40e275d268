"""Who asks: the bearer of a token, and the roles that it gives.

Whoever can read the data folder has the operator's token, and may do everything that a district allows its operators.
Further roles have a secret each: `BARRIO_SECRET_ROLE_LIGHTING`, or the file `role-lighting` in the folder of secrets,
holds the token of the role `lighting`.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from barrio.api.problems import problem
from barrio.homes import Secrets
from twin.model.roles import OPERATOR

if TYPE_CHECKING:
    from fastapi.responses import Response

    from barrio.platform import Platform

ONLY = "only with the operator's token of the data folder"


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


def is_operator(platform: Platform, authorization: str) -> bool:
    """Whether an operator sends this header."""
    who = caller(platform, authorization)
    return who is not None and OPERATOR in who.roles


def at_rest(platform: Platform, cannot: str) -> Response | None:
    """Return the answer where nothing runs; `cannot` says what is impossible then. None where it does."""
    if platform.at_rest:
        words = f"barrio does not run with this data folder: {cannot}"
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, words)
    return None


def refused(platform: Platform, authorization: str, cannot: str) -> Response | None:
    """Return the answer to whoever may not do what operators do; None to operators of what runs."""
    away = at_rest(platform, cannot)
    if away is not None or is_operator(platform, authorization):
        return away
    return problem(HTTPStatus.FORBIDDEN, ONLY)


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
