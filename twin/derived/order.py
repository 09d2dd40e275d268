"""In which order derived points are computed that depend on one another, and rings among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def levels(inputs: Mapping[str, Sequence[str]]) -> tuple[list[list[str]], list[list[str]]]:
    """Return points level by level, each after all that it reads, and the rings of points that read one another.

    `inputs` gives the paths that each derived point reads; paths that are no key are measured. A ring is told once,
    from its first point in the order of `inputs`; its points, and what reads them, are on no level.
    """
    level_of: dict[str, int] = {}
    rings: list[list[str]] = []
    bad: set[str] = set()
    for start in inputs:
        _visit(start, inputs, level_of, bad, rings)
    count = 1 + max(level_of.values(), default=-1)
    found: list[list[str]] = [[] for _ in range(count)]
    for path in inputs:
        if path in level_of:
            found[level_of[path]].append(path)
    return found, rings


def _visit(
    start: str,
    inputs: Mapping[str, Sequence[str]],
    level_of: dict[str, int],
    bad: set[str],
    rings: list[list[str]],
) -> None:
    """Walk down from one point without calling itself: a chain may be as long as there are points."""
    way: dict[str, int] = {}
    stack: list[tuple[str, Iterator[str]]] = []
    _enter(start, inputs, way, stack, level_of, bad)
    while stack:
        path, below = stack[-1]
        following = next(below, None)
        if following in way:
            ring = [one for one, at in way.items() if at >= way[following]]
            rings.append(ring)
            bad.update(ring)
        elif following is not None:
            _enter(following, inputs, way, stack, level_of, bad)
        else:
            stack.pop()
            del way[path]
            read = [one for one in inputs[path] if one in inputs]
            if path in bad or any(one in bad for one in read):
                bad.add(path)
            else:
                level_of[path] = 1 + max((level_of[one] for one in read), default=-1)


def _enter(
    path: str,
    inputs: Mapping[str, Sequence[str]],
    way: dict[str, int],
    stack: list[tuple[str, Iterator[str]]],
    level_of: Mapping[str, int],
    bad: set[str],
) -> None:
    if path not in level_of and path not in bad:
        way[path] = len(way)
        stack.append((path, iter([one for one in inputs[path] if one in inputs])))
