"""A real mosquitto for tests, with what a test asks for: persistence, a password, TLS; and a client beside ours."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import subprocess
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiomqtt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.servers import LOOPBACK, Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

USER, PASSWORD = "barrio", "hunter2-hunter2"


class Mosquitto(Server):
    """mosquitto with persistence, open to everybody unless `password` or `acl` says otherwise.

    For a client that does not acknowledge it keeps 20 messages and `queued` more, and drops what comes then.
    """

    program = "mosquitto"

    def __init__(
        self,
        folder: Path,
        *,
        password: bool = False,
        acl: str = "",
        tls: Tls | None = None,
        queued: int = 100_000,
    ) -> None:
        super().__init__(folder)
        self.tls = tls
        self._password = password
        self._acl = acl
        self._queued = queued
        self.url = f"{'mqtts' if tls else 'mqtt'}://{LOOPBACK}:{self.port}"

    def command(self, program: Path) -> list[str]:
        """Write the configuration."""
        lines = [
            f"listener {self.port} {LOOPBACK}",
            "persistence true",
            f"persistence_location {self.folder}/",
            f"max_queued_messages {self._queued}",
            "user root",
            f"allow_anonymous {'false' if self._password else 'true'}",
        ]
        if self._password:
            lines.append(f"password_file {self._passwords()}")
        if self._acl:
            (self.folder / "acl").write_text(self._acl)
            (self.folder / "acl").chmod(0o600)
            lines.append(f"acl_file {self.folder}/acl")
        if self.tls:
            lines += [
                f"cafile {self.tls.ca}",
                f"certfile {self.tls.server}",
                f"keyfile {self.tls.server_key}",
            ]
            lines.append(f"require_certificate {'true' if self.tls.client_needed else 'false'}")
        config = self.folder / "mosquitto.conf"
        config.write_text("\n".join([*lines, ""]))
        return [str(program), "-c", str(config)]

    def _passwords(self) -> Path:
        file = self.folder / "passwords"
        if not file.exists():
            subprocess.run(["mosquitto_passwd", "-b", "-c", str(file), USER, PASSWORD], check=True)
        return file

    def _wait(self, until: float) -> None:
        while time.monotonic() < until:
            if self._process is None or self._process.poll() is not None:
                break
            try:
                with socket.create_connection((LOOPBACK, self.port), timeout=1):
                    return
            except OSError:
                time.sleep(0.02)
        log = self._log.read_text(errors="replace")[-2_000:]
        raise RuntimeError(f"mosquitto does not answer at {self.url}; its log ends:\n{log}")

    @asynccontextmanager
    async def client(self, identifier: str | None = None) -> AsyncIterator[aiomqtt.Client]:
        """Connect as a device does; for brokers without TLS."""
        user, password = (USER, PASSWORD) if self._password else (None, None)
        client = aiomqtt.Client(
            LOOPBACK, self.port, username=user, password=password, identifier=identifier, timeout=20
        )
        async with client:
            yield client

    async def say(self, topic: str, payload: bytes | str, *, qos: int = 1, retain: bool = False) -> None:
        """Publish one message; the broker has it when this returns, with QoS 1."""
        async with self.client() as client:
            await client.publish(topic, payload, qos=qos, retain=retain)


@dataclass(frozen=True)
class Tls:
    """Files of an authority, a broker and a client."""

    ca: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path
    client_needed: bool = False


def make_tls(folder: Path, *, client_needed: bool = False, name: str = "loopback") -> Tls:
    """Write an authority and what it has signed: a broker at 127.0.0.1, and a client."""
    ca_key, ca = _issue("barrio test authority", None, None)
    server_key, server = _issue(name, ca, ca_key)
    client_key, client = _issue("a client", ca, ca_key)
    files: dict[str, Path] = {}
    for what, data in (
        ("ca.pem", ca.public_bytes(serialization.Encoding.PEM)),
        ("server.pem", server.public_bytes(serialization.Encoding.PEM)),
        ("server.key", _pem(server_key)),
        ("client.pem", client.public_bytes(serialization.Encoding.PEM)),
        ("client.key", _pem(client_key)),
    ):
        files[what] = folder / what
        files[what].write_bytes(data)
        files[what].chmod(0o600)
    return Tls(
        files["ca.pem"],
        files["server.pem"],
        files["server.key"],
        files["client.pem"],
        files["client.key"],
        client_needed,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _issue(
    name: str, issuer: x509.Certificate | None, issuer_key: ec.EllipticCurvePrivateKey | None
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    names: list[x509.GeneralName] = [x509.DNSName(name.replace(" ", "-"))]
    if name == "loopback":
        names.append(x509.IPAddress(ipaddress.ip_address(LOOPBACK)))
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key((issuer_key or key).public_key()),
            critical=False,
        )
        .sign(issuer_key or key, hashes.SHA256())
    )
    return key, made
