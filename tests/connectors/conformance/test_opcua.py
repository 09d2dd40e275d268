"""OPC UA against the conformance suite."""

import pytest

from connectors.conformance.suite import Suite
from connectors.opcua.folders import TRUSTED
from connectors.opcua.own import make
from tests.connectors.conformance.opcua import LoggedIn, OpcUaSubject, variables
from tests.connectors.opcua.pki import DER, SecureBms, identity
from tests.connectors.opcua.servers import Bms


class TestOpcUa(Suite):
    subject = OpcUaSubject()

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def server(cls, tmp_path_factory):
        """One server for all checks, and one with security on for those of secrets."""
        shown, keys = identity(), tmp_path_factory.mktemp("opcua")
        make(keys, "urn:barrio:test:client", ["localhost"])
        (keys / TRUSTED).mkdir()
        (keys / TRUSTED / "server.der").write_bytes(shown.certificate.public_bytes(DER))
        with Bms(variables()) as bms, SecureBms(variables(), shown) as secure:
            OpcUaSubject.bms, LoggedIn.bms, LoggedIn.keys = bms, secure, keys
            yield
        OpcUaSubject.bms = LoggedIn.bms = LoggedIn.keys = None
