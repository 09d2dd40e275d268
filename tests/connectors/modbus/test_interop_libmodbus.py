"""Against a device that others wrote: libmodbus answers, with what real devices do, and no special case for it."""

import asyncio

import pytest

from connectors.abilities import Done
from connectors.conformance.recording import RecordingSink, running, supervised
from connectors.home import Home
from tests.connectors.modbus.interop import on_a_line, over_tcp
from tests.connectors.modbus.links import link_at, settings
from twin.quality import Reason

READ = {
    "holding": {"register": "holding:7"},
    "input": {"register": "input:7"},
    "wide": {"register": "holding:8", "type": "uint32"},
    "turned": {"register": "holding:8", "type": "uint32", "order": "CDAB"},
    "coil": {"register": "coil:9"},
    "coil_off": {"register": "coil:10"},
    "discrete": {"register": "discrete:11"},
    "field": {"register": "input:9", "bits": "4-9"},
    "half": {"register": "input:9", "type": "uint8", "byte": "high"},
    "abcd": {"register": "holding:100", "type": "float32", "order": "ABCD"},
    "cdab": {"register": "holding:102", "type": "float32", "order": "CDAB"},
    "badc": {"register": "holding:104", "type": "float32", "order": "BADC"},
    "dcba": {"register": "holding:106", "type": "float32", "order": "DCBA"},
}
VALUES = {
    "holding": 7.0,
    "input": 1007.0,
    "wide": 8 * 65536 + 9.0,
    "turned": 9 * 65536 + 8.0,
    "coil": 1.0,
    "coil_off": 0.0,
    "discrete": 1.0,
    "field": float(1009 >> 4 & 0x3F),
    "half": 3.0,
    "abcd": 123456.75,
    "cdab": 123456.75,
    "badc": 123456.75,
    "dcba": 123456.75,
}
WRITTEN = {
    "one": {"register": "holding:50", "writable": True},
    "two": {"register": "holding:52", "type": "float32", "order": "CDAB", "writable": True},
    "coil": {"register": "coil:20", "writable": True},
    "next_a": {"register": "coil:30", "writable": True},
    "next_b": {"register": "coil:31", "writable": True},
    "bit": {"register": "holding:60", "bit": 3, "writable": True},
    "field": {"register": "holding:61", "bits": "8-11", "writable": True},
    "text": {
        "register": "holding:70",
        "type": "string",
        "length": 4,
        "writable": True,
        "states": {"AUTO": "auto", "OFF": "off"},
    },
}
NEW = {
    "one": 4711.0,
    "two": -0.5,
    "coil": 1.0,
    "next_a": 0.0,
    "next_b": 1.0,
    "bit": 1.0,
    "field": 5.0,
    "text": "AUTO",
}


async def latest(link, bound, ready):
    """Return the newest readings once `ready` holds of them."""
    sink = RecordingSink()
    async with supervised(link, sink):
        await sink.wait_for(lambda: ready(sink.latest(bound)), timeout=20.0)
    return sink.latest(bound)


def all_good(points):
    return lambda found: len(found) == len(points) and all(r.reason is Reason.GOOD for r in found.values())


async def test_every_table_and_order_is_read(tmp_path):
    """Functions 1 to 4; four orders of a float as C puts them into registers."""
    with over_tcp(tmp_path) as served:
        link, (bound,) = link_at(f"{served.at}/1", points=READ)

        found = await latest(link, bound, all_good(READ))

    assert {name: reading.value for name, reading in found.items()} == VALUES
    assert served.functions == {1, 2, 3, 4}


async def test_the_same_over_a_serial_line(tmp_path):
    """RTU between two terminals: frames and checksums of two implementations agree."""
    async with on_a_line(tmp_path, unit=17) as served:
        link, (bound,) = link_at(f"{served.at}/17", points=READ, parity="N", baudrate=19200, timeout=2.0)

        found = await latest(link, bound, all_good(READ))

    assert {name: reading.value for name, reading in found.items()} == VALUES
    assert served.functions == {1, 2, 3, 4}


