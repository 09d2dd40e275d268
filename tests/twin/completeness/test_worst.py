"""The points that were not heard for longest."""

from twin.completeness.worst import worst
from twin.ledger import Gap
from twin.quality import Reason

DOWN, SILENT = Reason.LINK_DOWN, Reason.SILENT


def gap(series, start, stop, reason=DOWN, *, filled=False):
    return Gap(series, start, stop, reason, "", filled)


def test_the_worst_first_and_no_more_than_asked_for():
    """They are ordered by how long they were not heard."""
    found = worst([gap(1, 0, 10), gap(2, 0, 30), gap(3, 0, 20)], 0, 100, 2)

    assert [(one.series, one.missing) for one in found] == [(2, 30), (3, 20)]


def test_only_what_lies_inside_counts():
    """Gaps are cut at both ends, one that lasts ends with the interval, others outside are none."""
    found = worst([gap(1, 0, 60), gap(1, 90, None), gap(2, 0, 50), gap(3, 100, 120)], 50, 100, 9)

    assert [(one.series, one.missing, one.gaps, one.longest) for one in found] == [(1, 20, 2, 10)]


def test_a_gap_whose_reason_changed_is_one_stretch():
    """What follows without a break is longest together, each part under its own reason."""
    [one] = worst([gap(1, 10, 20), gap(1, 20, 50, SILENT), gap(1, 60, 75)], 0, 100, 9)

    assert (one.longest, one.missing, one.gaps) == (40, 55, 3)
    assert (dict(one.reasons), one.most) == ({DOWN: 25, SILENT: 30}, SILENT)


def test_what_was_filled_is_told_apart():
    """Time that was filled later is not missing, and breaks a stretch."""
    [one] = worst([gap(1, 0, 10), gap(1, 10, 40, filled=True), gap(1, 40, 45)], 0, 100, 9)
    [whole] = worst([gap(1, 0, 10, filled=True)], 0, 100, 9)

    assert (one.missing, one.filled, one.longest, one.gaps) == (15, 30, 10, 3)
    assert (whole.missing, whole.filled, whole.most) == (0, 10, None)
