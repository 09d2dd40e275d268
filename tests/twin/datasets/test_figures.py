"""What a window adds up to, and the attack on it: everything that can be added and subtracted hides at least k."""

from collections.abc import Iterable
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.access.scope import Tier
from twin.datasets.dataset import Dataset, Figures, Group
from twin.datasets.figures import Verdict, Window, decide, figures, used
from twin.datasets.groups import Published, clusters, faults_of, published_of
from twin.frame import Batch, join
from twin.intervals.axis import Reads
from twin.intervals.register import Register
from twin.quality import Reason
from twin.resolution import Resolution

NS = 1_000_000_000
HOUR = 3600 * NS
START = 1_700_000 * HOUR // 3600
ENERGY = "active_energy_import"
WINDOW = Window(START, START + HOUR, START + 25 * HOUR)


def dataset(name: str, groups: dict[str, set[int]], k: int = 10, quantity: str = ENERGY) -> Dataset:
    """A dataset whose figures are of numbered meters."""
    made = tuple(
        Group(one, one, quantity, tuple(f"town/m{meter}/{quantity}" for meter in sorted(meters)))
        for one, meters in groups.items()
    )
    members = tuple(dict.fromkeys(path for one in made for path in one.members))
    sums = Figures(k, Resolution.HOUR, 86_400.0, made)
    head = (name, "town", name, "", "city", "data@city.example", "CC-BY-4.0", Tier.OPEN, Resolution.RAW)
    return Dataset(*head, members, figures=sums)


def rows_of(readings: dict[int, list[tuple[int, float]]], received: int = 0) -> Batch:
    """Readings of meters by number, a list of times and values each."""
    flat = [(meter, time, value) for meter, some in readings.items() for time, value in some]
    ids, time, value = (np.array(column) for column in zip(*flat, strict=True))
    time = time.astype(np.int64)
    known = np.full(len(flat), received, np.int64) if received else time
    good = np.full(len(flat), Reason.GOOD, np.uint8)
    return Batch(
        ids.astype(np.int32), time, known, np.zeros(len(flat), np.int64), value.astype(float), good, 1
    )


TIMES = [START + minute * 60 * NS for minute in range(-10, 61, 10)]


def steady(meters: range, rate: float = 1.0) -> dict[int, list[tuple[int, float]]]:
    """Meters that count `rate` an hour, read every ten minutes from before the window to its end."""
    return {one: [(time, 100.0 + rate * (time - START) / HOUR) for time in TIMES] for one in meters}


def registers(paths: Iterable[str], decimals: int = 3) -> dict[str, Register]:
    """Registers of thousandths that do not wrap."""
    return {path: Register(0, path, decimals) for path in paths}


def told(
    cluster: list[Published], rows: Batch, window: Window = WINDOW
) -> dict[str, tuple[Verdict, float, float]]:
    """What is told of each group."""
    paths = {path for one in cluster for path in one.group.members}
    ids = {path: int(path.split("/")[1][1:]) for path in paths}
    found = figures(cluster, window, rows, ids, registers(paths))
    return {one.published.group.id: (one.verdict, one.value, one.completeness) for one in found}


def test_a_sum_is_what_the_registers_grew(tmp_path):
    """Ten meters of 1 kWh each in the hour are ten, of all ten."""
    cluster = published_of([dataset("a", {"all": set(range(10))})])

    verdict, *numbers = told(cluster, rows_of(steady(range(10))))["all"]

    assert verdict is Verdict.PUBLISHED
    assert numbers == pytest.approx([10.0, 1.0])


def test_nine_of_ten_are_suppressed_without_a_number():
    """One meter silent: no value, no completeness, and words that do not say how many there were."""
    cluster = published_of([dataset("a", {"all": set(range(10))})])

    verdict, value, completeness = told(cluster, rows_of(steady(range(9))))["all"]

    assert verdict is Verdict.TOO_FEW
    assert np.isnan(value)
    assert np.isnan(completeness)
    assert verdict.words(10) == "suppressed: fewer than 10 contributed"


def test_what_is_left_over_is_checked_with_those_who_contributed():
    """Twelve of twenty-two, and one of the other ten silent: the larger sum minus the smaller would be of nine."""
    groups = {"house": set(range(12)), "quarter": set(range(22))}
    cluster = published_of([dataset("a", groups)])
    assert list(faults_of(cluster)) == []

    found = told(cluster, rows_of(steady(range(21))))

    assert found["house"][0] is Verdict.PUBLISHED
    assert found["quarter"][0] is Verdict.SUBTRACTABLE
    assert told(cluster, rows_of(steady(range(22))))["quarter"][0] is Verdict.PUBLISHED


