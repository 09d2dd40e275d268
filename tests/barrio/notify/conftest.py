"""What the tests of notifications share."""

from __future__ import annotations

import subprocess

import pytest

from tests.barrio.notify.stage import outbox_at
from tests.moved import MovedClock


@pytest.fixture
def clock():
    """A clock that a test moves."""
    return MovedClock()


@pytest.fixture
def outbox(tmp_path, clock):
    """An open outbox."""
    with outbox_at(tmp_path, clock) as found:
        yield found


@pytest.fixture(autouse=True)
def looks_often(monkeypatch):
    """The notifier looks at a clock that a test moves many times a second."""
    monkeypatch.setattr("barrio.notify.notifier.LOOK_S", 0.01)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that signs itself: `(certificate, key)`."""
    folder = tmp_path_factory.mktemp("tls")
    made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(["openssl", *made, *names, *files], check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"
