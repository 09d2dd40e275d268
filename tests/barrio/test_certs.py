"""`barrio certs opcua`, and `barrio new`: what the commands do beside what they call."""

import pytest

from barrio import cli
from barrio.commands.certs import Asked, certs
from barrio.errors import AskError
from barrio.settings import Settings
from connectors.opcua import certificates, folders, own
from twin.errors import StartError


@pytest.fixture
def settings(tmp_path):
    return Settings(data=tmp_path / "data")


def test_the_first_time_a_certificate_is_made(settings):
    """The command makes what is missing, for the hosts that were named, and leaves it alone from then on."""
    first = certs(settings, "opcua", Asked(hosts=("twin.example", "10.1.2.3")))
    second = certs(settings, "opcua", Asked())

    assert first[0].startswith("made ")
    assert "urn:twin.example:barrio" in " ".join(second)
    assert first[1:] == second


def test_a_new_one_is_made_only_when_asked(settings):
    """--renew makes another key."""
    certs(settings, "opcua", Asked())
    first = certs(settings, "opcua", Asked())
    renewed = certs(settings, "opcua", Asked(renew=True))

    assert renewed[1:] != first


def test_a_rejected_server_is_trusted_and_rejected_again(settings, tmp_path):
    """The certificate moves from one folder to the other and back."""
    folder = settings.data / "connectors" / "opcua"
    server = own.make(tmp_path / "server")
    folders.reject(folder, certificates.load_certificate(server.certificate))
    trusted = certs(settings, "opcua", Asked(trust=server.thumbprint[:16]))
    rejected = certs(settings, "opcua", Asked(untrust=server.thumbprint))

    assert trusted[0].startswith("trusted from now on")
    assert any(line.startswith("trusted") for line in trusted[1:])
    assert any(line.startswith("rejected") for line in rejected[1:])


def test_a_thumbprint_that_nobody_has(settings):
    """Nothing is made in passing."""
    with pytest.raises(StartError, match="no certificate with thumbprint"):
        certs(settings, "opcua", Asked(trust="0" * 64))

    assert not (settings.data / "connectors" / "opcua" / "own").exists()


def test_other_protocols_have_none(settings):
    """The error says which has."""
    with pytest.raises(AskError, match="opcua"):
        certs(settings, "modbus", Asked())


def test_only_connectors_can_be_begun():
    """What barrio cannot begin is said."""
    with pytest.raises(AskError, match="can begin a connector"):
        cli.new("district", "salinas")