def test_what_was_received_after_the_time_of_publication_does_not_count():
    """A meter whose readings came too late is absent, whenever the sum is made."""
    cluster = published_of([dataset("a", {"all": set(range(11))})])
    early, late = rows_of(steady(range(10))), rows_of(steady(range(10, 11), 50.0), WINDOW.cutoff + 1)
    both = join([early, late])
    verdict, *numbers = told(cluster, both)["all"]

    assert verdict is Verdict.PUBLISHED
    assert numbers == pytest.approx([10.0, 10 / 11])


@pytest.mark.parametrize(
    ("readings", "grown"),
    [
        ([(0, 5.0), (60, 8.0)], 3.0),
        ([(-14, 5.0), (46, 8.0)], 3.0),
        ([(-16, 5.0), (60, 8.0)], None),
        ([(0, 5.0), (44, 8.0)], None),
        ([(60, 8.0)], None),
        ([], None),
        ([(0, 0.0), (60, 0.0)], 0.0),
        ([(0, 95.0), (30, 3.0), (60, 4.0)], 9.0),
        ([(0, 20.0), (30, 3.0), (60, 4.0)], 4.0),
        ([(0, 20.0), (30, 19.999), (45, 19.999), (60, 21.0)], None),
        ([(0, 20.0), (20, 3.0), (30, 3.0), (60, 21.0)], None),
        ([(0, 20.0), (30, 90.0), (60, 21.0)], 1.0),
        ([(0, 20.0), (30, 0.0), (60, 21.0)], 1.0),
        ([(0, 20.0), (50, 21.5), (60, 90.0), (65, 22.0)], 1.5),
        ([(0, 20.0), (50, 21.5), (65, 22.0)], 1.5),
    ],
)
def test_a_register_counts_when_it_was_read_near_both_edges(readings, grown):
    """Within a quarter of the window before each; zero is a value; wraps at 100 and resets are accounted for."""
    time = np.array([START + minute * 60 * NS for minute, _ in readings], np.int64)
    register = Register(0, "town/m0/energy", 3, 100_000)
    reads = Reads(
        time, register.steps(np.array([one for _, one in readings], float)), np.zeros(len(time), np.uint8)
    )

    assert used(reads, WINDOW, register) == (None if grown is None else grown * 1_000)


def test_a_sum_is_exact_whatever_the_order_of_its_meters():
    """A tenth of each of 25 meters, some read in ten-thousandths: their decimal sum, to the last digit."""
    cluster = published_of([dataset("a", {"all": set(range(25))})])
    paths = cluster[0].group.members
    some = {one: [(time, 4_821.1 + one * 0.7 + 0.1 * (time > START)) for time in TIMES] for one in range(25)}
    numbers = {path: int(path.split("/")[1][1:]) for path in paths}
    known = registers(paths[:20]) | registers(paths[20:], 4)
    found = [
        figures(cluster, WINDOW, rows_of({one: some[one] for one in order}), numbers, known)[0].value
        for order in (range(25), reversed(range(25)), (*range(12, 25), *range(12)))
    ]

    assert sum(0.1 for _ in range(25)) != 2.5
    assert found == [2.5, 2.5, 2.5]


def test_a_meter_contributes_with_all_of_its_registers_or_with_none():
    """The sum of a second quantity is over the same meters: their difference says nothing of the silent one."""
    both = [
        dataset("a", {"all": set(range(11))}),
        dataset("b", {"all": set(range(11))}, quantity="active_energy_export"),
    ]
    cluster = published_of(both)
    numbers = {
        path: position for position, path in enumerate(p for one in cluster for p in one.group.members)
    }
    silent = {position for path, position in numbers.items() if path == "town/m3/active_energy_export"}
    readings = {one: steady(range(one, one + 1))[one] for one in numbers.values() if one not in silent}

    found = figures(cluster, WINDOW, rows_of(readings), numbers, registers(numbers))

    assert [one.completeness for one in found] == [pytest.approx(10 / 11)] * 2
    assert [one.value for one in found] == [pytest.approx(10.0)] * 2


# --- the attack ---------------------------------------------------------------------------------------------