async def write(link, bound, values):
    """Write and return the outcomes by name, once the link is up."""
    sink = RecordingSink()
    async with running(link, sink):
        await sink.wait_for(lambda: sink.ups, timeout=20.0)
        outcomes = await link.write(settings(bound, **values))
    return {outcome.setting.point.point.name: outcome for outcome in outcomes}


@pytest.mark.parametrize(
    ("options", "functions"),
    [({}, {5, 6, 15, 16, 22}), ({"read_write": True}, {5, 15, 22, 23})],
    ids=["write and read", "at once"],
)
async def test_every_way_to_write(tmp_path, options, functions):
    """Coils and registers, one and several, a bit among others, and function 23: written and read back."""
    with over_tcp(tmp_path) as served:
        link, (bound,) = link_at(f"{served.at}/1", points=WRITTEN, **options)

        outcomes = await write(link, bound, NEW)

    assert {name: outcome.done for name, outcome in outcomes.items()} == dict.fromkeys(NEW, Done.WRITTEN)
    assert {name: outcome.read_back for name, outcome in outcomes.items()} == NEW
    assert served.functions >= functions


async def test_writing_over_a_serial_line(tmp_path):
    """The same requests as RTU frames."""
    async with on_a_line(tmp_path) as served:
        link, (bound,) = link_at(f"{served.at}/1", points=WRITTEN, parity="N", timeout=2.0)

        outcomes = await write(link, bound, NEW)

    assert {name: outcome.read_back for name, outcome in outcomes.items()} == NEW
    assert served.functions >= {5, 6, 15, 16, 22}


async def test_a_device_that_writes_one_at_a_time(tmp_path):
    """`single_writes` keeps to functions 5 and 6."""
    points = {name: WRITTEN[name] for name in ("one", "coil", "next_a", "next_b")}
    with over_tcp(tmp_path) as served:
        link, (bound,) = link_at(f"{served.at}/1", points=points, single_writes=True)

        outcomes = await write(link, bound, {name: NEW[name] for name in points})

    assert all(outcome.done is Done.WRITTEN for outcome in outcomes.values())
    assert served.functions & {5, 6, 15, 16, 22, 23} == {5, 6}


async def test_a_device_without_function_22(tmp_path):
    """A bit is set all the same, and its neighbours stay; the outcome says how."""
    with over_tcp(tmp_path, refuse=22) as served:
        link, (bound,) = link_at(
            f"{served.at}/1", points={"bit": WRITTEN["bit"], "all": {"register": "holding:60"}}
        )

        outcomes = await write(link, bound, {"bit": 1.0})
        found = await latest(link, bound, lambda found: len(found) == 2)

    assert outcomes["bit"].read_back == 1.0
    assert found["all"].value == 60 | 1 << 3
    assert 6 in served.functions


async def test_registers_outside_its_window_are_set_aside(tmp_path):
    """Illegal data address: what the device has is read, the others have its words, also after a restart."""
    points = {f"r{at}": {"register": f"holding:{at}"} for at in range(1000, 1060, 2)}
    home = Home()
    with over_tcp(tmp_path, first=1010, count=30, hole=1021) as served:
        link, (bound,) = link_at(f"{served.at}/1", points=points, home=home)
        inside = [f"r{at}" for at in range(1010, 1040, 2)]
        learned = {(3, 1010, 11), (3, 1022, 17)}
        found = await latest(
            link, bound, lambda found: len(found) == len(points) and set(served.requests[-6:]) == learned
        )
        asked = len(served.requests)
        link, (bound,) = link_at(f"{served.at}/1", points=points, home=home)
        await latest(link, bound, lambda found: len(found) == len(points))
        after_restart = served.requests[asked:]

    assert {name: found[name].value for name in inside} == {name: float(name[1:]) for name in inside}
    outside = set(points) - set(inside)
    assert {found[name].detail.partition(";")[0] for name in outside} == {"exception 2: illegal data address"}
    assert set(after_restart) == learned


