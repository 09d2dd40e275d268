"""Certificates of all kinds, good and bad, and a server that shows them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from asyncua import ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.server import Server
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.connectors.opcua.servers import URI, Bms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SERVER_URI = "urn:barrio:test:server"
DER = serialization.Encoding.DER
EVERY_POLICY = (
    ua.SecurityPolicyType.Basic256Sha256_Sign,
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ua.SecurityPolicyType.Aes128Sha256RsaOaep_Sign,
    ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_Sign,
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
)
# sha256WithRSAEncryption and sha1WithRSAEncryption as they stand in DER (RFC 8017, A.2.4).
_SHA256 = bytes.fromhex("06092a864886f70d01010b")
_SHA1 = bytes.fromhex("06092a864886f70d010105")


@cache
def key_of(bits: int = 2048, number: int = 0) -> rsa.RSAPrivateKey:
    """Return the same key for the same arguments: making one takes long."""
    del number
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@dataclass(frozen=True)
class Identity:
    """A certificate with its key; `chain` stands behind it when it is shown."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def der(self) -> bytes:
        """The certificate, then its chain."""
        return b"".join(one.public_bytes(DER) for one in (self.certificate, *self.chain))

    def write(self, folder: Path, name: str) -> tuple[str, str]:
        """Write certificate and key into `folder`; returns both paths."""
        files = folder / f"{name}.der", folder / f"{name}.pem"
        files[0].write_bytes(self.certificate.public_bytes(DER))
        secret = serialization.NoEncryption()
        files[1].write_bytes(
            self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret)
        )
        return str(files[0]), str(files[1])


def identity(
    uri: str = SERVER_URI,
    hosts: Sequence[str] = ("127.0.0.1", "localhost"),
    *,
    name: str = "server",
    starts: timedelta = timedelta(days=-1),
    ends: timedelta = timedelta(days=1),
    bits: int = 2048,
    issuer: Identity | None = None,
    authority: bool = False,
    use: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
    signs: bool = True,
    issues: bool = True,
    levels: int | None = None,
    sha1: bool = False,
) -> Identity:
    """Return a certificate, by default one with which nothing is wrong; `issuer` signs it, or it itself.

    An authority has `levels` of authorities below it at most, and its key may sign certificates when it `issues`.
    """
    key = key_of(bits, hash(name) if issuer or authority else 0)
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder(issuer.certificate.subject if issuer else own, own, key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + starts)
        .not_valid_after(now + ends)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=levels), critical=True)
        .add_extension(_usage(signs=signs, authority=authority and issues), critical=True)
    )
    if not authority:
        names = [x509.UniformResourceIdentifier(uri), *map(_host, hosts)]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
    made = builder.sign(issuer.key if issuer else key, hashes.SHA256())
    if sha1:
        made = x509.load_der_x509_certificate(made.public_bytes(DER).replace(_SHA256, _SHA1))
    return Identity(made, key)


def bare(name: str = "bare") -> Identity:
    """Return a certificate that says nothing but whose it is, with a key of another kind than RSA."""
    key = ec.generate_private_key(ec.SECP256R1())
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(own, own, key.public_key(), x509.random_serial_number())
    dated = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    return Identity(dated.sign(key, hashes.SHA256()), key)


def _usage(*, signs: bool, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


class Users:
    """Knows one user by name, one by certificate, and everybody who says nothing."""

    def __init__(self, known: x509.Certificate | None = None) -> None:
        self.known = known.public_bytes(DER) if known else b""
        self.seen: list[str] = []

    def get_user(self, iserver, username=None, password=None, certificate=None):
        """Return a user, None when the password is wrong or the certificate unknown."""
        del iserver
        self.seen.append("name" if username else "certificate" if certificate == self.known else "anonymous")
        if username and (username, password) != ("operator", "open sesame"):
            return None
        return User(role=UserRole.User)


class SecureBms(Bms):
    """A server with security on, in a thread of its own."""

    def __init__(
        self,
        variables: Mapping[str, ua.Variant],
        shown: Identity,
        policies: Sequence[ua.SecurityPolicyType] = EVERY_POLICY,
        users: Users | None = None,
        port: int | None = None,
    ) -> None:
        super().__init__(variables, port=port)
        self._shown = shown
        self._policies = list(policies)
        self.users = users or Users()

    async def _start(self) -> None:
        self.server = Server(user_manager=self.users)
        await self.server.init()
        await self.server.set_application_uri(SERVER_URI)
        self.server.set_endpoint(self.endpoint)
        self.server.set_security_policy(self._policies)
        self.server.iserver.certificate = self._shown.certificate
        self.server.iserver.private_key = self._shown.key
        self.index = await self.server.register_namespace(URI)
        objects = self.server.nodes.objects
        self._folder = await objects.add_folder(ua.NodeId("Plant", self.index), "Plant")
        for name, value in self._variables.items():
            await self._add(name, value)
        await self.server.start()
