"""Barrio's own application certificate, and the folders in which people say which servers they trust.

    own/        certificate.der, key.pem        made by `make`
    trusted/    certificates of servers, or of authorities whose servers are all trusted
    issuers/    authorities in between, and lists of revoked certificates
    rejected/   what servers showed and nobody trusts yet: the newest hundred

All stand in the connector's folder. A certificate is named by its thumbprint, the SHA-256 of its DER form.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from twin.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

KEY_BITS = 3072
DAYS = 5 * 365
MOST_REJECTED = 100
_MOST_BYTES = 64 * 1024
_LEAST_PREFIX = 16

OWN, TRUSTED, ISSUERS, REJECTED = "own", "trusted", "issuers", "rejected"

# What the parser raises for a certificate that is none, or one that it does not know.
MALFORMED = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


@dataclass(frozen=True, slots=True)
class Made:
    """An application certificate as it was written."""

    certificate: Path
    key: Path
    thumbprint: str


@dataclass(frozen=True, slots=True)
class Own:
    """Our certificate with its key; `uri` is the application URI that it names."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey
    uri: str

    def __repr__(self) -> str:
        """Return what it is, without the key."""
        return f"Own({self.uri!r})"


def make(
    folder: Path,
    application_uri: str = "",
    hosts: Iterable[str] = (),
    days: int = DAYS,
    *,
    replace: bool = False,
) -> Made:
    """Make a key and a self-signed application certificate (OPC 10000-6, 6.2.2) in `folder/own`.

    `application_uri` and `hosts` are this machine's when left out. `StartError` when there is a certificate already
    and `replace` does not say that it may go: servers that trust it would not know the new one.
    """
    own = folder / OWN
    paths = own / "certificate.der", own / "key.pem"
    there = [path for path in paths if path.exists()]
    if there and not replace:
        raise StartError(f"{there[0]} is there already: servers that trust it would not know a new one")
    names = list(hosts) or [socket.gethostname()]
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    certificate = _self_signed(key, application_uri or f"urn:{names[0]}:barrio", names, days)
    own.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(paths[1], text)
    _write(paths[0], certificate.public_bytes(serialization.Encoding.DER))
    return Made(*paths, thumbprint(certificate))


