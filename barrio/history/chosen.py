"""Which points are meant: by their paths, with `*` for any name in a part of one, or by what they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from barrio.errors import AskError, UnknownName
from barrio.filters import Filters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from barrio.access.who import Who
    from twin.access.sight import Sight
    from twin.model.bound import BoundPoint

MOST_POINTS = 1_000
MOST_PATTERNS = 20
FILTERS = ("under", "kind", "quantity", "site", "device", "dataset")
"""What points are chosen by, beside their paths."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Points by path (`points`) and those that have all of the others; None means any.

    `under` is a district, `district/device`, or a whole path; a site stands for those within it too. Sites, devices and
    datasets are named by their id, or as `district/id`.
    """

    points: Sequence[str] = ()
    under: str | None = None
    kind: str | None = None
    quantity: str | None = None
    site: str | None = None
    device: str | None = None
    dataset: str | None = None

    @property
    def filters(self) -> Mapping[str, str]:
        """The filters that are set, by their names."""
        return {name: value for name in FILTERS if (value := getattr(self, name)) is not None}


def choose(choice: Choice, who: Who, most: int = MOST_POINTS) -> list[BoundPoint]:
    """Return the points that are meant and exist for who asks, each once: named ones first as they are named.

    With paths and filters, those of the paths that pass the filters. AskError where nothing or too much is asked for,
    UnknownName with the nearest path where nothing fits.
    """
    filters = choice.filters
    if not choice.points and not filters:
        raise AskError(
            "point",
            "is missing: name points, or choose them by under, kind, quantity, site, device or dataset",
        )
    if sum("*" in path for path in choice.points) > MOST_PATTERNS:
        raise AskError("point", f"at most {MOST_PATTERNS} paths may have a *: one path may have several")
    if choice.points:
        found = [item for path in choice.points for item in _named(path, who)]
    else:
        found = [who.sight.points[path] for path in who.sight.paths]
    if filters:
        meant = Filters(filters, who.sight)
        found = [item for item in found if meant.take(item)]
        if choice.dataset is not None:
            given = _given_by(choice.dataset, who.sight)
            found = [item for item in found if item.point.path in given]
        if not found:
            raise meant.nothing()
    found = list({item.id: item for item in found}.values())
    if len(found) > most:
        raise AskError("point", f"1 to {most:,} points can be asked for at once, found {len(found):,}")
    return found


def _named(path: str, who: Who) -> list[BoundPoint]:
    if "*" not in path:
        return [who.point(path)]
    wanted = [part.split("*") for part in path.strip("/").split("/")]
    found = [who.sight.points[one] for one in who.sight.paths if _fits(wanted, one.split("/"))]
    if not found:
        raise UnknownName(
            f"no point fits {path!r}; a path is district/device/point, * any name in a part of it"
        )
    return found


def _fits(wanted: Sequence[Sequence[str]], parts: Sequence[str]) -> bool:
    """Whether each part of a path has the pieces that are wanted of it, in their order, with anything between them."""
    return len(wanted) == len(parts) and all(map(_has, wanted, parts))


def _has(pieces: Sequence[str], part: str) -> bool:
    """Whether a part begins with the first piece, ends with the last one, and has the others between them.

    The first place that fits is taken for each, so that this takes no longer than the part is long.
    """
    first, *middle, last = pieces if len(pieces) > 1 else (pieces[0], None)
    if last is None:
        return part == first
    if len(part) < len(first) + len(last) or not part.startswith(first) or not part.endswith(last):
        return False
    at, end = len(first), len(part) - len(last)
    for piece in middle:
        found = part.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _given_by(name: str, sight: Sight) -> frozenset[str]:
    """Return the paths that a dataset gives; of one that has figures, none."""
    books = [one.datasets for one in sight.districts if one.datasets is not None]
    found = (one for book in books for one in book.datasets if name in {one.id, one.key})
    return frozenset(path for one in found if one.figures is None for path in one.members)
