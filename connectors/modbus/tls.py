"""Modbus/TCP Security: TLS 1.2 or newer, both sides with a certificate (MB-TCP-Security-v21_2018-07-24, 8.1 and 10.1).

The server's certificate is always verified, by the CA that the options name or by the system's, and for the name that
was dialled (or `server_name`). A server that does not ask for ours does not speak Modbus/TCP Security: whoever reaches
it could write to it, so it is left alone.
"""

from __future__ import annotations

import contextlib
import os
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connectors.modbus.config import options_of
from twin.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from connectors.modbus.config import ModbusOptions
    from twin.model.district import Device

SCHEME = "modbus+tls"
PORT = 802

# RFC 8446 and RFC 5246, 7.4: HandshakeType certificate_request.
_CERTIFICATE_REQUEST = 13

# X509_V_ERR_* of OpenSSL's x509_vfy.h.
_EXPIRED, _NOT_YET = 10, 9
_NAME, _ADDRESS = 62, 64
_UNKNOWN_CA = {2, 7, 18, 19, 20, 21}


@dataclass(frozen=True, slots=True)
class Credentials:
    """The files of one client; `ca` None stands for the system's authorities."""

    ca: Path | None
    certificate: Path
    key: Path
    server_name: str | None

    def open(self, peer: str) -> Tunnel:
        """Load the files; `TransientError` that names the one which cannot be used."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        with _naming(peer, "the CA", self.ca):
            if self.ca is None:
                context.load_default_certs()
            else:
                context.load_verify_locations(self.ca)
        with _naming(peer, "the client certificate or its key", self.certificate):
            # Without a password of ours OpenSSL would ask for one at the terminal.
            context.load_cert_chain(self.certificate, self.key, password="")
        return Tunnel(context)

    @property
    def subject(self) -> str:
        """Our own common name, "" while the certificate cannot be read."""
        # 8 MB, for those who speak TLS only.
        from cryptography import x509
        from cryptography.x509.oid import NameOID

        try:
            certificate = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        except (OSError, ValueError):
            return ""
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(names[0].value) if names else certificate.subject.rfc4514_string()


class Tunnel:
    """One TLS context, which sees whether the server asked for the client's certificate."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context
        self.was_asked = False
        # There is no public way to learn it; the hook is CPython's own for traces of TLS messages (bpo-31399).
        context._msg_callback = self._saw  # type: ignore[attr-defined]  # noqa: SLF001 (see above)

    def _saw(self, *message: Any) -> None:
        _, direction, _, _, kind, _ = message
        if direction == "read" and kind == _CERTIFICATE_REQUEST:
            self.was_asked = True

    def check(self, peer: str) -> None:
        """Raise `TransientError` when the server did not ask who we are."""
        self.context._msg_callback = None  # type: ignore[attr-defined]  # noqa: SLF001 (see above)
        if not self.was_asked:
            words = "the server asks for no client certificate, which Modbus/TCP Security requires"
            raise TransientError(peer, words)


def folder_of(device: Device) -> Path:
    """Return the folder of the district, where the files lie that options name."""
    folders = device.file.parents
    return next((folder for folder in folders if (folder / "district.yaml").is_file()), folders[0])


def credentials_of(options: ModbusOptions, folder: Path) -> Credentials | None:
    """Return the files that options name, from `folder` if not absolute; None where certificate or key is missing."""
    if not options.certificate or not options.key:
        return None
    return Credentials(
        ca=folder / options.ca if options.ca else None,
        certificate=folder / options.certificate,
        key=folder / options.key,
        server_name=options.server_name,
    )


def faults(device: Device) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the options for TLS, without opening the files."""
    options = options_of(device)
    secured = device.endpoint.scheme == SCHEME
    for name in ("certificate", "key"):
        if secured and not getattr(options, name):
            yield (
                f"options.{name}",
                f"{SCHEME} needs the client's {name}, a PEM file: Modbus/TCP Security has no anonymous clients",
            )
    for name in ("ca", "certificate", "key", "server_name"):
        if not secured and getattr(options, name):
            yield f"options.{name}", f"serves only {SCHEME}://, found {device.endpoint.scheme}://"


def tls_words(error: ssl.SSLError) -> str:
    """Return in words why there is no TLS connection."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return _alert(error)
    if error.verify_code == _EXPIRED:
        return "the server's certificate has expired"
    if error.verify_code == _NOT_YET:
        return "the server's certificate is not valid yet"
    if error.verify_code in {_NAME, _ADDRESS}:
        return "the server's certificate is for another name"
    if error.verify_code in _UNKNOWN_CA:
        return "the server's certificate is not from the CA that is trusted"
    return f"the server's certificate is refused: {error.verify_message}"


def _alert(error: ssl.SSLError) -> str:
    reason = error.reason or ""
    if "ALERT" in reason:
        words = reason.partition("ALERT_")[2].replace("_", " ").lower()
        what = "the client certificate" if {"certificate", "ca"} & set(words.split()) else "TLS"
        return f"the server refused {what}: {words}"
    if reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNEXPECTED_MESSAGE"}:
        return "the server does not speak TLS"
    return f"no TLS: {reason.replace('_', ' ').lower() or error}"


@contextlib.contextmanager
def _naming(peer: str, what: str, path: Path | None) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        # An SSLError is an OSError; its text may be long and says less than the file's name.
        reason = "not a PEM file, or of another key" if isinstance(error, ssl.SSLError) else str(error)
        if isinstance(error, OSError) and error.errno is not None and not isinstance(error, ssl.SSLError):
            reason = os.strerror(error.errno).lower()
        raise TransientError(peer, f"{what} cannot be used: {path}: {reason}") from error
