"""Whether the certificate that a server shows is the one of the server that was meant (OPC 10000-4, 6.1.3).

Nothing is trusted because it was there first: a person trusts a certificate, or the authority that issued it.
"""

from __future__ import annotations

import ipaddress
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from connectors.opcua.certificates import MALFORMED, names_of, parse, subject, thumbprint
from connectors.opcua.folders import ISSUERS, TRUSTED, held, reject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

LEAST_KEY_BITS = 2048
_MOST_CHAIN = 8
_WEAK_HASHES = (hashes.MD5, hashes.SHA1)
_MOST_CRL_BYTES = 4 * 1024 * 1024

_DER = serialization.Encoding.DER
_Extension = TypeVar("_Extension", bound=x509.ExtensionType)

TRUST_COMMAND = "barrio certs opcua --trust"


class NotTrustedError(Exception):
    """Raised when a certificate is refused; the message says all that is wrong with it, for a person."""


def judge(folder: Path, raw: bytes, uri: str, host: str, now: datetime) -> x509.Certificate:
    """Return a server's certificate when it is trusted, for the application `uri` at `host`; `NotTrustedError` else.

    `raw` is what the server sent: its certificate in DER, perhaps with the chain of its issuers behind. A refused one
    is kept in `folder/rejected`. Reads files: for a thread.
    """
    try:
        leaf, *sent = split(raw)
        faults = [*_faults(leaf, now), *_role_faults(leaf), *_name_faults(leaf, uri, host)]
        faults += _trust_faults(folder, leaf, sent, now)
    except MALFORMED as error:
        raise NotTrustedError(f"the server's certificate cannot be read: {type(error).__name__}") from None
    if faults:
        reject(folder, leaf)
        raise NotTrustedError(f"the server's certificate ({subject(leaf)}) is refused: {'; '.join(faults)}")
    return leaf


def split(raw: bytes) -> list[x509.Certificate]:
    """Return the certificates that stand one after the other in `raw`, at least one; ValueError otherwise."""
    found: list[x509.Certificate] = []
    at = 0
    while at < len(raw) and len(found) < _MOST_CHAIN:
        size = _der_size(raw, at)
        found.append(parse(raw[at : at + size]))
        at += size
    if not found:
        raise ValueError("no certificate")
    return found


def _der_size(raw: bytes, at: int) -> int:
    """Return how many bytes the DER sequence at `at` takes (X.690, 8.1.3)."""
    if len(raw) < at + 2 or raw[at] != 0x30:
        raise ValueError("no DER sequence")
    first = raw[at + 1]
    if first < 0x80:
        return 2 + first
    count = first & 0x7F
    return 2 + count + int.from_bytes(raw[at + 2 : at + 2 + count], "big")


def _faults(one: x509.Certificate, now: datetime) -> Iterator[str]:
    """Yield what is wrong with a certificate whoever has it: its time, its key, its signature."""
    if now > one.not_valid_after_utc:
        yield f"it has expired on {one.not_valid_after_utc:%Y-%m-%d}"
    if now < one.not_valid_before_utc:
        yield f"it is not valid before {one.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
    key = one.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        yield "its key is not RSA"
    elif key.key_size < LEAST_KEY_BITS:
        yield f"its key has {key.key_size} bits, {LEAST_KEY_BITS} is the least"
    used = one.signature_hash_algorithm
    if used is None or isinstance(used, _WEAK_HASHES):
        yield f"it is signed with {used.name if used else 'an unknown algorithm'}, which can be forged"


def _role_faults(leaf: x509.Certificate) -> Iterator[str]:
    """Yield what it may not be used for (OPC 10000-6, 6.2.2); what it does not say is allowed."""
    usage = _extension(leaf, x509.KeyUsage)
    if usage is not None and not (
        usage.digital_signature and (usage.key_encipherment or usage.data_encipherment)
    ):
        yield "its key usage allows no signatures or no encryption"
    extended = _extension(leaf, x509.ExtendedKeyUsage)
    if extended is not None and not {
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    } & set(extended):
        yield "it is not a server's, by its extended key usage"


