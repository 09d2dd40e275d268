"""Where an expression stands: the ground with its names, and whose names need no owner before them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from twin.expressions.errors import ExpressionError
from twin.model.source import suggest

if TYPE_CHECKING:
    from collections.abc import Collection

    from twin.model.district import Point
    from twin.model.ground import Ground

NOW = ("hour", "minute", "weekday")
"""Names that are no points: what the district's clock shows."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Names of a district, relative to an owner (a device or a site; none when empty).

    `later` holds the paths of derived points that a selection does not see: those that come later in their file.
    """

    ground: Ground
    owner: str = ""
    later: Collection[str] = ()

    def point(self, name: str, at: int) -> tuple[str, Point]:
        """Return the owner and the point that a name means; ExpressionError with the nearest name."""
        owner, slash, last = name.rpartition("/")
        if not slash:
            return self.owner, self._own(name, at)
        if owner not in self.ground.devices and owner not in self.ground.sites:
            words = self.ground.no_owner(owner)
            raise ExpressionError(self._divided(name, "/") or words, at, unknown=True)
        return owner, self._readable(self.ground.point(owner, last), owner, last, at)

    def path(self, owner: str, name: str) -> str:
        """Return the full path of a point."""
        return f"{self.ground.id}/{owner}/{name}"

    def _own(self, name: str, at: int) -> Point:
        if not self.owner:
            words = f"whose {name!r} is meant? Write OWNER/{name}{self._owners(name)}"
            raise ExpressionError(words, at, unknown=True)
        return self._readable(self.ground.point(self.owner, name), self.owner, name, at)

    def _readable(self, point: Point | None, owner: str, name: str, at: int) -> Point:
        if point is None:
            known = [*self.ground.names_of(owner), *NOW]
            words = f"there is no point {name!r} on {owner}{suggest(name, known)}"
            raise ExpressionError(self._divided(name, "-") or words, at, unknown=True)
        if not point.readable:
            raise ExpressionError(f"{owner}/{name} is only written and never gives a reading", at)
        return point

    def _owners(self, name: str) -> str:
        some = [owner for owner, point in self.ground.points() if point.name == name][:2]
        return f", for example {some[0]}/{name}" if some else ""

    def _divided(self, name: str, sign: str) -> str:
        """Words for a name that is an operation without its spaces, empty when it is none."""
        parts = name.split(sign)
        own = self.ground.names_of(self.owner) if self.owner else []
        if len(parts) < 2 or not all(part in own or part.isdigit() for part in parts):
            return ""
        return f"there is no point {name!r}: write spaces around - and / ({f' {sign} '.join(parts)})"
