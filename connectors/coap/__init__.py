"""CoAP (RFC 7252): observed or polled resources in text, JSON, CBOR and SenML."""

from connectors.coap.connector import CoapConnector

connector = CoapConnector()

__all__ = ["connector"]
