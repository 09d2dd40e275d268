from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.opcua.certificates import thumbprint
from connectors.opcua.folders import ISSUERS, REJECTED, TRUSTED
from connectors.opcua.trust import NotTrustedError, judge
from tests.connectors.opcua.pki import DER, SERVER_URI, bare, identity

HOST = "127.0.0.1"
ROOT = identity(name="root", authority=True)
OTHER_ROOT = identity(name="other", authority=True)
BETWEEN = identity(name="between", authority=True, issuer=ROOT)
LEAF = identity(issuer=ROOT)
SERIAL = LEAF.certificate.serial_number
DEEP_LEAF = identity(issuer=BETWEEN)


def put(folder, place, *certificates):
    (folder / place).mkdir(exist_ok=True)
    for one in certificates:
        (folder / place / f"{thumbprint(one)[:8]}.der").write_bytes(one.public_bytes(DER))


def verdict(folder, raw, uri=SERVER_URI, host=HOST, now=None):
    """The words of the refusal, empty when the certificate is trusted."""
    try:
        judge(folder, raw, uri, host, now or datetime.now(UTC))
    except NotTrustedError as error:
        return str(error)
    return ""


def test_the_certificate_itself_may_be_trusted(tmp_path):
    """A self-signed certificate is trusted when it is among the trusted ones, and only it."""
    mine, other = identity(), identity()
    put(tmp_path, TRUSTED, mine.certificate)

    assert verdict(tmp_path, mine.der) == ""
    assert "nobody trusts it yet" in verdict(tmp_path, other.der)
    assert [path.stem for path in (tmp_path / REJECTED).iterdir()] == [thumbprint(other.certificate)]


def test_the_authority_may_be_trusted(tmp_path):
    """A server is trusted by the authority that signed it, and by no other."""
    put(tmp_path, TRUSTED, ROOT.certificate)

    assert verdict(tmp_path, LEAF.der) == ""
    assert "nobody trusts it yet" in verdict(tmp_path, identity(issuer=OTHER_ROOT).der)


def test_a_chain_is_followed(tmp_path):
    """Authorities in between come from the folder of issuers or from the server; without them trust does not reach."""
    put(tmp_path, TRUSTED, ROOT.certificate)
    chain = DEEP_LEAF.der + BETWEEN.der

    assert "nobody trusts it yet" in verdict(tmp_path, DEEP_LEAF.der)
    assert verdict(tmp_path, chain) == ""

    put(tmp_path, ISSUERS, BETWEEN.certificate)
    assert verdict(tmp_path, DEEP_LEAF.der) == ""


def test_an_issuer_in_between_is_not_trusted_by_itself(tmp_path):
    """What stands in `issuers` completes chains, and does not begin trust."""
    put(tmp_path, ISSUERS, ROOT.certificate, BETWEEN.certificate)

    assert "nobody trusts it yet" in verdict(tmp_path, DEEP_LEAF.der)


def test_a_server_may_not_issue_certificates(tmp_path):
    """A trusted server's own key signs no other server, even with the right name."""
    put(tmp_path, TRUSTED, LEAF.certificate)
    forged = identity(issuer=LEAF)

    assert "nobody trusts it yet" in verdict(tmp_path, forged.der)


def test_an_authority_that_has_expired_is_refused(tmp_path):
    """The whole chain must be valid today."""
    old = identity(name="root", authority=True, ends=timedelta(hours=-1))
    put(tmp_path, TRUSTED, old.certificate)

    assert "its issuer CN=root: it has expired on " in verdict(tmp_path, identity(issuer=old).der)


def revoke(issuer, *serials):
    now = datetime.now(UTC)
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.certificate.subject)
    builder = builder.last_update(now).next_update(now + timedelta(days=1))
    for serial in serials:
        one = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
        builder = builder.add_revoked_certificate(one)
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(DER)


