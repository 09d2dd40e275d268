"""Which addresses answer, found with few requests."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.modbus.pdu import NoAnswer, Refused
from connectors.modbus.registers import Table
from connectors.modbus.scan import Scan


class Device:
    """Stands in for an `Asker`: answers stretches of holding registers that it has, refuses or ignores the rest."""

    unit = 1

    def __init__(self, has, code=2):
        self.has = has
        self.code = code
        self.requests = []

    async def ask(self, request):
        first, count = int.from_bytes(request.pdu[1:3], "big"), int.from_bytes(request.pdu[3:5], "big")
        self.requests.append((first, count))
        if all(at in self.has for at in range(first, first + count)):
            return bytes(2 * count)
        return Refused("peer", self.code) if self.code else NoAnswer("peer", "no answer")


def scanned(device, most=125):
    scan = Scan(device, Table.HOLDING, most)
    asyncio.run(scan.run())
    return scan.seen


@settings(deadline=None, max_examples=60)
@given(first=st.integers(0, 984), size=st.integers(16, 400), most=st.sampled_from([125, 60, 16]))
def test_a_map_below_a_thousand_is_found_to_the_register(first, size, most):
    """Of sixteen registers and more, wherever it begins, whatever one request may read."""
    has = range(first, min(first + size, 1000))

    assert scanned(Device(set(has)), most).ranges == [(has.start, has.stop)]


@settings(deadline=None, max_examples=30)
@given(place=st.integers(1, 65), size=st.integers(1, 600))
def test_a_map_at_a_round_address_is_found(place, size):
    """From its first register to its last."""
    has = set(range(1000 * place, min(1000 * place + size, 65536)))

    assert scanned(Device(has)).ranges == [(min(has), max(has) + 1)]


@pytest.mark.parametrize("has", [set(), {0}, set(range(0, 1000, 2)), set(range(65536))])
def test_the_number_of_requests_is_bounded(has):
    """Even where every other register is missing; an `Asker` has the last word."""
    device = Device(has)
    scanned(device)

    assert len(device.requests) <= 600


def test_a_table_that_is_not_there_costs_one_request():
    """A function that the device does not know is not asked again, silence twice."""
    unknown, silent = Device(set(), code=1), Device(set(), code=0)

    assert "is not there" in scanned(unknown).words
    assert len(unknown.requests) == 1
    assert "left alone" in scanned(silent).words
    assert len(silent.requests) == 2
