"""CoAP against the conformance suite."""

from connectors.conformance.suite import Suite
from tests.connectors.conformance.coap import CoapSubject


class TestCoap(Suite):
    subject = CoapSubject()
