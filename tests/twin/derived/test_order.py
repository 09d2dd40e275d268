"""The order of derived points and the rings among them."""

from hypothesis import given
from hypothesis import strategies as st

from twin.derived.order import levels

NAMES = [*"abcdefgh"]
READS = st.dictionaries(
    st.sampled_from(NAMES), st.lists(st.sampled_from([*NAMES, "measured"]), max_size=4), max_size=8
)


def reached(start, reads):
    """Return everything that a point reads, however indirectly."""
    seen: set[str] = set()
    waiting = list(reads.get(start, ()))
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting += reads.get(one, ())
    return seen


@given(READS)
def test_each_point_stands_behind_what_it_reads(reads):
    """Levels hold exactly the points that lead to no ring, each behind all that it reads."""
    found, rings = levels(reads)
    level_of = {path: number for number, level in enumerate(found) for path in level}
    round_again = {path for path in reads if path in reached(path, reads)}

    assert set(level_of) == {path for path in reads if not ({path} | reached(path, reads)) & round_again}
    for path, number in level_of.items():
        assert number == 1 + max((level_of[one] for one in reads[path] if one in reads), default=-1)
    assert {path for ring in rings for path in ring} <= round_again
    assert bool(rings) == bool(round_again)


def test_a_ring_is_told_in_its_order():
    """A ring begins with its first point and follows what each reads."""
    assert levels({"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"]}) == ([], [["a", "b", "c"]])


def test_a_long_chain_is_followed():
    """A chain of ten thousand points is no deeper than the stack allows."""
    reads = {f"p{number}": [f"p{number + 1}"] for number in range(10_000)}

    assert len(levels(reads)[0]) == 10_000
