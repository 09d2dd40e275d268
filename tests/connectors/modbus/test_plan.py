"""Which requests read a device."""

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.conformance.recording import bind, device
from connectors.modbus import connector
from connectors.modbus.config import address_of
from connectors.modbus.plan import Limits, Span, block_of, covered, limits_of, merge, plan
from connectors.modbus.registers import Table


def blocks(points, **options):
    """Return (table, start, count, names) of each block of the first group."""
    group, *rest = plan(bind(device(connector, "modbus+tcp://127.0.0.1", points, options=options)))
    assert not rest
    return [(b.table.value, b.start, b.count, [bound.point.name for bound in b.points]) for b in group.blocks]


def test_neighbours_share_a_request():
    """Points that touch or lie within the gap are read at once."""
    points = {
        "a": {"register": "holding:0"},
        "b": {"register": "holding:1", "type": "float32"},
        "c": {"register": "holding:13"},
    }

    assert blocks(points, max_gap=10) == [("holding", 0, 14, ["a", "b", "c"])]
    assert blocks(points, max_gap=9) == [("holding", 0, 3, ["a", "b"]), ("holding", 13, 1, ["c"])]


def test_the_order_of_the_profile_does_not_matter():
    """Points are sorted by address before they are merged."""
    points = {"z": {"register": "coil:9"}, "a": {"register": "coil:0"}}

    assert blocks(points) == [("coil", 0, 10, ["a", "z"])]


def test_tables_are_read_apart():
    """The same address in another table is another request."""
    points = {table: {"register": f"{table}:5"} for table in ("holding", "input", "coil", "discrete")}

    assert [block[0] for block in blocks(points)] == ["coil", "discrete", "input", "holding"]


def test_a_value_is_never_split():
    """A value that would cross the limit begins the next block whole."""
    points = {f"p{n}": {"register": f"input:{2 * n}", "type": "float32"} for n in range(4)}

    assert [(start, count) for _, start, count, _ in blocks(points, max_registers=5)] == [(0, 4), (4, 4)]


def test_points_inside_another_do_not_shorten_the_block():
    """A bit inside the first register of a wide value leaves the block as wide as the value."""
    points = {"wide": {"register": "holding:0", "type": "uint64"}, "bit": {"register": "holding:0", "bit": 3}}

    assert blocks(points) == [("holding", 0, 4, ["bit", "wide"])]


def test_periods_make_groups():
    """A point with its own period is polled apart, the fastest first."""
    points = {"fast": {"register": "holding:0", "poll": "20ms"}, "slow": {"register": "holding:1"}}

    groups = plan(bind(device(connector, "modbus+tcp://127.0.0.1", points, poll_s=1.0)))

    assert [(group.period_s, group.blocks[0].start) for group in groups] == [(0.02, 0), (1.0, 1)]


WIDTHS = st.sampled_from(["uint16", "int32", "float64"])


