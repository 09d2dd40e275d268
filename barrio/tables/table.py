"""A table as routes hand it to the formats: what its columns are, and its rows in parts, each of one series.

Routes of history, intervals and exports make a `Table`; `barrio.tables` writes it as JSON, NDJSON, CSV, Parquet or
Arrow IPC (`barrio.tables.answer`). Nothing here knows a point or a store.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt


class Kind(StrEnum):
    """What a column holds, and as which array a part brings it."""

    TIME = "time"
    """int64, ns UTC; the smallest int64 where there is none."""
    NUMBER = "number"
    """float64, NaN where there is none."""
    INTEGER = "integer"
    """int64, never absent."""
    TEXT = "text"
    """object, str or None."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the rows; `unit` is UCUM, empty where it depends on the series or there is none."""

    name: str
    kind: Kind
    unit: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some rows of one series in the order of time; `columns` has an array for each column that this series has.

    The parts of one series follow each other. `series` says what is the same in all its rows: `point`, `quantity`,
    `unit`, always in this order, and more where a route has more.
    """

    series: Mapping[str, str]
    columns: Mapping[str, npt.NDArray[Any]]

    def __len__(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values()), ()))


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Rows of some series. `head` stands before the series in JSON (from, to, every, tz), `parts` is read once.

    Reading `parts` blocks on the store: it is done in a thread of the platform (`reads`).
    """

    head: Mapping[str, Any]
    columns: Sequence[Column]
    parts: Iterable[Part]
    constants: Sequence[str] = field(default=("point", "quantity", "unit"))
