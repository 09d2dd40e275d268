from __future__ import annotations

import pytest

from connectors.opcua.certificates import load_pair, thumbprint
from connectors.opcua.folders import TRUSTED, overview
from tests.connectors.opcua.pki import DER, identity
from twin.errors import StartError


def test_a_key_of_another_certificate_is_refused(tmp_path):
    """A certificate and a key that do not belong together are not used."""
    one = identity().write(tmp_path, "one")
    other = identity(bits=1024).write(tmp_path, "other")

    with pytest.raises(StartError, match="is not the RSA key of"):
        load_pair(tmp_path / one[0], tmp_path / other[1])


def test_certificates_may_be_pem(tmp_path):
    """A person may put a certificate into `trusted` in either form."""
    (tmp_path / TRUSTED).mkdir()
    pem = "-----BEGIN CERTIFICATE-----"
    from cryptography.hazmat.primitives.serialization import Encoding

    one = identity().certificate
    (tmp_path / TRUSTED / "plc.pem").write_bytes(one.public_bytes(Encoding.PEM))

    assert (tmp_path / TRUSTED / "plc.pem").read_text().startswith(pem)
    assert overview(tmp_path)[0].startswith(f"trusted  {thumbprint(one)}")
    assert len(one.public_bytes(DER)) > 0
