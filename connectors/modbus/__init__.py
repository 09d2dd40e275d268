"""Modbus over TCP, TLS and serial lines: see README.md."""

from connectors.modbus.connector import ModbusConnector

connector = ModbusConnector()

__all__ = ["connector"]
