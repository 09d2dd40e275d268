"""Points by their paths for whoever sees all of them: the path that was probably meant where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from barrio.errors import UnknownName
from twin.model.source import suggest_path

if TYPE_CHECKING:
    from barrio.assembly import Catalogue
    from twin.model.bound import BoundPoint


def find(path: str, catalogue: Catalogue) -> BoundPoint:
    """Return the point of a path; UnknownName with the nearest one, or one of the device or district that it names."""
    found = catalogue.points.get(path.strip("/"))
    if found is None:
        below = [one for one in catalogue.points if one.startswith(f"{path.strip('/')}/")]
        if below:
            raise UnknownName(f"{path!r} is not a point but has {len(below)}, such as {below[0]}")
        near = nearest(path, catalogue)
        raise UnknownName(f"there is no point {path!r}{near}; a path is district/device/point")
    return found


def nearest(path: str, catalogue: Catalogue) -> str:
    """Return ` (did you mean X?)` with the path that comes nearest, or nothing."""
    return suggest_path(path, catalogue.points)