def _name_faults(leaf: x509.Certificate, uri: str, host: str) -> Iterator[str]:
    uris = names_of(leaf, x509.UniformResourceIdentifier)
    if not uri or uri not in uris:
        yield f"it is of application {uris[0][:100] if uris else 'unknown'!r}, the server calls itself {uri[:100]!r}"
    if not _names_host(leaf, host):
        known = [*names_of(leaf, x509.DNSName), *names_of(leaf, x509.IPAddress)]
        shown = ", ".join(known)[:100] or "no host"
        yield f"it is of {shown}, not of {host} (option `certificate_host` if that is right)"


def _names_host(leaf: x509.Certificate, host: str) -> bool:
    names = {name.rstrip(".").lower() for name in names_of(leaf, x509.DNSName)}
    if host.rstrip(".").lower() in names:
        return True
    try:
        return str(ipaddress.ip_address(host.strip("[]"))) in names_of(leaf, x509.IPAddress)
    except ValueError:
        return False


def _trust_faults(
    folder: Path, leaf: x509.Certificate, sent: Sequence[x509.Certificate], now: datetime
) -> Iterator[str]:
    trusted = {one.public_bytes(_DER): one for _, one in held(folder, TRUSTED)}
    known = [*trusted.values(), *(one for _, one in held(folder, ISSUERS)), *sent]
    chain = _chain(leaf, known)
    for one, issuer in pairwise(chain):
        if _is_revoked(folder, one, issuer):
            yield f"{subject(one)} was revoked by {subject(issuer)}"
    pinned = leaf.public_bytes(_DER) in trusted
    if not pinned:
        yield from (f"its issuer {subject(one)}: {fault}" for one in chain[1:] for fault in _faults(one, now))
        if not any(one.public_bytes(_DER) in trusted for one in chain[1:]):
            yield f"nobody trusts it yet: compare its thumbprint, then `{TRUST_COMMAND} {thumbprint(leaf)}`"


def _chain(leaf: x509.Certificate, known: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """Return the certificate, its issuer, that one's issuer …, as far as they are known."""
    chain = [leaf]
    while len(chain) < _MOST_CHAIN:
        issuer = next((one for one in known if one not in chain and _has_issued(one, chain)), None)
        if issuer is None:
            break
        chain.append(issuer)
    return chain


def _has_issued(issuer: x509.Certificate, chain: Sequence[x509.Certificate]) -> bool:
    """Whether `issuer` is an authority that signed the end of the chain, and may stand above so many."""
    constraints = _extension(issuer, x509.BasicConstraints)
    if constraints is None or not constraints.ca:
        return False
    if constraints.path_length is not None and len(chain) - 1 > constraints.path_length:
        return False
    usage = _extension(issuer, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        return False
    try:
        chain[-1].verify_directly_issued_by(issuer)
    except (*MALFORMED, InvalidSignature):
        return False
    return True


def _is_revoked(folder: Path, one: x509.Certificate, issuer: x509.Certificate) -> bool:
    return any(
        revoked.issuer == issuer.subject
        and revoked.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
        and revoked.get_revoked_certificate_by_serial_number(one.serial_number) is not None
        for revoked in _revocations(folder)
    )


def _revocations(folder: Path) -> Iterator[x509.CertificateRevocationList]:
    for path in sorted((folder / ISSUERS).glob("*.crl")):
        with path.open("rb") as file:
            raw = file.read(_MOST_CRL_BYTES)
        try:
            yield (x509.load_pem_x509_crl if raw.startswith(b"-----") else x509.load_der_x509_crl)(raw)
        except ValueError:
            raise NotTrustedError(f"{path} is no list of revoked certificates") from None


def _extension(one: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return one.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
