"""What is different between two moments: of the points that both models have, and of the models themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.quality import FIRST_BAD

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from twin.past.asof import Then
    from twin.past.model import Model


@dataclass(frozen=True, slots=True)
class PointChange:
    """A point that was otherwise at the second moment; `what` holds some of `value`, `quality`, `gap`, `stale`."""

    before: Then
    after: Then
    what: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelChange:
    """A device, point, rule, site or relation that was `added`, `removed` or `changed`; `words` say what of it."""

    kind: str
    subject: str
    what: str
    words: str = ""


def changed_points(before: Sequence[Then], after: Sequence[Then]) -> Iterator[PointChange]:
    """Yield the points of both moments that differ, in the order of the second."""
    first = {then.point.path: then for then in before}
    for then in after:
        other = first.get(then.point.path)
        if other is not None and (what := tuple(_what(other, then))):
            yield PointChange(other, then, what)


def _what(before: Then, after: Then) -> Iterator[str]:
    if _value_differs(before, after):
        yield "value"
    if before.quality != after.quality:
        yield "quality"
    if _gap(before) != _gap(after):
        yield "gap"
    if before.stale != after.stale:
        yield "stale"


def _value_differs(before: Then, after: Then) -> bool:
    """Whether a value moved by more than its dead band, came or went; of states whether it is another."""
    there, here = before.quality < FIRST_BAD, after.quality < FIRST_BAD
    if not there or not here:
        return there != here
    if after.point.states:
        return before.state != after.state
    return bool(np.abs(after.value - before.value) > after.point.dead_band)


def _gap(then: Then) -> tuple[int, str] | None:
    return None if then.gap is None else (then.gap.reason, then.gap.words)


def changed_model(before: Model | None, after: Model | None) -> Iterator[ModelChange]:
    """Yield what is different between two versions of one district, None where it did not run."""
    if before is None or after is None:
        if one := before or after:
            yield ModelChange("district", one.district, "added" if before is None else "removed")
        return
    if before.raw == after.raw:
        return
    yield from _differences("site", _by(before.raw["sites"]), _by(after.raw["sites"]))
    yield from _relations(before, after)
    yield from _differences("device", _devices(before), _devices(after))
    # What came or went with its device needs no line of its own.
    both = {one["id"] for one in before.raw["devices"]} ^ {one["id"] for one in after.raw["devices"]}
    yield from _differences("point", _points(before, both), _points(after, both))
    yield from _differences("rule", before.rules, after.rules)


def _relations(before: Model, after: Model) -> Iterator[ModelChange]:
    known, found = ({_relation(one): one for one in model.raw["relations"]} for model in (before, after))
    yield from _differences("relation", known, found)


def _relation(raw: Mapping[str, Any]) -> str:
    return f"{raw['from']} {raw['type']} {raw['to']}"


def _devices(model: Model) -> dict[str, Mapping[str, Any]]:
    own = ("name", "kind", "profile", "protocol", "site")
    return {one["id"]: {key: one[key] for key in own} for one in model.raw["devices"]}


def _points(model: Model, without: Collection[str]) -> dict[str, Mapping[str, Any]]:
    """Return the points of all owners but these."""
    owned = [(device["id"], one) for device in model.raw["devices"] for one in device["points"]]
    owned += [(one["owner"], one) for one in model.raw["computed"]]
    return {f"{owner}/{one['name']}": one for owner, one in owned if owner not in without}


def _by(items: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {str(one["id"]): one for one in items}


def _differences(
    kind: str, before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> Iterator[ModelChange]:
    for name in before:
        if name not in after:
            yield ModelChange(kind, name, "removed")
    for name, now in after.items():
        then = before.get(name)
        if then is None:
            yield ModelChange(kind, name, "added")
        elif then != now:
            keys = [key for key in dict.fromkeys([*then, *now]) if then.get(key) != now.get(key)]
            yield ModelChange(kind, name, "changed", "; ".join(_words(key, then, now) for key in keys))


def _words(key: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Say what became of a key, at a length that fits a line."""
    return f"{key} {_short(before.get(key))} -> {_short(after.get(key))}"


def _short(value: object) -> str:
    text = "none" if value is None else str(value) or "''"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


_LONGEST = 60