async def test_a_device_that_gives_few_registers_at_once(tmp_path):
    """Illegal data value for long reads: shorter ones from then on, nothing lost."""
    points = {f"r{at}": {"register": f"input:{at}"} for at in range(90)}
    with over_tcp(tmp_path, most=25) as served:
        link, (bound,) = link_at(f"{served.at}/1", points=points)

        found = await latest(link, bound, all_good(points))

    assert {name: reading.value for name, reading in found.items()} == {
        name: 1000.0 + float(name[1:]) for name in points
    }
    assert max(count for _, _, count in served.requests[-4:]) <= 25


async def test_an_unknown_function_is_told(tmp_path):
    """Illegal function: bad readings with the device's words, the other tables are read."""
    points = {"a": {"register": "input:3"}, "b": {"register": "holding:3"}}
    with over_tcp(tmp_path, refuse=4) as served:
        link, (bound,) = link_at(f"{served.at}/1", points=points)

        found = await latest(link, bound, lambda found: len(found) == 2)

    assert (found["a"].reason, found["a"].detail) == (
        Reason.DEVICE_EXCEPTION,
        "exception 1: illegal function",
    )
    assert (found["b"].value, found["b"].reason) == (3.0, Reason.GOOD)


async def test_another_unit_stays_silent_and_its_neighbour_is_read(tmp_path):
    """The device answers for its own unit only: the other one is a gap."""
    with over_tcp(tmp_path, unit=5) as served:
        link, (mine, other) = link_at(f"{served.at}/5", f"{served.at}/6")
        sink = RecordingSink()
        async with supervised(link, sink):
            await sink.wait_for(lambda: sink.silences and len(sink.latest(mine)) == 1, timeout=20.0)
            before = len(sink.frames)
            await sink.wait_for(lambda: len(sink.frames) > before + 3, timeout=20.0)

    assert sink.by_name(mine) == {"level": 0.0}
    assert sink.by_name(other) == {}
    assert {silence.ids for silence in sink.silences} == {(1,)}
    assert {silence.reason for silence in sink.silences} == {Reason.NO_ANSWER}


async def test_a_slow_device_is_waited_for(tmp_path):
    """An answer within the timeout is an answer, however slow."""
    with over_tcp(tmp_path, delay_ms=150) as served:
        link, (bound,) = link_at(f"{served.at}/1", points=READ, timeout=3.0)

        found = await latest(link, bound, all_good(READ))

    assert found["holding"].value == 7.0


async def test_answers_later_than_the_timeout_are_never_values(tmp_path):
    """Late answers meet nobody: no value, and a gap with its reason."""
    with over_tcp(tmp_path, delay_ms=400) as served:
        link, _ = link_at(f"{served.at}/1", timeout=0.1)
        sink = RecordingSink()
        async with supervised(link, sink):
            await sink.wait_for(lambda: len(sink.silences) >= 2, timeout=20.0)
            await asyncio.sleep(0.5)

    assert not sink.frames
    assert {silence.reason for silence in sink.silences} == {Reason.NO_ANSWER}


async def test_a_device_that_hangs_up_now_and_then_costs_no_reading(tmp_path):
    """Every third answer is the last of its connection: it is opened again without a word."""
    points = {name: READ[name] for name in ("holding", "input", "coil", "discrete")}
    with over_tcp(tmp_path, drop_after=3) as served:
        link, (bound,) = link_at(f"{served.at}/1", points=points)
        sink = RecordingSink()
        async with supervised(link, sink):
            await sink.wait_for(lambda: len(sink.frames) >= 40, timeout=20.0)

    assert not sink.downs
    assert not sink.silences
    assert sink.by_name(bound) == {name: VALUES[name] for name in points}
