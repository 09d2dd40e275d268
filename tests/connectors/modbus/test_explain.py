"""The read plan in words."""

import pytest

from connectors.abilities import Explains
from connectors.conformance.recording import bind, device
from connectors.home import Home
from connectors.modbus import connector
from connectors.modbus.explain import cost_of, explain
from connectors.modbus.learning import DevicePlan
from connectors.modbus.plan import plan

SECOND = 1_000_000_000
POINTS = {
    "level": {"register": "holding:0"},
    "volume": {"register": "holding:4", "type": "float32"},
    "inlet": {"register": "coil:9"},
    "alarm": {"register": "input:4", "bit": 3, "poll": "100ms"},
}


def bound_of(points, endpoint="modbus+tcp://127.0.0.1:502/7", **options):
    return bind(device(connector, endpoint, points, poll_s=1.0, name="tank", options=options))


def test_a_plan_is_told_request_by_request():
    """Function, first and count, points by name, what is bridged, and what it costs."""
    text = explain(bound_of(POINTS), Home())

    assert text.splitlines() == [
        "tank: 4 points in 3 requests",
        "modbus+tcp://127.0.0.1:502/7, unit 7",
        "",
        "every 0.1 s",
        "  function 4, first 4, count 1: input 4",
        "    1 register, 1 point, 23 bytes",
        "    alarm",
        "",
        "every 1 s",
        "  function 1, first 9, count 1: coil 9",
        "    1 bit, 1 point, 22 bytes",
        "    inlet",
        "  function 3, first 0, count 6: holding 0 to 5",
        "    6 registers, 2 points, 33 bytes",
        "    bridged: 1 to 3",
        "    level, volume",
        "",
        "together 12 requests/s, 285 bytes/s",
        "",
        "coil: at most 2000 bits a request (by the options), gaps of up to 808 are bridged (by their cost)",
        "input: at most 125 registers a request (by the options), gaps of up to 50 are bridged (by their cost)",
        "holding: at most 125 registers a request (by the options), gaps of up to 50 are bridged (by their cost)",
    ]


def test_what_was_learned_is_told():
    """Registers that are set aside with the device's words and the next try, and what is never asked together."""
    home, bound = Home(), bound_of({f"r{at}": {"register": f"holding:{at}"} for at in (0, 1, 9)}, max_gap=7)
    learned = DevicePlan(bound, home)
    has = {0, *range(2, 10)}
    for _ in range(9):
        for block in learned.blocks(1.0):
            if has.issuperset(range(block.start, block.stop)):
                learned.answered(block, 0)
            else:
                learned.refused(block, 2, 1_800_000_000 * SECOND)

    text = explain(bound, home)

    assert (
        "refused: r1 (holding 1), exception 2: illegal data address; set aside until 2027-01-15 09:00:00 UTC"
        in text
    )
    assert "gaps of up to 7 are bridged (by max_gap)" in text


def test_a_border_and_a_limit_are_told():
    """What the device refused to give at once."""
    home, bound = Home(), bound_of({f"r{at}": {"register": f"holding:{at}"} for at in range(60)})
    learned = DevicePlan(bound, home)
    for _ in range(20):
        for block in learned.blocks(1.0):
            crosses = block.start < 12 < block.stop
            if block.count > 40 or crosses:
                learned.refused(block, 3 if block.count > 40 else 2, 0)
            else:
                learned.answered(block, 0)

    text = explain(bound, home)

    assert "holding: at most 30 registers a request (the device refused more)" in text
    assert "refused in one request: holding 11 and 12" in text


@pytest.mark.parametrize(
    ("options", "line_ms"),
    [
        # 8 + 5 + 2 characters of 11 bits, and twice 3.5 characters of silence.
        ({"baudrate": 9600}, (15 + 7) * 11 / 9.6),
        ({"baudrate": 9600, "parity": "N"}, (15 + 7) * 10 / 9.6),
        ({"baudrate": 9600, "parity": "N", "stopbits": 2}, (15 + 7) * 11 / 9.6),
        ({"baudrate": 115_200}, 15 * 11 / 115.2 + 3.5),
        ({"baudrate": 9600, "delay": "10ms"}, (15 + 7) * 11 / 9.6 + 10),
    ],
)
def test_time_on_a_serial_line(options, line_ms):
    """Characters, the silence around frames, and the delay that was asked for."""
    bound = bound_of({"a": {"register": "holding:0"}}, "modbus+rtu:///dev/ttyUSB0/7", **options)
    ((block,),) = [group.blocks for group in plan(bound)]

    cost = cost_of(block, bound.device)

    assert cost.bytes == 15
    assert cost.line_s * 1000 == pytest.approx(line_ms)
    assert f"{line_ms:.1f} ms on the line" in explain(bound, Home())


def test_a_line_that_cannot_carry_the_plan_is_told():
    """Whoever polls faster than the line is told before anything is late."""
    points = {f"r{at}": {"register": f"holding:{at}", "poll": "50ms"} for at in range(100)}
    bound = bound_of(points, "modbus+rtu:///dev/ttyUSB0/7")

    text = explain(bound, Home())

    assert "% of the line at 9600 bit/s: more than it carries, polls will come late" in text


def test_a_group_of_which_nothing_is_left_is_told():
    """An empty poll group is said to be empty."""
    home = Home()
    bound = bound_of({"a": {"register": "holding:0"}, "b": {"register": "holding:9", "poll": "1m"}})
    learned = DevicePlan(bound, home)
    learned.refused(learned.blocks(60.0)[0], 2, 0)

    assert "every 60 s\n  nothing: all of its points are set aside" in explain(bound, home)


def test_the_connector_explains():
    """What the command line calls."""
    bound = bound_of(POINTS)

    assert isinstance(connector, Explains)
    assert connector.explain(bound, Home()) == explain(bound, Home())
