"""Barrio's own application certificate: made once, for years, and shown to every server.

It stands in the connector's folder, `own/certificate.der` with `own/key.pem`.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from connectors.opcua.certificates import load_pair, names_of, put, thumbprint
from twin.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

KEY_BITS = 3072
DAYS = 5 * 365
OWN = "own"


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
    put(paths[1], text)
    put(paths[0], certificate.public_bytes(serialization.Encoding.DER))
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
