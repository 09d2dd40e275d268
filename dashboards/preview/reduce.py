"""Reducers: one value of many, by Grafana's names for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

Values = Sequence[Any]


def reduced(values: Values, calc: str) -> Any:
    """Return one value of a column; None where there is none. ValueError for a reducer that is none of ours."""
    if calc == "last":
        return values[-1] if len(values) else None
    if calc not in _CALCS:
        raise ValueError(f"the reducer {calc!r} is not drawn")
    there = [value for value in values if value is not None]
    if calc in ("count", "countAll"):
        return len(there) if calc == "count" else len(values)
    return _CALCS[calc](there) if there else None


_CALCS: Mapping[str, Callable[[list[Any]], Any]] = {
    "lastNotNull": lambda values: values[-1],
    "firstNotNull": lambda values: values[0],
    "first": lambda values: values[0],
    "max": max,
    "min": min,
    "mean": lambda values: sum(values) / len(values),
    "sum": sum,
    "count": len,
    "countAll": len,
    "range": lambda values: max(values) - min(values),
    "delta": lambda values: sum(max(b - a, 0) for a, b in pairwise(values)),
    "diff": lambda values: values[-1] - values[0],
    "median": lambda values: sorted(values)[len(values) // 2],
    "distinctCount": lambda values: len(set(values)),
    "uniqueValues": lambda values: ", ".join(dict.fromkeys(str(value) for value in values)),
}
