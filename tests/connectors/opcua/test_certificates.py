from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from connectors.opcua.certificates import (
    MOST_REJECTED,
    REJECTED,
    TRUSTED,
    load_own,
    load_pair,
    make,
    names_of,
    overview,
    reject,
    thumbprint,
    trust,
    untrust,
)
from tests.connectors.opcua.pki import DER, identity
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


def test_a_key_of_another_certificate_is_refused(tmp_path):
    """A certificate and a key that do not belong together are not used."""
    one = identity().write(tmp_path, "one")
    other = identity(bits=1024).write(tmp_path, "other")

    with pytest.raises(StartError, match="is not the RSA key of"):
        load_pair(tmp_path / one[0], tmp_path / other[1])


def test_trusting_moves_a_certificate_and_untrusting_moves_it_back(tmp_path):
    """A certificate is where people put it; its thumbprint may be shortened and spaced as tools print it."""
    one = identity().certificate
    print_ = thumbprint(one)
    reject(tmp_path, one)
    spaced = ":".join(print_[at : at + 2] for at in range(0, 40, 2)).upper()
    path = trust(tmp_path, spaced)

    assert path == tmp_path / TRUSTED / f"{print_}.der"
    assert list((tmp_path / REJECTED).iterdir()) == []
    assert untrust(tmp_path, print_).parent == tmp_path / REJECTED


@pytest.mark.parametrize(
    ("print_", "words"),
    [("ab", "at least 16 of them"), ("ab" * 32, "there is no certificate with thumbprint")],
)
def test_a_thumbprint_that_names_nothing_is_refused(tmp_path, print_, words):
    """Too few digits, or digits of no certificate, move nothing."""
    reject(tmp_path, identity().certificate)

    with pytest.raises(StartError, match=words):
        trust(tmp_path, print_)


def test_rejected_certificates_are_bounded(tmp_path):
    """A server that shows a new certificate at each connect fills no disk: the newest stay."""
    folder = tmp_path / REJECTED
    folder.mkdir()
    for number in range(MOST_REJECTED + 20):
        (folder / f"{number}.der").write_bytes(b"")
        os.utime(folder / f"{number}.der", (number, number))
    one = identity().certificate
    reject(tmp_path, one)
    left = {path.stem for path in folder.iterdir()}

    assert left == {thumbprint(one), *(str(number) for number in range(21, MOST_REJECTED + 20))}


def test_the_overview_names_every_certificate(made):
    """Ours and those of others stand with thumbprint, subject, end and application; files that are none do not."""
    folder, paths = made
    one = identity(name="server \x1b[31m").certificate
    reject(folder, one)
    (folder / REJECTED / "notes.txt").write_text("no certificate")
    lines = overview(folder)

    assert lines[0].startswith(f"own      {paths.thumbprint}  ")
    assert lines[1].strip() == "urn:plant:barrio"
    assert lines[2].startswith(f"rejected {thumbprint(one)}  CN=server ")
    assert all(line.isprintable() for line in lines)
    assert len(lines) == 4


def test_the_overview_of_nothing_says_how_to_begin(tmp_path):
    """Without any certificate the command that makes one is named."""

    assert overview(tmp_path) == ["no certificates yet: make one with `barrio certs opcua`"]


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
