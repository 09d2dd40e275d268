"""Groups of open figures: they nest or are apart, and what is left over hides everybody."""

import pytest

from tests.twin.datasets.town import HEAD, book, wrong
from twin.datasets.groups import published_of

ALL = "for: {kind: Meter}"


def figures(name: str, which: str, how: str, point: str = "energy") -> str:
    return (
        f"  - {{id: {name}, {HEAD}, tier: open, points: {{{which}, names: [{point}]}}, figures: {{{how}}}}}\n"
    )


def devices(first: int, last: int) -> str:
    return f"for: {{devices: [{', '.join(f'm{one}' for one in range(first, last))}]}}"


def test_groups_are_made_by_place(tmp_path):
    """The district, the sites where meters stand, and kinds of sites around them; small ones are left out."""
    found = book(tmp_path, figures("a", ALL, "by: [district, Quarter, House, site], at_least: 8"), meters=16)
    groups = [one.group for one in published_of(found.datasets)]

    assert {(one.id, len(one.meters)) for one in groups} == {
        ("district", 16),
        ("quarter", 16),
        ("house-0", 8),
        ("house-1", 8),
    }


@pytest.mark.parametrize(
    ("datasets", "words"),
    [
        (
            figures("a", devices(0, 15), "") + figures("b", devices(0, 16), ""),
            (
                "what is left of b/district (active_energy_import) without a/district (active_energy_import) "
                "is 1 of 10 meters (m15): whoever subtracts would see them"
            ),
        ),
        (
            figures("a", devices(0, 12), "") + figures("b", devices(11, 24), ""),
            "crosses a/district (active_energy_import): m11 in both, m12, m13, m14 and 9 more in one only",
        ),
        (
            figures("a", devices(0, 12), "every: 1h") + figures("b", ALL, "every: 1d"),
            "has meters of a too, and would show them in other windows or at another time",
        ),
        (
            figures("a", devices(0, 12), "after: 1h") + figures("b", ALL, "after: 1d"),
            "`every` and `after` must be the same",
        ),
        (
            figures("a", devices(0, 23), "", "given") + figures("b", ALL, ""),
            "what is left of b/district (active_energy_import) without a/district (active_energy_export) is 1 of 10",
        ),
        (
            figures("a", devices(0, 12), "at_least: 4") + figures("b", devices(0, 18), "at_least: 10"),
            "without a/district (active_energy_import) is 6 of 10 meters",
        ),
    ],
)
def test_figures_that_could_be_set_against_each_other_are_a_fault(tmp_path, datasets, words):
    """One more meter, crossing groups, other windows, another delay, another quantity, another k."""

    assert words in wrong(tmp_path, datasets)


def test_a_small_house_that_is_left_over_is_a_fault(tmp_path):
    """Of 25 meters in two houses, 12 and 13; with k 13 the small house has no figure, and would show by subtraction."""

    assert (
        "what is left of a/district (active_energy_import) without a/house-0 (active_energy_import) is 12 of 13"
        in (wrong(tmp_path, figures("a", ALL, "by: [district, site], at_least: 13"), meters=25))
    )


def test_groups_that_nest_with_enough_left_are_taken(tmp_path):
    """Twelve of twenty-four, and all of them: what is left is twelve."""
    found = book(tmp_path, figures("a", devices(0, 12), "") + figures("b", ALL, ""))

    assert [len(one.meters) for one in published_of(found.datasets)] == [12, 24]
