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
from twin.access.scope import EVERYTHING, Scope, Verb
from twin.access.sight import Sight, sight_of
from twin.model.roles import OPERATOR
from twin.model.source import suggest_path

if TYPE_CHECKING:
    from barrio.assembly import Catalogue
    from twin.model.bound import BoundPoint

STATE = "who"


@dataclass(frozen=True, slots=True, eq=False)
class Who:
    """A caller. `name` stands in the audit log, `token` is the id of the token that was shown, empty without one."""

    name: str
    sight: Sight
    roles: frozenset[str] = frozenset()
    token: str = ""

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


class Sights:
    """The sight of each scope over one catalogue, made when it is first asked for."""

    MOST = 1_000

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


def who(connection: HTTPConnection) -> Who:
    """Return who sends a request or opened a WebSocket."""
    found = getattr(connection.state, STATE, None)
    if found is None:
        sights: Sights = connection.app.state.sights
        return sights.inside()
    if not isinstance(found, Who):
        raise TypeError(found)
    return found


Seen = Annotated[Who, Depends(who)]