@pytest.mark.parametrize(
    ("by", "serial", "refused"),
    [
        (ROOT, LEAF.certificate.serial_number, True),
        (ROOT, 99, False),
        (OTHER_ROOT, LEAF.certificate.serial_number, False),
    ],
)
def test_a_revoked_certificate_is_refused(tmp_path, by, serial, refused):
    """A list of its own authority revokes a certificate, whoever trusts it; other lists do not."""
    put(tmp_path, TRUSTED, ROOT.certificate, LEAF.certificate)
    (tmp_path / ISSUERS).mkdir()
    (tmp_path / ISSUERS / "root.crl").write_bytes(revoke(by, serial))

    assert verdict(tmp_path, LEAF.der).endswith("CN=server was revoked by CN=root") is refused


def test_a_list_of_revoked_certificates_that_cannot_be_read_trusts_nobody(tmp_path):
    """A broken list is not passed over in silence."""
    put(tmp_path, TRUSTED, ROOT.certificate)
    (tmp_path / ISSUERS).mkdir()
    (tmp_path / ISSUERS / "root.crl").write_bytes(b"nothing")

    assert "root.crl is no list of revoked certificates" in verdict(tmp_path, LEAF.der)


@pytest.mark.parametrize(
    ("host", "named"),
    [
        ("PLC.example", True),
        ("plc.example.", True),
        ("10.0.0.9", True),
        ("[2001:db8::1]", True),
        ("2001:DB8:0::1", True),
        ("example", False),
        ("10.0.0.90", False),
    ],
)
def test_the_host_must_be_named(tmp_path, host, named):
    """Names are compared without case, addresses as addresses; nothing else matches."""
    one = identity(hosts=["plc.example", "10.0.0.9", "2001:db8::1"])
    put(tmp_path, TRUSTED, one.certificate)

    assert (verdict(tmp_path, one.der, host=host) == "") is named


def test_all_that_is_wrong_is_said_at_once(tmp_path):
    """A person sees every fault of a certificate in one message."""
    words = verdict(tmp_path, identity("urn:x", [], bits=1024, ends=timedelta(hours=-1)).der)

    assert words.count(";") == 4


def test_an_authority_binds_those_below_it(tmp_path):
    """An authority that may have no authority below it, or whose key signs no certificates, is no issuer."""
    strict = identity(name="strict", authority=True, levels=0)
    between = identity(name="below", authority=True, issuer=strict)
    mute = identity(name="mute", authority=True, issues=False)
    put(tmp_path, TRUSTED, strict.certificate, mute.certificate)

    assert verdict(tmp_path, identity(issuer=strict).der) == ""
    assert "nobody trusts it yet" in verdict(tmp_path, identity(issuer=between).der + between.der)
    assert "nobody trusts it yet" in verdict(tmp_path, identity(issuer=mute).der)


def test_a_certificate_that_says_nothing_of_itself_is_refused(tmp_path):
    """Without names it is nobody's, and a key of another kind than RSA is not used; what it may do is left open."""
    one = bare()
    put(tmp_path, TRUSTED, one.certificate)
    words = verdict(tmp_path, one.der)

    assert "its key is not RSA" in words
    assert "it is of application 'unknown', the server calls itself " in words
    assert "it is of no host, not of 127.0.0.1" in words
    assert "usage" not in words


@pytest.mark.parametrize("raw", [b"", b"\x30", b"nothing", b"\x30\x03\x02\x01\x00"])
def test_what_is_no_certificate_is_refused(tmp_path, raw):
    """A server that shows nothing, or something else, is told apart from one that nobody trusts yet."""

    assert verdict(tmp_path, raw) == "the server's certificate cannot be read: ValueError"


@settings(max_examples=200, deadline=None)
@given(cut=st.integers(0, 900), at=st.integers(0, 900), bits=st.integers(0, 255))
def test_a_damaged_certificate_is_refused(tmp_path_factory, cut, at, bits):
    """Whatever bytes a server shows, the answer is a refusal or the certificate that is trusted."""
    folder = tmp_path_factory.getbasetemp() / "damaged"
    folder.mkdir(exist_ok=True)
    raw = bytearray(LEAF.der[: len(LEAF.der) - cut])
    if at < len(raw):
        raw[at] ^= bits

    assert verdict(folder, bytes(raw))
