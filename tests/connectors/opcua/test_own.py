from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from connectors.opcua.certificates import names_of, thumbprint
from connectors.opcua.own import load_own, make
from tests.connectors.opcua.pki import identity
from twin.errors import StartError


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    return folder, make(folder, "urn:plant:barrio", ["gateway.example", "10.0.0.7"], 30)


def test_the_application_certificate_is_what_servers_ask_for(made):
    """Key length, hash, names, usage and validity are those of OPC 10000-6, 6.2.2."""
    folder, paths = made
    own = load_own(folder)
    one = own.certificate
    usage = one.extensions.get_extension_for_class(x509.KeyUsage).value

    assert own.uri == "urn:plant:barrio"
    assert own.key.key_size >= 2048
    assert isinstance(one.signature_hash_algorithm, hashes.SHA256)
    assert names_of(one, x509.DNSName) == ["gateway.example"]
    assert names_of(one, x509.IPAddress) == ["10.0.0.7"]
    assert usage.digital_signature
    assert usage.content_commitment
    assert usage.key_encipherment
    assert usage.data_encipherment
    assert one.not_valid_after_utc - datetime.now(UTC) < timedelta(days=31)
    assert paths.thumbprint == thumbprint(one)


def test_the_key_is_readable_by_its_owner_only(made):
    """Neither the group nor others may read key or folder, whatever the umask."""
    folder, paths = made

    assert paths.key.stat().st_mode & 0o777 == 0o600
    assert (folder / "own").stat().st_mode & 0o077 == 0


def test_the_key_is_never_shown(made):
    """What stands for our identity in a traceback holds no key."""
    folder, _ = made

    assert repr(load_own(folder)) == "Own('urn:plant:barrio')"


def test_a_certificate_is_replaced_only_when_asked(tmp_path):
    """A second `make` leaves key and certificate as they were, unless it is told to replace them."""
    first = make(tmp_path)
    before = first.key.read_bytes(), first.certificate.read_bytes()
    with pytest.raises(StartError, match="is there already"):
        make(tmp_path)

    assert (first.key.read_bytes(), first.certificate.read_bytes()) == before

    make(tmp_path, replace=True)
    assert first.certificate.read_bytes() != before[1]


def test_names_come_from_the_machine_when_left_out(tmp_path, monkeypatch):
    """Without a URI and hosts, the certificate is of this machine."""
    monkeypatch.setattr("socket.gethostname", lambda: "gw7")
    make(tmp_path)

    assert load_own(tmp_path).uri == "urn:gw7:barrio"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "there is no application certificate: make one with `barrio certs opcua`"),
        ({"certificate.der": b"x"}, "certificate.der is no certificate"),
        ({"certificate.der": identity().der}, "key.pem: No such file"),
        (
            {"certificate.der": identity().der, "key.pem": b"x"},
            "key.pem holds no key, or one with a password",
        ),
        (
            {"certificate.der": identity(ends=timedelta(hours=-1)).der, "key.pem": None},
            "has expired on ",
        ),
    ],
)
def test_an_unusable_certificate_is_named(tmp_path, files, words):
    """What is missing or wrong is said with its file, and what to do."""
    (tmp_path / "own").mkdir()
    identity().write(tmp_path, "good")
    for name, content in files.items():
        raw = (tmp_path / "good.pem").read_bytes() if content is None else content
        (tmp_path / "own" / name).write_bytes(raw)

    with pytest.raises(StartError, match=words):
        load_own(tmp_path)


def test_a_certificate_without_an_application_uri_is_named(tmp_path):
    """An authority's certificate with its key is a pair, and no application's."""
    (tmp_path / "own").mkdir()
    certificate, key = identity(name="nameless", authority=True).write(tmp_path, "nameless")
    (tmp_path / "own" / "certificate.der").write_bytes((tmp_path / certificate).read_bytes())
    (tmp_path / "own" / "key.pem").write_bytes((tmp_path / key).read_bytes())

    with pytest.raises(StartError, match=r"certificate\.der names no application URI: make it anew"):
        load_own(tmp_path)
