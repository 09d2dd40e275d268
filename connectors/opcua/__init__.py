"""OPC UA: one session per server, subscriptions for what its devices measure."""

from connectors.opcua.connector import connector

__all__ = ["connector"]
