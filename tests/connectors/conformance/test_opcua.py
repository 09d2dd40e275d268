"""OPC UA against the conformance suite."""

import pytest

from connectors.conformance.suite import Suite
from tests.connectors.conformance.opcua import OpcUaSubject, variables
from tests.connectors.opcua.servers import Bms


class TestOpcUa(Suite):
    subject = OpcUaSubject()

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def server(cls):
        """One server for all checks."""
        with Bms(variables()) as bms:
            OpcUaSubject.bms = bms
            yield
        OpcUaSubject.bms = None
