"""Modbus against the conformance suite."""

from connectors.conformance.suite import Suite
from tests.connectors.conformance.modbus import ModbusSubject


class TestModbus(Suite):
    subject = ModbusSubject()
