"""compose/make-secrets.sh: each secret once, for those only who should see it."""

import shutil
import stat
import subprocess

import pytest

from tests.compose.reading import FOLDER

NAMES = {
    "influxdb-admin-password",
    "influxdb-admin-token",
    "grafana-admin-password",
    "grafana-secret-key",
}


@pytest.fixture
def script(tmp_path):
    """A copy of the script, which writes beside itself."""
    return shutil.copy2(FOLDER / "make-secrets.sh", tmp_path)


def run(script):
    return subprocess.run([script], check=True, capture_output=True, text=True).stdout


def files(folder):
    return {one.name: one.read_text() for one in folder.iterdir() if one.is_file()}


def test_every_secret_is_another_one(script, tmp_path):
    """32 random bytes each, without a line end that somebody would have to cut off."""
    run(script)
    found = files(tmp_path / "secrets")

    assert found.keys() == NAMES
    assert len(set(found.values())) == len(NAMES)
    assert all(len(bytes.fromhex(value)) == 32 for value in found.values())


def test_what_is_there_stays(script, tmp_path):
    """A second run makes what is missing and touches nothing else."""
    run(script)
    (tmp_path / "secrets" / "grafana-secret-key").unlink()
    before = files(tmp_path / "secrets")
    said = run(script)
    after = files(tmp_path / "secrets")

    assert "1 made" in said
    assert {name: after[name] for name in before} == before
    assert after.keys() == NAMES


def test_nobody_else_reaches_them_and_containers_read_them(script, tmp_path):
    """The folder is the owner's alone; in it a file is read by whichever user a container has, and written by none."""
    (tmp_path / "secrets").mkdir(mode=0o755)
    run(script)

    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert {stat.S_IMODE((tmp_path / "secrets" / name).stat().st_mode) for name in NAMES} == {0o444}


def test_nothing_is_said_of_them(script, tmp_path):
    """No secret is on the screen."""
    said = run(script)

    assert not any(value in said for value in files(tmp_path / "secrets").values())
