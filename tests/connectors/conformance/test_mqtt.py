"""MQTT against the conformance suite."""

from connectors.conformance.suite import Suite
from tests.connectors.conformance.mqtt import MqttSubject


class TestMqtt(Suite):
    subject = MqttSubject()
