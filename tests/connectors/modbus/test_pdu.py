"""Requests as they travel, against what another implementation sends."""

import pytest
from pymodbus.pdu import bit_message, register_message

from connectors.modbus import pdu
from connectors.modbus.registers import Table


def theirs(message):
    """Return the bytes that pymodbus sends."""
    return bytes([message.function_code]) + message.encode()


@pytest.mark.parametrize(
    ("ours", "other"),
    [
        (pdu.read(1, Table.COIL, 5, 9), bit_message.ReadCoilsRequest(address=5, count=9)),
        (pdu.read(1, Table.DISCRETE, 5, 2000), bit_message.ReadDiscreteInputsRequest(address=5, count=2000)),
        (
            pdu.read(1, Table.HOLDING, 65000, 125),
            register_message.ReadHoldingRegistersRequest(address=65000, count=125),
        ),
        (pdu.read(1, Table.INPUT, 0, 1), register_message.ReadInputRegistersRequest(address=0, count=1)),
        (pdu.write_coil(1, 7, on=True), bit_message.WriteSingleCoilRequest(address=7, bits=[True])),
        (pdu.write_coil(1, 7, on=False), bit_message.WriteSingleCoilRequest(address=7, bits=[False])),
        (
            pdu.write_register(1, 7, 0xABCD),
            register_message.WriteSingleRegisterRequest(address=7, registers=[0xABCD]),
        ),
        (
            pdu.write_registers(1, 7, [1, 0xFFFF]),
            register_message.WriteMultipleRegistersRequest(address=7, registers=[1, 0xFFFF]),
        ),
        (
            pdu.mask_register(1, 4, 0xF2, 0x25),
            register_message.MaskWriteRegisterRequest(address=4, and_mask=0xF2, or_mask=0x25),
        ),
        (
            pdu.write_then_read(1, 14, [255, 256]),
            register_message.ReadWriteMultipleRegistersRequest(
                read_address=14, read_count=2, write_address=14, write_registers=[255, 256]
            ),
        ),
    ],
)
def test_requests_are_the_bytes_that_others_send(ours, other):
    """Each function is encoded as pymodbus encodes it."""
    assert ours.pdu == theirs(other)


def test_coils_of_the_standard():
    """MODBUS Application Protocol V1.1b3, 6.11: ten coils from 20, CD 01."""
    on = [bool(0x01CD >> at & 1) for at in range(10)]

    assert pdu.write_coils(1, 19, on).pdu == bytes.fromhex("0f 0013 000a 02 cd01")


@pytest.mark.parametrize(
    ("request_", "right"),
    [
        (pdu.read(1, Table.HOLDING, 0, 2), "03 04 0001 0002"),
        (pdu.read(1, Table.COIL, 0, 9), "01 02 ff01"),
        (pdu.write_coil(1, 7, on=True), "05 0007 ff00"),
        (pdu.write_coils(1, 7, [True, False]), "0f 0007 0002"),
        (pdu.write_register(1, 7, 3), "06 0007 0003"),
        (pdu.write_registers(1, 7, [3, 4]), "10 0007 0002"),
        (pdu.mask_register(1, 4, 0xF2, 0x25), "16 0004 00f2 0025"),
        (pdu.write_then_read(1, 14, [255]), "17 02 00ff"),
    ],
)
def test_right_answers_are_taken_and_all_others_are_not(request_, right):
    """Only the answer that the standard has for a request is one; each changed byte of its head makes it none."""
    answer = bytes.fromhex(right)
    payload = request_.payload(answer, "peer")

    assert answer.endswith(payload)
    for at in range(len(answer) - len(payload)):
        with pytest.raises((pdu.Unanswered, pdu.Refused)):
            request_.payload(answer[:at] + bytes([answer[at] ^ 1]) + answer[at + 1 :], "peer")


@pytest.mark.parametrize("code", [10, 11])
def test_a_gateway_speaks_for_its_unit(code):
    """Exceptions of a gateway say that the unit is away, and leave the connection as it is."""
    with pytest.raises(pdu.UnitAway) as caught:
        pdu.read(1, Table.HOLDING, 0, 2).payload(bytes([0x83, code]), "peer")

    assert not caught.value.spoils_connection
    assert caught.value.never_sent == (code == 10)
