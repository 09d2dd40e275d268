"""Which requests read a device."""

from hypothesis import given
from hypothesis import strategies as st

from connectors.conformance.recording import bind, device
from connectors.modbus import connector
from connectors.modbus.config import address_of
from connectors.modbus.plan import plan


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
    for block in group.blocks:
        spans = sorted((block.offset(p), block.offset(p) + address_of(p.point).width) for p in block.points)
        assert spans[0][0] == 0
        assert max(stop for _, stop in spans) == block.count <= most
        reached = 0
        for start, stop in spans:
            assert start - reached <= gap
            reached = max(reached, stop)
