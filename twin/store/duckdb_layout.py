"""The tables of rollups in a DuckDB file: two for each resolution, and a view of each kind that names things."""

# ruff: noqa: S608 -- statements are put together from names that stand in this package

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.resolution import ROLLUPS
from twin.store.rollup import COLUMNS

if TYPE_CHECKING:
    from twin.resolution import Resolution


def rollup_table(resolution: Resolution) -> str:
    """Return the name of the table of one resolution's numbers."""
    return f"rollups_{resolution.value}"


def state_table(resolution: Resolution) -> str:
    """Return the name of the table of one resolution's seconds in states."""
    return f"state_seconds_{resolution.value}"


def _tables(resolution: Resolution) -> str:
    numbers = ", ".join(f"{name} DOUBLE" for name in COLUMNS)
    return (
        f"CREATE TABLE {rollup_table(resolution)} (series INTEGER, start BIGINT, {numbers});\n"
        f"CREATE TABLE {state_table(resolution)} (series INTEGER, start BIGINT, state INTEGER, seconds DOUBLE);\n"
    )


def _numbers_of(resolution: Resolution) -> str:
    numbers = ", ".join(f"r.{name}" for name in COLUMNS)
    return (
        f"SELECT s.path, '{resolution.value}' AS resolution, make_timestamp_ns(r.start) AS start_utc, {numbers},"
        f" s.unit FROM {rollup_table(resolution)} r JOIN series s ON s.id = r.series"
    )


def _states_of(resolution: Resolution) -> str:
    return (
        f"SELECT s.path, '{resolution.value}' AS resolution, make_timestamp_ns(r.start) AS start_utc,"
        f" t.name AS state, r.seconds FROM {state_table(resolution)} r JOIN series s ON s.id = r.series"
        " LEFT JOIN states t ON t.id = r.state"
    )


def _view(name: str, parts: list[str]) -> str:
    return f"CREATE VIEW {name} AS\n{' UNION ALL '.join(parts)};\n"


ROLLUP_TABLES = (
    "".join(_tables(one) for one in ROLLUPS)
    + _view("rollups", [_numbers_of(one) for one in ROLLUPS])
    + _view("state_seconds", [_states_of(one) for one in ROLLUPS])
)
"""Statements that make all of them, in a file that has none."""
