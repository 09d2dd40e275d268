"""Certificates and their keys in files: X.509, PEM or DER. Nothing here says whom to trust."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from twin.errors import StartError

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES = 64 * 1024

# What the parser raises for a certificate that is none, or one that it does not know.
MALFORMED = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


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
        return parse(read(path))
    except OSError as error:
        raise StartError(f"{path}: {error.strerror}") from None
    except MALFORMED:
        raise StartError(f"{path} is no certificate") from None


def read(path: Path) -> bytes:
    """Return what a file holds, as far as a certificate can be long."""
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


def subject(certificate: x509.Certificate) -> str:
    """Return whose certificate it is, short enough for a message."""
    return printable(certificate.subject.rfc4514_string())[:120] or "no subject"


def printable(text: str) -> str:
    """Return a text that harms no terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def put(path: Path, content: bytes) -> None:
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