def smallest_combination(sums: list[frozenset[int]]) -> int:
    """Return of how few meters any sum of these with factors -1, 0 and 1 is; a large number when none is of any."""
    meters = sorted(set().union(*sums))
    known = np.array([[one in some for one in meters] for some in sums], np.int64)
    factors = np.array(list(product((-1, 0, 1), repeat=len(sums))), np.int64)
    counts = np.count_nonzero(factors @ known, axis=1)
    return int(counts[counts > 0].min(initial=10**6))


def smallest_support(sums: list[frozenset[int]]) -> int:
    """Return of how few meters any linear combination is, with whatever factors.

    Meters that are in the same sums have the same factor in all combinations, so classes of such meters are looked
    at: a combination of some classes alone exists where the sums lose rank without them.
    """
    meters = sorted(set().union(*sums))
    known = np.array([[one in some for one in meters] for some in sums], float)
    kinds, inverse, sizes = np.unique(known, axis=1, return_inverse=True, return_counts=True)
    assert len(inverse.ravel()) == len(meters)
    rank, best = np.linalg.matrix_rank(kinds), 10**6
    for count in range(1, len(sizes) + 1):
        for chosen in combinations(range(len(sizes)), count):
            rest = np.delete(kinds, chosen, axis=1)
            left = np.linalg.matrix_rank(rest) if rest.size else 0
            if left < rank:
                best = min(best, int(sizes[list(chosen)].sum()))
    return best


@st.composite
def districts(draw):
    """Meters in houses in quarters, some of which have figures in one dataset, some in another, some in none."""
    k = draw(st.integers(2, 4))
    houses = draw(st.lists(st.integers(1, 2 * k), min_size=2, max_size=5))
    ends = np.cumsum(houses).tolist()
    by_house = [set(range(end - size, end)) for end, size in zip(ends, houses, strict=True)]
    cut = draw(st.integers(1, len(houses) - 1))
    quarters = [set().union(*by_house[:cut]), set().union(*by_house[cut:])]
    every = {f"h{number}": some for number, some in enumerate(by_house)}
    every |= {f"q{number}": some for number, some in enumerate(quarters)} | {"d": quarters[0] | quarters[1]}
    odd = draw(st.sets(st.integers(0, ends[-1] - 1), max_size=ends[-1]))
    every["odd"] = odd
    names = draw(st.sets(st.sampled_from(sorted(every)), min_size=1, max_size=6))
    groups = {one: every[one] for one in sorted(names) if len(every[one]) >= k}
    present = draw(st.sets(st.integers(0, ends[-1] - 1), max_size=ends[-1]))
    return k, groups, present


def attacked(groups: dict[str, set[int]], k: int, present: set[int], *, naive: bool = False) -> int:
    """Return the smallest number of meters that can be told apart by what is published."""
    published = published_of([dataset("a", groups, k)])
    names = {f"m{one}" for one in present}
    sums = []
    for cluster in clusters(published):
        for one, verdict in zip(cluster, decide(cluster, names), strict=True):
            there = frozenset(int(meter[1:]) for meter in one.meters & names)
            if (len(there) >= k) if naive else verdict is Verdict.PUBLISHED:
                sums.append(there)
    return min(smallest_combination(sums), smallest_support(sums)) if sums else 10**6


@given(districts())
@settings(max_examples=300, deadline=None)
def test_no_sum_of_sums_is_of_fewer_than_k(district):
    """Whatever is added to or subtracted from whatever was published, it is of nobody or of k meters at least."""
    k, groups, present = district
    published = published_of([dataset("a", groups, k)])
    if list(faults_of(published)):
        return

    assert attacked(groups, k, present) >= k


def test_the_attack_finds_what_is_told_without_care():
    """Groups with one meter more, crossing groups, and a silent meter: the same attack takes them apart."""
    one_more = {"a": set(range(10)), "b": set(range(11))}
    crossing = {"a": set(range(10)), "b": set(range(5, 15)), "c": set(range(5)) | set(range(10, 16))}
    nested = {"a": set(range(12)), "b": set(range(22))}

    assert attacked(one_more, 10, set(range(11)), naive=True) == 1
    assert attacked(crossing, 10, set(range(16)), naive=True) < 10
    assert attacked(nested, 10, set(range(21)), naive=True) == 9
    assert attacked(nested, 10, set(range(21))) == 12