def _self_signed(key: rsa.RSAPrivateKey, uri: str, hosts: list[str], days: int) -> x509.Certificate:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, f"barrio at {hosts[0]}"[:64]),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "barrio"),
        ]
    )
    now = datetime.now(UTC)
    names = [x509.UniformResourceIdentifier(uri), *(_host(host) for host in hosts)]
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=True,  # as self-signed application certificates shall
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    public = key.public_key()
    return (
        x509.CertificateBuilder(name, name, public, x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write(path: Path, content: bytes) -> None:
    """Put a file in its place in one step, readable by nobody else."""
    beside = path.with_suffix(".new")
    with contextlib.suppress(FileNotFoundError):
        beside.unlink()
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    beside.replace(path)


def load_own(folder: Path) -> Own:
    """Return our certificate and key; `StartError` when there is none, or one that is unusable."""
    own = folder / OWN
    if not (own / "certificate.der").exists():
        raise StartError("there is no application certificate: make one with `barrio certs opcua`")
    certificate, key = load_pair(own / "certificate.der", own / "key.pem")
    uris = names_of(certificate, x509.UniformResourceIdentifier)
    if not uris:
        raise StartError(f"{own / 'certificate.der'} names no application URI: make it anew")
    if certificate.not_valid_after_utc < datetime.now(UTC):
        day = certificate.not_valid_after_utc.date()
        raise StartError(
            f"{own / 'certificate.der'} has expired on {day}: make it anew with `barrio certs opcua`"
        )
    return Own(certificate, key, uris[0])


def load_pair(certificate: Path, key: Path) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    """Return a certificate and its RSA key, each PEM or DER; `StartError` names the file that is wrong."""
    found = load_certificate(certificate)
    try:
        raw = key.read_bytes()
        load = (
            serialization.load_pem_private_key
            if raw.startswith(b"-----")
            else serialization.load_der_private_key
        )
        private = load(raw, None)
    except OSError as error:
        raise StartError(f"{key}: {error.strerror}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise StartError(f"{key} holds no key, or one with a password") from None
    if not isinstance(private, rsa.RSAPrivateKey) or private.public_key() != found.public_key():
        raise StartError(f"{key} is not the RSA key of {certificate}")
    return found, private


def load_certificate(path: Path) -> x509.Certificate:
    """Return the first certificate of a file, PEM or DER; `StartError` when it holds none."""
    try:
        return parse(_read(path))
    except OSError as error:
        raise StartError(f"{path}: {error.strerror}") from None
    except MALFORMED:
        raise StartError(f"{path} is no certificate") from None


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MOST_BYTES)


def parse(raw: bytes) -> x509.Certificate:
    """Return a certificate from PEM or DER; one of `MALFORMED` when it is none."""
    load = x509.load_pem_x509_certificate if raw.startswith(b"-----") else x509.load_der_x509_certificate
    return load(raw)


def thumbprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of the DER form, 64 hexadecimal digits."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def names_of(certificate: x509.Certificate, kind: type[x509.GeneralName]) -> list[str]:
    """Return the alternative names of one kind as text, none where the certificate has none."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(one.value) for one in found if isinstance(one, kind)]


def held(folder: Path, name: str) -> Iterator[tuple[Path, x509.Certificate]]:
    """Yield the certificates of `folder/name`, in the order of their file names; other files are passed over."""
    for path in sorted((folder / name).glob("*")):
        try:
            yield path, parse(_read(path))
        except (OSError, *MALFORMED):
            continue


def reject(folder: Path, certificate: x509.Certificate) -> None:
    """Keep a certificate for a person to look at; the oldest make room."""
    place = folder / REJECTED
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = place / f"{thumbprint(certificate)}.der"
    if not path.exists():
        _write(path, certificate.public_bytes(serialization.Encoding.DER))
    ages = sorted(((one.stat().st_mtime_ns, one) for one in place.glob("*.der")), reverse=True)
    for _, old in ages[MOST_REJECTED:]:
        old.unlink(missing_ok=True)


def trust(folder: Path, print_: str) -> Path:
    """Move the rejected certificate with this thumbprint to the trusted ones; returns where it is now.

    The first sixteen digits do when they name one only. `StartError` otherwise.
    """
    return _move(folder, REJECTED, TRUSTED, print_)


def untrust(folder: Path, print_: str) -> Path:
    """Move a trusted certificate back to the rejected ones; returns where it is now. As `trust` otherwise."""
    return _move(folder, TRUSTED, REJECTED, print_)


def _move(folder: Path, source: str, target: str, print_: str) -> Path:
    wanted = print_.replace(":", "").replace(" ", "").lower()
    if len(wanted) < _LEAST_PREFIX:
        raise StartError(f"a thumbprint has 64 digits, at least {_LEAST_PREFIX} of them are needed")
    found = {
        thumbprint(one): path for path, one in held(folder, source) if thumbprint(one).startswith(wanted)
    }
    if len(found) != 1:
        there = "several certificates" if found else "no certificate"
        raise StartError(f"there is {there} with thumbprint {wanted} in {folder / source}")
    ((full, path),) = found.items()
    (folder / target).mkdir(mode=0o700, parents=True, exist_ok=True)
    return path.replace(folder / target / f"{full}{path.suffix}")


def overview(folder: Path) -> list[str]:
    """Return lines for a person: our certificate, then those of others, with thumbprint, subject and end."""
    lines = []
    for name in (OWN, TRUSTED, ISSUERS, REJECTED):
        for _, one in held(folder, name):
            lines.append(f"{name:9}{thumbprint(one)}  {subject(one)}, until {one.not_valid_after_utc.date()}")
            lines += [f"{'':9}{uri}" for uri in names_of(one, x509.UniformResourceIdentifier)]
    return [_printable(line) for line in lines] or ["no certificates yet: make one with `barrio certs opcua`"]


def subject(certificate: x509.Certificate) -> str:
    """Return whose certificate it is, short enough for a message."""
    return _printable(certificate.subject.rfc4514_string())[:120] or "no subject"


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)
