"""The folders in which people say which servers they trust.

    trusted/    certificates of servers, or of authorities whose servers are all trusted
    issuers/    authorities in between, and lists of revoked certificates
    rejected/   what servers showed and nobody trusts yet: the newest hundred

All stand in the connector's folder, beside its own certificate. A certificate is named by its thumbprint, the SHA-256
of its DER form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from connectors.opcua.certificates import (
    MALFORMED,
    names_of,
    parse,
    printable,
    put,
    read,
    subject,
    thumbprint,
)
from connectors.opcua.own import OWN
from twin.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST_REJECTED = 100
TRUSTED, ISSUERS, REJECTED = "trusted", "issuers", "rejected"
_LEAST_PREFIX = 16


def held(folder: Path, name: str) -> Iterator[tuple[Path, x509.Certificate]]:
    """Yield the certificates of `folder/name`, in the order of their file names; other files are passed over."""
    for path in sorted((folder / name).glob("*")):
        try:
            yield path, parse(read(path))
        except (OSError, *MALFORMED):
            continue


def reject(folder: Path, certificate: x509.Certificate) -> None:
    """Keep a certificate for a person to look at; the oldest make room."""
    place = folder / REJECTED
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = place / f"{thumbprint(certificate)}.der"
    if not path.exists():
        put(path, certificate.public_bytes(serialization.Encoding.DER))
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
    return [printable(line) for line in lines] or ["no certificates yet: make one with `barrio certs opcua`"]
