"""MQTT (3.1.1 and 5.0): topics with text, JSON, CBOR and SenML, and Sparkplug B."""

from connectors.mqtt.connector import MqttConnector

connector = MqttConnector()

__all__ = ["connector"]
