"""Who asks: a name, the roles that commands know, and the sight over what exists for them.

The door (`barrio.access.door`) puts a `Who` into the state of each request and WebSocket; routes take it as `Seen`. An
application that was made without a door serves only the process that made it, and there everything is seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from barrio.errors import UnknownName
from twin.access.scope import EVERYTHING, Scope, Tier, Verb
from twin.access.sight import Sight, sight_of
from twin.model.roles import OPERATOR
from twin.model.source import suggest_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from barrio.access.rates import Bucket
    from barrio.assembly import Catalogue
    from twin.model.bound import BoundPoint

STATE = "who"


@dataclass(frozen=True, slots=True, eq=False)
class Who:
    """A caller. `name` stands in the audit log, `token` is the id of the token that was shown, empty without one.

    `bucket` is what is left of its rate; None for the operator of the data folder, who has none. `session` says whether
    the session goes on by whose cookie it is known; None where a token was shown itself.
    """

    name: str
    sight: Sight
    roles: frozenset[str] = frozenset()
    token: str = ""
    bucket: Bucket | None = None
    session: Callable[[], bool] | None = None

    @property
    def operates(self) -> bool:
        """Whether this caller may do what operators do to the platform itself."""
        return self.sight.whole and OPERATOR in self.roles

    @property
    def on_duty(self) -> bool:
        """Whether what people do with devices (alarms, orders, by whom) is told: operators, within what they see."""
        return self.sight.scope.tier is Tier.OPERATOR

    @property
    def may_see_orders(self) -> bool:
        """Whether what is asked of the points that are seen is told: to operators, and to whoever may ask."""
        return self.on_duty or self.sight.may(Verb.COMMAND)

    def spend(self, cost: float = 1.0) -> None:
        """Take from the rate what a request costs; 429 when it is not there. The door has taken 1 already."""
        if self.bucket is not None:
            self.bucket.spend(cost)

    def charge(self, cost: float) -> None:
        """Take from the rate what a request has cost, where that is known afterwards only."""
        if self.bucket is not None:
            self.bucket.charge(cost)

    def point(self, path: str) -> BoundPoint:
        """Return the point of a path; UnknownName, with the nearest that exists for this caller, else."""
        found = self.sight.point(path)
        if found is None:
            known = self.sight.paths
            below = [one for one in known if one.startswith(f"{path.strip('/')}/")]
            if below:
                raise UnknownName(f"{path!r} is not a point but has {len(below)}, such as {below[0]}")
            near = suggest_path(path, known)
            raise UnknownName(f"there is no point {path!r}{near}; a path is district/device/point")
        return found

    def require(self, verb: Verb) -> None:
        """Refuse (403) what this caller may not do with what they see."""
        if not self.sight.may(verb):
            words = f"{self.name} may not {verb}: its token does not have that verb"
            raise HTTPException(HTTPStatus.FORBIDDEN, words)

    def require_operator(self) -> None:
        """Answer 404, as if it was not there, to whoever does not see everything."""
        if not self.sight.whole:
            raise HTTPException(HTTPStatus.NOT_FOUND)

    def require_operates(self) -> None:
        """Refuse what operators do to the platform: 404 to whoever does not see all, 403 to who only looks."""
        self.require_operator()
        if not self.operates:
            words = (
                f"{self.name} may not do that: its token is no operator's, or does not have the verb command"
            )
            raise HTTPException(HTTPStatus.FORBIDDEN, words)


class Sights:
    """The sight of each scope over one catalogue, made when it is first asked for."""

    MOST = 200

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._made: dict[Scope, Sight] = {}

    def of(self, scope: Scope) -> Sight:
        """Return what a scope sees."""
        found = self._made.get(scope)
        if found is None:
            one = self._catalogue
            found = sight_of(scope, one.districts, one.points, one.owners, one.size)
            if len(self._made) >= self.MOST:
                self._made.clear()
            self._made[scope] = found
        return found

    def inside(self) -> Who:
        """Return the process itself, which sees everything."""
        return Who("barrio", self.of(EVERYTHING), frozenset({OPERATOR}))


async def who(connection: HTTPConnection) -> Who:
    """Return who sends a request or opened a WebSocket."""
    found = getattr(connection.state, STATE, None)
    if found is None:
        sights: Sights = connection.app.state.sights
        return sights.inside()
    if not isinstance(found, Who):
        raise TypeError(found)
    return found


Seen = Annotated[Who, Depends(who)]
