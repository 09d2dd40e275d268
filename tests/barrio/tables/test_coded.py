"""Codes give back every cell, whichever objects say it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from barrio.tables.coded import FEW, coded

CELLS = st.lists(st.one_of(st.none(), st.sampled_from(["good", "bad", ""]), st.text(max_size=3)), max_size=60)


def back(column):
    codes, texts = coded(column)
    assert len(set(texts)) == len(texts)
    return [texts[code] for code in codes.tolist()]


@given(CELLS)
def test_any_cells(cells):
    """What is coded is what was there."""
    assert back(np.array(cells, object)) == cells


@pytest.mark.parametrize("number", [1, FEW - 1, FEW, FEW + 1, 3 * FEW])
def test_around_the_bound(number):
    """Few texts and many are coded alike, also in every second cell of a column and of other objects."""
    column = np.array([f"text {at % number}" for at in range(400)], object)

    assert back(column) == column.tolist()
    assert back(column[::2]) == column[::2].tolist()
    assert back(column[7:9]) == column[7:9].tolist()
