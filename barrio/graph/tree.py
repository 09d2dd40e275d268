"""A picture as an indented tree for the terminal; what hangs below several is written out once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from barrio.graph.picture import Box, Picture

_DOWN = {
    "feeds": "feeds",
    "controls": "controls",
    "measures": "measures",
    "part_of": "has part",
    "located_in": "holds",
}
_UP = {
    "feeds": "fed by",
    "controls": "controlled by",
    "measures": "measured by",
    "part_of": "part of",
    "located_in": "in",
}
_SEEN = "(above)"


def tree(picture: Picture) -> str:
    """Return a line for each box, roots first; with one that was asked for what is above it, then what is below."""
    if picture.start:
        lines = list(_from_start(picture))
    else:
        lines = [f"{picture.district}: {picture.title}", *_from_roots(picture)]
    return "\n".join(lines)


def _from_start(picture: Picture) -> Iterator[str]:
    yield _said(picture.boxes[picture.start])
    up = list(_branches(picture, picture.start, picture.upper, _UP, "", {picture.start}))
    down = list(_branches(picture, picture.start, picture.lower, _DOWN, "", {picture.start}))
    yield from up
    if up and down:
        yield ""
        yield _said(picture.boxes[picture.start])
    yield from down


def _from_roots(picture: Picture) -> Iterator[str]:
    seen: set[str] = set()
    # A ring has no root: whatever is left begins with its first.
    for name in (*(one for one in picture.boxes if one not in picture.upper), *picture.boxes):
        if name not in seen:
            seen.add(name)
            yield _said(picture.boxes[name])
            yield from _branches(picture, name, picture.lower, _DOWN, "", seen)


def _branches(
    picture: Picture,
    name: str,
    neighbours: Mapping[str, Sequence[tuple[str, str]]],
    words: Mapping[str, str],
    indent: str,
    seen: set[str],
) -> Iterator[str]:
    """Yield what follows a box; with a stack of our own, chains are as long as people write them."""
    waiting = [(indent, iter(_with_last(neighbours.get(name, ()))))]
    while waiting:
        indent, following = waiting[-1]
        step = next(following, None)
        if step is None:
            waiting.pop()
            continue
        kind, other, last = step
        again = other in seen
        more = f" {_SEEN}" if again and neighbours.get(other) else ""
        yield f"{indent}{'└─' if last else '├─'} {words[kind]} {_said(picture.boxes[other])}{more}"
        if not again:
            seen.add(other)
            below = f"{indent}{'   ' if last else '│  '}"
            waiting.append((below, iter(_with_last(neighbours.get(other, ())))))


def _with_last(steps: Sequence[tuple[str, str]]) -> list[tuple[str, str, bool]]:
    return [(kind, other, number == len(steps)) for number, (kind, other) in enumerate(steps, 1)]


def _said(box: Box) -> str:
    return f"{box.head}  ({box.tail})"
