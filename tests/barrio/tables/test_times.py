"""Columns of times as JSON, beside what numpy says of each moment."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from barrio.tables.times import NEVER, as_json
from twin.clock import NS
from twin.frame import Times

DAY = 86_400 * NS
LONG = 2_200
"""Cells; a column so long is put together from words."""

moments = st.integers(-(10**18) * 4, 10**18 * 2)
steps = st.sampled_from([1, 1_000, 1_000_000, NS, 60 * NS, 3600 * NS, DAY, 30 * DAY])


def said(column: Times) -> bytes:
    """Say a column cell by cell."""
    known = column[column != NEVER]
    nanos, whole = bool((known % 1_000).any()), not (known % NS).any()
    cells = []
    for moment in column.tolist():
        unit: Literal["s", "us", "ns"] = "ns" if nanos else "s" if whole or moment % NS == 0 else "us"
        text = np.datetime_as_string(np.datetime64(moment, "ns"), unit)
        cells.append("null" if moment == NEVER else f'"{text}Z"')
    return f"[{','.join(cells)}]".encode()


@given(st.lists(moments | st.just(NEVER), max_size=20), steps)
def test_any_moments_are_said_as_exactly_as_they_are(found: list[int], step: int) -> None:
    """A few moments of three centuries, in any order, some of them absent."""
    column = np.array([one if one == NEVER else one - one % step for one in found], np.int64)

    assert as_json(column) == said(column)


@given(moments, steps, st.sampled_from([1, 1_000, 123_000_000, NS]))
def test_long_columns_are_said_alike(begin: int, step: int, exactness: int) -> None:
    """A series that goes on for nanoseconds or for centuries, from any moment."""
    begin -= begin % exactness
    column = begin + np.arange(LONG, dtype=np.int64) * max(step, exactness)

    assert as_json(column) == said(column)


@pytest.mark.parametrize("fraction", [0, 1, 999_999_999, 1_000, 123_456_000])
def test_a_long_column_with_holes_has_nulls(fraction: int) -> None:
    """Where there is no moment, null stands, whatever the others say."""
    column = 1_780_000_000 * NS + np.arange(LONG, dtype=np.int64) * NS + fraction
    column[::7] = NEVER

    assert as_json(column) == said(column)


@pytest.mark.parametrize("length", [0, 1, LONG])
def test_a_column_without_moments_has_none(length: int) -> None:
    """Nothing was ever heard."""
    column = np.full(length, NEVER, np.int64)

    assert as_json(column) == said(column)


def test_some_fractions_are_left_out() -> None:
    """A moment on the second among others that are not has no fraction of zeros."""
    column = 1_780_000_000 * NS + np.arange(LONG, dtype=np.int64) * 250_000_000

    assert as_json(column) == said(column)
    assert as_json(column).startswith(b'["2026-05-28T20:26:40Z","2026-05-28T20:26:40.250000Z"')
