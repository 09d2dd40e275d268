"""Which part of a refused request is to blame."""

import pytest

from connectors.modbus.plan import Span
from connectors.modbus.registers import Table
from connectors.modbus.search import Search


def spans(*extents):
    return tuple(Span(Table.HOLDING, start, stop, ()) for start, stop in extents)


SINGLE = spans(*((at, at + 1) for at in range(8)))


@pytest.fixture
def believed():
    return []


@pytest.fixture
def search(believed):
    return Search(lambda table, border: believed.append((table, border)))


def firsts(search):
    return [[span.start for span in leaf.run] for leaf in search.leaves()]


def test_the_middle_is_where_neighbours_are_cut(search):
    """Half of the spans each, and the other half is asked as well."""
    search.split(SINGLE, None)
    left, _ = search.leaves()
    search.split(left.run, left)

    assert firsts(search) == [[0, 1], [2, 3], [4, 5, 6, 7]]


@pytest.mark.parametrize(
    ("extents", "left"),
    [
        ([(0, 1), (1, 2), (2, 3), (5, 6)], [0, 1, 2]),
        ([(0, 1), (4, 5), (5, 6), (9, 10)], [0]),
        ([(0, 4), (1, 2), (2, 3), (3, 6)], [0, 1]),
    ],
)
def test_gaps_are_cut_first(search, extents, left):
    """The gap nearest to the middle; what overlaps has none."""
    search.split(spans(*extents), None)

    assert firsts(search)[0] == left


def test_a_border_is_believed_the_second_time(search, believed):
    """Once is a suspicion, and the next cut is made there."""
    run = spans((0, 1), (3, 4), (4, 5), (5, 6))
    for _ in range(2):
        assert believed == []
        search.split(run, None)
        left, right = search.leaves()
        ended = search.answered(left), search.answered(right)

    assert ended == (False, True)
    assert believed == [(Table.HOLDING, (0, 3))]


def test_an_answer_that_is_repeated_is_no_second_proof(search, believed):
    """Halves are polled again and again while the rest of the run is not known yet."""
    search.split(SINGLE, None)
    left, _ = search.leaves()
    search.split(left.run, left)
    first, second, _ = search.leaves()

    for part in (first, second) * 3:
        search.answered(part)

    assert believed == []


def test_an_answer_across_a_suspect_acquits_it(search, believed):
    """A device that refused once by chance loses nothing for good."""
    for _ in range(2):
        search.split(SINGLE, None)
        for part in list(search.leaves()):
            search.answered(part)
        search.acquit(Table.HOLDING, (0, 8))

    assert believed == []
    assert not search.is_open


def test_an_offender_in_one_half_acquits_the_cut(search, believed):
    """Where one half was refused, the border is not to blame."""
    search.split(SINGLE[:2], None)
    left, right = search.leaves()

    assert search.found(left) is False
    assert search.answered(right) is True
    assert believed == []
    assert not search.is_open


def test_a_forgotten_run_is_not_asked_in_parts(search):
    """Its spans are free for the plan again."""
    search.split(SINGLE, None)
    search.forget(lambda run: run[0].start == 0)

    assert firsts(search) == []
