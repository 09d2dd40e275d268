"""Modbus TCP, by pymodbus: see README.md."""

from connectors.modbus.connector import ModbusConnector

connector = ModbusConnector()

__all__ = ["connector"]
