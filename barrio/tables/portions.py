"""The parts of a table in portions of an even size: parts may be a row or a million rows long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from barrio.tables.table import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def portions(parts: Iterable[Part], rows: int) -> Iterator[list[Part]]:
    """Yield parts in lists that have `rows` rows together, but the last; parts are cut where they must be.

    Parts without rows are left out.
    """
    found: list[Part] = []
    room = rows
    for part in parts:
        at = 0
        while at < len(part):
            piece = cut(part, at, at + room)
            found.append(piece)
            at += len(piece)
            room -= len(piece)
            if not room:
                yield found
                found, room = [], rows
    if found:
        yield found


def cut(part: Part, start: int, stop: int) -> Part:
    """Return some rows of a part; nothing is copied."""
    if start == 0 and stop >= len(part):
        return part
    return Part(part.series, {name: column[start:stop] for name, column in part.columns.items()})


def packed(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yield bytes in pieces of at least `size`, but the last."""
    found: list[bytes] = []
    length = 0
    for piece in pieces:
        found.append(piece)
        length += len(piece)
        if length >= size:
            yield found[0] if len(found) == 1 else b"".join(found)
            found, length = [], 0
    if length:
        yield b"".join(found)
