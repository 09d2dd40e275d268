"""Which requests carry out settings."""

from hypothesis import given
from hypothesis import strategies as st

from connectors.abilities import Setting
from connectors.conformance.recording import bind, device
from connectors.modbus import connector
from connectors.modbus.config import ModbusOptions
from connectors.modbus.registers import Order, Table
from connectors.modbus.write_plan import parts_of, steps_of


@given(
    st.dictionaries(st.integers(0, 60), st.integers(0, 65535), min_size=1, max_size=40),
    st.integers(1, 20),
    st.booleans(),
)
def test_every_register_is_written_once(values, most, single):
    """Whatever is set, the requests carry each register once, its own value, and none is longer than allowed."""
    points = {f"p{at}": {"register": f"holding:{at}", "writable": True} for at in values}
    bound = bind(device(connector, "modbus+tcp://x", points))
    by_name = {point.point.name: point for point in bound.points}
    wanted = [Setting(by_name[f"p{at}"], value) for at, value in values.items()]
    parts, unfit = parts_of(wanted, Order.ABCD)
    options = ModbusOptions(max_write_registers=most, single_writes=single)

    found = {}
    for step in steps_of(1, parts, options):
        assert len(step.part.words) <= (1 if single else most)
        for at, word in enumerate(step.part.words, start=step.part.start):
            assert at not in found
            found[at] = word

    assert found == values
    assert not unfit
    assert {step.part.table for step in steps_of(1, parts, options)} == {Table.HOLDING}
