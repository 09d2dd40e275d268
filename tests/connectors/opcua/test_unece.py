import pytest

from connectors.opcua.unece import CODES, NAMESPACE, common_code, ucum, unit_id
from twin.model import units


@pytest.mark.parametrize(("code", "number"), [("MMT", 5066068), ("C81", 4405297), ("C25", 4403765)])
def test_unit_ids_are_those_of_the_standard(code, number):
    """The letters of a common code are the bytes of the number (OPC 10000-8, 5.6.4.4)."""

    assert unit_id(code) == number
    assert common_code(number) == code


@pytest.mark.parametrize("code", CODES)
def test_every_unit_is_known_to_the_twin(code):
    """Each common code of the table leads to a UCUM code that converts."""

    assert units.find(ucum(NAMESPACE, unit_id(code))) is not None


@pytest.mark.parametrize("number", [0, -1, 2**31, 1, 0x41_00_42])
def test_a_number_that_is_no_code_is_no_unit(number):
    """Unit ids of others, and none at all, are not translated."""

    assert ucum(NAMESPACE, number) == ""


def test_the_units_of_others_are_not_translated():
    """The same number means something else under another namespace."""

    assert ucum("urn:vendor:units", unit_id("CEL")) == ""
