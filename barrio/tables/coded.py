"""Texts as codes: what occurs in a column, and where.

Columns of words (qualities, states) hold the same few objects over and over. Which object a cell is can be compared a
whole column at once, where what it says would have to be compared cell by cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Codes = npt.NDArray[np.int32]

FEW = 16


def coded(column: npt.NDArray[Any]) -> tuple[Codes, list[str | None]]:
    """Return the position of each cell in the list of texts that occur, and that list; None is among them."""
    if not len(column):
        return np.empty(0, np.int32), []
    if column.strides == (0,):
        # One text for all rows, as most columns of quality are.
        return np.zeros(len(column), np.int32), [column[0]]
    found = _few(column)
    return _any(column) if found is None else found


def _few(column: npt.NDArray[Any]) -> tuple[Codes, list[str | None]] | None:
    """Code a column of few objects; None for one that has more."""
    objects = np.asarray(_Objects(column))
    codes = np.full(len(column), -1, np.int32)
    texts: dict[str | None, int] = {}
    at = 0
    for _ in range(FEW):
        text = column[at]
        codes[objects == objects[at]] = texts.setdefault(text, len(texts))
        rest = codes < 0
        at = int(rest.argmax())
        if not rest[at]:
            return codes, list(texts)
    return None


def _any(column: npt.NDArray[Any]) -> tuple[Codes, list[str | None]]:
    cells = column.tolist()
    at = {text: number for number, text in enumerate(dict.fromkeys(cells))}
    return np.fromiter(map(at.__getitem__, cells), np.int32, len(cells)), list(at)


class _Objects:
    """The addresses of a column's objects as numbers, to numpy."""

    def __init__(self, column: npt.NDArray[Any]) -> None:
        # Held so that the addresses stay good.
        self.column = column
        given = column.__array_interface__
        self.__array_interface__ = {
            "shape": column.shape,
            "strides": column.strides,
            "typestr": np.dtype(np.intp).str,
            "data": (given["data"][0], True),
            "version": 3,
        }
