"""Which points a filter finds: `site within tower-a and kind = EnergyMeter`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.expressions.errors import ExpressionError
from twin.expressions.syntax import Both, Condition, Neither
from twin.model.source import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from twin.expressions.scope import Scope
    from twin.expressions.syntax import Filter
    from twin.model.district import Point
    from twin.model.ground import Ground

    Mask = npt.NDArray[np.bool_]

MOST = 20_000
"""The most points of one selection."""
_MOST_KEPT = 500
THIS = "this"
RELATIONS = {
    "fed by": "feeds",
    "controlled by": "controls",
    "part of": "part_of",
    "measured by": "measures",
    "located in": "located_in",
}
KEYS = ("site", "kind", "profile", "device", "point", "quantity", *RELATIONS)


class Index:
    """All points of a ground in order, and which of them fulfil a condition, each looked up once."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        pairs = [(owner, point) for owner, point in ground.points() if point.readable]
        self.owners = [owner for owner, _ in pairs]
        self.points = [point for _, point in pairs]
        self._rows: dict[str, list[int]] = {}
        self._named: dict[str, list[int]] = {}
        self._measuring: dict[str, list[int]] = {}
        for row, (owner, point) in enumerate(pairs):
            self._rows.setdefault(owner, []).append(row)
            self._named.setdefault(point.name, []).append(row)
            self._measuring.setdefault(point.quantity.name, []).append(row)
        self._masks: dict[tuple[str, str, str], Mask] = {}

    def words(self, mask: Mask) -> list[str]:
        """Return the names by which the masked points can be asked for."""
        found = [self.points[row] for row in np.flatnonzero(mask).tolist()]
        return [*{point.quantity.name: None for point in found}, *{point.name: None for point in found}]

    def mask(self, condition: Condition, value: str) -> Mask:
        """Return which points fulfil one condition; ExpressionError when its value is not known."""
        key = (condition.key, condition.relation, value)
        found = self._masks.get(key)
        if found is None:
            found = self._look_up(condition, value)
            if len(self._masks) < _MOST_KEPT:
                self._masks[key] = found
        return found

    def called(self, word: str, mask: Mask) -> list[int]:
        """Return the masked points whose quantity has this name, else those that have it themselves."""
        for table in (self._measuring, self._named):
            rows = [row for row in table.get(word, ()) if mask[row]]
            if rows:
                return rows
        return []

    def _look_up(self, condition: Condition, value: str) -> Mask:
        key, at = condition.key, condition.at
        if key in RELATIONS:
            return self._of_owners(self._below(RELATIONS[key], value, at))
        if key == "site":
            self._known(value, self.ground.sites, "site", at)
            inner = self.ground.graph.within(value) if condition.relation == "within" else [value]
            return self._of_owners(self._standing(inner))
        values = self._values(key)
        self._known(value, values, key, at)
        return self._of_rows(values[value])

    def _below(self, relation: str, value: str, at: int) -> Iterable[str]:
        if value not in self.ground.devices and value not in self.ground.sites:
            raise ExpressionError(self.ground.no_owner(value), at, unknown=True)
        found = self.ground.graph.below(value, (relation,))
        return (
            [*found, *self._standing(self.ground.graph.within(value))] if relation == "located_in" else found
        )

    def _standing(self, sites: Sequence[str]) -> list[str]:
        inside = set(sites)
        return [*sites, *(device.id for device in self.ground.devices.values() if device.site in inside)]

    def _values(self, key: str) -> dict[str, list[int]]:
        if key == "point":
            return self._named
        if key == "quantity":
            return self._measuring
        values: dict[str, list[int]] = {}
        for owner, rows in self._rows.items():
            value = self._value(key, owner)
            if value is not None:
                values.setdefault(value, []).extend(rows)
        return values

    def _value(self, key: str, owner: str) -> str | None:
        device = self.ground.devices.get(owner)
        if key == "kind":
            return device.kind if device else self.ground.sites[owner].kind
        if device is None:
            return None
        return device.id if key == "device" else device.profile

    def _known(self, value: str, known: Iterable[str], key: str, at: int) -> None:
        if value not in known:
            one = {"kind": "device or site of kind", "point": "point called"}.get(key, key)
            words = f"there is no {one} {value!r}{suggest(value, known)}"
            raise ExpressionError(words, at, unknown=True)

    def _of_owners(self, owners: Iterable[str]) -> Mask:
        return self._of_rows([row for owner in owners for row in self._rows.get(owner, ())])

    def _of_rows(self, rows: Sequence[int]) -> Mask:
        mask = np.zeros(len(self.points), np.bool_)
        mask[rows] = True
        return mask


def index_of(ground: Ground) -> Index:
    """Return the index of a ground, made once for as long as no derived point is added."""
    count = sum(map(len, ground.added.values()))
    kept = ground.memo.get("index")
    if isinstance(kept, tuple) and kept[0] == count and isinstance(kept[1], Index):
        return kept[1]
    index = Index(ground)
    ground.memo["index"] = (count, index)
    return index


def select(word: str, where: Filter, scope: Scope, at: int) -> list[tuple[str, Point]]:
    """Return the points of a selection with their owners, in the order of the files.

    ExpressionError when a name in the filter is unknown, nothing is found, or too much is.
    """
    index = index_of(scope.ground)
    mask = _mask(where, index, scope)
    rows = index.called(word, mask)
    if scope.later:
        rows = [row for row in rows if index.points[row].path not in scope.later]
    if not rows:
        raise ExpressionError(_nothing(word, index, mask), at, unknown=True)
    if len(rows) > MOST:
        raise ExpressionError(f"the selection finds {len(rows):,} points, the most is {MOST:,}", at)
    return [(index.owners[row], index.points[row]) for row in rows]


def owners(where: Filter, scope: Scope) -> list[str]:
    """Return the devices and sites with points that a filter finds, in the order of the files."""
    index = index_of(scope.ground)
    rows = np.flatnonzero(_mask(where, index, scope)).tolist()
    return list(dict.fromkeys(index.owners[row] for row in rows))


def _nothing(word: str, index: Index, mask: Mask) -> str:
    if not mask.any():
        return "the selection finds no points: nothing fulfils all of its conditions"
    return f"the selection finds no {word!r}{suggest(word, index.words(mask))}"


def _mask(where: Filter, index: Index, scope: Scope) -> Mask:
    match where:
        case Both():
            left, right = _mask(where.left, index, scope), _mask(where.right, index, scope)
            return left & right if where.operator == "and" else left | right
        case Neither():
            return ~_mask(where.operand, index, scope)
        case Condition():
            return _condition(where, index, scope)


def _condition(where: Condition, index: Index, scope: Scope) -> Mask:
    if where.key not in KEYS:
        words = f"a selection does not know {where.key!r}{suggest(where.key, KEYS) or ': ' + ', '.join(KEYS)}"
        raise ExpressionError(words, where.at)
    if where.relation not in {"=", "!="} and (where.key, where.relation) != ("site", "within"):
        raise ExpressionError(f"{where.key} takes = or !=", where.at)
    value = where.value
    if value == THIS:
        if not scope.owner:
            raise ExpressionError("there is no owner here that `this` could mean", where.at)
        value = scope.owner
    found = index.mask(Condition(where.at, where.key, where.relation.replace("!=", "="), value), value)
    return ~found if where.relation == "!=" else found