@given(
    places=st.lists(st.tuples(st.integers(0, 400), WIDTHS), min_size=1, max_size=40),
    most=st.integers(4, 125),
    gap=st.integers(0, 50),
)
def test_every_point_is_in_one_block_and_every_block_is_within_its_limits(places, most, gap):
    """Whatever the addresses: nothing lost, nothing twice, nothing outside, no request too large, no gap too wide."""
    points = {f"p{n}": {"register": f"holding:{at}", "type": kind} for n, (at, kind) in enumerate(places)}
    bound = bind(
        device(connector, "modbus+tcp://127.0.0.1", points, options={"max_registers": most, "max_gap": gap})
    )

    (group,) = plan(bound)

    assert sorted(point.id for block in group.blocks for point in block.points) == list(range(len(points)))
    used = {at + offset for at, kind in places for offset in range(int(kind.lstrip("uintfloa")) // 16)}
    for block in group.blocks:
        spans = sorted((block.offset(p), block.offset(p) + address_of(p.point).width) for p in block.points)
        assert spans[0][0] == 0
        assert max(stop for _, stop in spans) == block.count <= most
        unused = 0
        for at in range(block.start, block.stop):
            unused = 0 if at in used else unused + 1
            assert unused <= gap


def spans_of(places):
    return [Span(Table.HOLDING, start, start + width, ()) for start, width in sorted(set(places))]


def allowed(run, limits, used):
    """Whether one request may read a run, said as plainly as can be."""
    start, stop = covered(run)
    if any(span.extent == (start, stop) for span in run):
        return True
    if stop - start > limits.most or any(start <= near and far < stop for near, far in limits.apart):
        return False
    gaps = "".join("." if at in used else " " for at in range(start, stop)).split(".")
    return max(map(len, gaps)) <= limits.gap


def every_partition(spans):
    """Yield all ways to share spans out to requests, not only to neighbours."""
    if not spans:
        yield []
        return
    first, *rest = spans
    for others in every_partition(rest):
        yield [(first,), *others]
        for at, other in enumerate(others):
            yield [*others[:at], (first, *other), *others[at + 1 :]]


@settings(deadline=None, max_examples=60)
@given(
    places=st.lists(st.tuples(st.integers(0, 24), st.integers(1, 6)), min_size=1, max_size=7),
    most=st.integers(6, 16),
    gap=st.integers(0, 6),
    apart=st.lists(st.tuples(st.integers(0, 24), st.integers(1, 8)), max_size=2),
)
@example(places=[(0, 1), (0, 3), (1, 1)], most=6, gap=0, apart=[(0, 2)])
def test_no_other_way_needs_fewer_requests_or_registers(places, most, gap, apart):
    """Against every way there is, on small cases: the fewest requests, and of those the fewest registers."""
    spans = spans_of(places)
    limits = Limits(most, gap, tuple((near, near + width) for near, width in apart))
    used = {at for span in spans for at in range(span.start, span.stop)}

    runs = merge(spans, limits)

    best = min(
        (len(way), sum(covered(run)[1] - covered(run)[0] for run in way))
        for way in every_partition(spans)
        if all(allowed(run, limits, used) for run in way)
    )
    assert [span for run in runs for span in run] == spans
    assert all(allowed(run, limits, used) for run in runs)
    assert (len(runs), sum(covered(run)[1] - covered(run)[0] for run in runs)) == best


def test_what_lies_inside_a_value_comes_with_it():
    """Where a single value is wider than the limit, no more requests are made for what it covers."""
    places = [(0, 1), (0, 8), (2, 3), (7, 2)]

    runs = merge(spans_of(places), Limits(4, 0))

    assert [covered(run) for run in runs] == [(0, 8), (7, 9)]


def test_a_cut_is_made_where_it_saves_registers():
    """Of two ways with two requests the one that reads fewer registers is taken."""
    points = {f"p{at}": {"register": f"holding:{at}"} for at in (0, 1, 8, 9, 10, 11)}

    assert blocks(points, max_registers=10) == [
        ("holding", 0, 2, ["p0", "p1"]),
        ("holding", 8, 4, ["p8", "p9", "p10", "p11"]),
    ]


def test_a_value_and_its_scale_factor_share_a_request():
    """They are right only together, whatever the gap between them and wherever the limit falls."""
    points = {
        "power": {"register": "holding:0", "scale_factor": "holding:9"},
        "other": {"register": "holding:12"},
        "energy": {"register": "holding:14", "type": "uint32", "scale_factor": "holding:9"},
    }

    assert blocks(points, max_gap=0, max_registers=10) == [
        ("holding", 0, 10, ["power"]),
        ("holding", 9, 7, ["energy", "other"]),
    ]


def test_what_is_bridged_is_told():
    """Registers between values that no point uses; a scale factor is used."""
    points = {"a": {"register": "holding:0", "scale_factor": "holding:4"}, "b": {"register": "holding:6"}}
    group, *_ = plan(bind(device(connector, "modbus+tcp://127.0.0.1", points)))

    assert [block.bridged for block in group.blocks] == [[(1, 4), (5, 6)]]


@pytest.mark.parametrize(
    ("endpoint", "register", "gap"),
    [
        ("modbus+tcp://127.0.0.1", "holding:0", 50),
        ("modbus+tcp://127.0.0.1", "coil:0", 808),
        ("modbus+rtu+tcp://127.0.0.1", "holding:0", 10),
        ("modbus+rtu:///dev/ttyS0/1", "input:0", 10),
        ("modbus+rtu:///dev/ttyS0/1", "discrete:0", 160),
    ],
)
def test_gaps_are_bridged_where_that_costs_less_than_asking_again(endpoint, register, gap):
    """A request costs 101 bytes over TCP and 20 characters on a serial line, a register 2."""
    one = device(connector, endpoint, {"a": {"register": register}})
    table = address_of(one.points["a"]).table

    assert limits_of(one, table).gap == gap


def test_a_device_with_very_many_points_is_planned_quickly():
    """Thousands of coils: the fewest requests, without comparing all ways."""
    spans = [Span(Table.COIL, 3 * at, 3 * at + 1, ()) for at in range(6_000)]

    began = time.process_time()
    runs = merge(spans, Limits(2000, 16))

    assert time.process_time() - began < 2.0
    assert len(runs) == 9
    assert block_of(runs[0]).count == 1999
