"""The points that barrio computes for services: what they are made of, and whether their names are free."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.model.catalogue import CATALOGUE
from twin.model.computed import NO_ADDRESS
from twin.model.district import Point

if TYPE_CHECKING:
    from twin.model.ground import Ground
    from twin.model.source import Faults, Place

HEARTBEAT_S = 60.0
SILENT_AFTER_S = 180.0


class PointMaker:
    """Makes computed points and adds them to the ground, so that what is read later may name them."""

    def __init__(self, ground: Ground, faults: Faults) -> None:
        self.made: list[tuple[str, Point]] = []
        self._ground = ground
        self._faults = faults

    def make(self, owner: str, name: str, quantity: str, place: Place, description: str) -> str:
        """Return the path of a new point of an owner; a name that is taken is a fault at `place`."""
        path = f"{self._ground.id}/{owner}/{name}"
        if self._ground.point(owner, name) is not None:
            words = f"{owner} has a point {name!r} already, where barrio would put what it computes"
            self._faults.add(place, words)
            return path
        row = CATALOGUE[quantity]
        point = Point(
            path=path,
            name=name,
            quantity=row,
            address=NO_ADDRESS,
            scale=1.0,
            offset=0.0,
            minimum=row.minimum,
            maximum=row.maximum,
            wraps_at=None,
            dead_band=0.0,
            heartbeat_s=HEARTBEAT_S,
            silent_after_s=SILENT_AFTER_S,
            states=row.states_by_default,
            writable=False,
            description=description,
            file=place.file,
            line=place.line,
        )
        self._ground.added.setdefault(owner, {})[name] = point
        self.made.append((owner, point))
        return path
