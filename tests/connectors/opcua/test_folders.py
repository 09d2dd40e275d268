from __future__ import annotations

import os

import pytest

from connectors.opcua.certificates import thumbprint
from connectors.opcua.folders import MOST_REJECTED, REJECTED, TRUSTED, overview, reject, trust, untrust
from connectors.opcua.own import make
from tests.connectors.opcua.pki import identity
from twin.errors import StartError


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    return folder, make(folder, "urn:plant:barrio", ["gateway.example", "10.0.0.7"], 30)


def test_trusting_moves_a_certificate_and_untrusting_moves_it_back(tmp_path):
    """A certificate is where people put it; its thumbprint may be shortened and spaced as tools print it."""
    one = identity().certificate
    print_ = thumbprint(one)
    reject(tmp_path, one)
    spaced = ":".join(print_[at : at + 2] for at in range(0, 40, 2)).upper()
    path = trust(tmp_path, spaced)

    assert path == tmp_path / TRUSTED / f"{print_}.der"
    assert list((tmp_path / REJECTED).iterdir()) == []
    assert untrust(tmp_path, print_).parent == tmp_path / REJECTED


@pytest.mark.parametrize(
    ("print_", "words"),
    [("ab", "at least 16 of them"), ("ab" * 32, "there is no certificate with thumbprint")],
)
def test_a_thumbprint_that_names_nothing_is_refused(tmp_path, print_, words):
    """Too few digits, or digits of no certificate, move nothing."""
    reject(tmp_path, identity().certificate)

    with pytest.raises(StartError, match=words):
        trust(tmp_path, print_)


def test_rejected_certificates_are_bounded(tmp_path):
    """A server that shows a new certificate at each connect fills no disk: the newest stay."""
    folder = tmp_path / REJECTED
    folder.mkdir()
    for number in range(MOST_REJECTED + 20):
        (folder / f"{number}.der").write_bytes(b"")
        os.utime(folder / f"{number}.der", (number, number))
    one = identity().certificate
    reject(tmp_path, one)
    left = {path.stem for path in folder.iterdir()}

    assert left == {thumbprint(one), *(str(number) for number in range(21, MOST_REJECTED + 20))}


def test_the_overview_names_every_certificate(made):
    """Ours and those of others stand with thumbprint, subject, end and application; files that are none do not."""
    folder, paths = made
    one = identity(name="server \x1b[31m").certificate
    reject(folder, one)
    (folder / REJECTED / "notes.txt").write_text("no certificate")
    lines = overview(folder)

    assert lines[0].startswith(f"own      {paths.thumbprint}  ")
    assert lines[1].strip() == "urn:plant:barrio"
    assert lines[2].startswith(f"rejected {thumbprint(one)}  CN=server ")
    assert all(line.isprintable() for line in lines)
    assert len(lines) == 4


def test_the_overview_of_nothing_says_how_to_begin(tmp_path):
    """Without any certificate the command that makes one is named."""

    assert overview(tmp_path) == ["no certificates yet: make one with `barrio certs opcua`"]
