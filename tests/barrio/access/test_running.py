"""Tokens that are made and revoked beside a running barrio, as a person does it; and that no token is left anywhere."""

import json
import time

import httpx
import pytest

from tests.barrio.processes import barrio, started, wait_for
from tests.barrio.scripted import DISTRICT
from twin.folder import DataFolder

DEVICES = """\
devices:
  - {id: gauge, profile: gauge, site: house, endpoint: "modbus+tcp://127.0.0.1:9"}
"""
PROFILE = """\
profile: gauge
protocol: modbus
kind: Gauge
points:
  level: {quantity: level_ratio, register: "input:0"}
"""
WITHIN_S = 5.0


@pytest.fixture
def place(tmp_path):
    """A folder with a small district whose one device nobody can reach."""
    folder = tmp_path / "town"
    (folder / "profiles").mkdir(parents=True)
    (folder / "district.yaml").write_text(DISTRICT)
    (folder / "devices.yaml").write_text(DEVICES)
    (folder / "profiles" / "gauge.yaml").write_text(PROFILE)
    return tmp_path


def create(place, *words):
    done = barrio("token", "create", *words, "--data", "data", "--json", cwd=place)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def named(url, token):
    answer = httpx.get(f"{url}/api/v1/session", headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    return answer.json().get("name")


def waited(url, token, name):
    """Return after how many seconds a token stands for a name, None for nobody."""
    begun = time.monotonic()
    while named(url, token) != name:
        assert time.monotonic() - begun < WITHIN_S
        time.sleep(0.05)
    return time.monotonic() - begun


def test_a_token_is_made_and_revoked_beside_what_runs(place):
    """Both count within five seconds and are in the audit log; the text of the token is nowhere afterwards."""
    with started("run", "town", "--data", "data", "--listen", "127.0.0.1:0", cwd=place) as process:
        folder, data = DataFolder(place / "data"), ("--data", "data")
        begun = time.monotonic()
        while not (url := (folder.read_platform() or {}).get("http")):
            assert process.poll() is None
            assert time.monotonic() - begun < 60
            time.sleep(0.05)
        wait_for(f"{url}/healthz", process)
        made, _ = create(place, "works", "--in", "little")
        token = made["token"]
        known_s = waited(url, token, "works")
        httpx.get(
            f"{url}/api/v1/status?{token}", headers={"Authorization": f"Bearer {token}"}, trust_env=False
        )
        wrong = httpx.get(f"{url}/healthz", headers={"Authorization": f"Bearer {token}x"}, trust_env=False)
        revoked = barrio("token", "revoke", "works", "--data", "data", cwd=place)
        gone_s = waited(url, token, None)
        begun = time.monotonic()
        # What is known of a token is written down a moment after it counts.
        while "token_revoked" not in (audit := barrio("audit", "show", *data, "--json", cwd=place)).stdout:
            assert time.monotonic() - begun < 60
        process.terminate()
        said = "".join(process.communicate(timeout=30))

    assert revoked.returncode == 0
    assert max(known_s, gone_s) < WITHIN_S
    steps = [one["step"] for one in json.loads(audit.stdout)["entries"] if one.get("token") == made["id"]]
    assert steps == ["token_revoked", "token_created"]
    everything = said + wrong.text + audit.stdout + revoked.stdout + revoked.stderr
    assert token not in everything
    secret = token.split("_", 2)[2].encode()
    for file in (place / "data").rglob("*"):
        assert file.is_dir() or secret not in file.read_bytes(), file


def test_a_token_is_made_while_nothing_runs(place):
    """It is listed with what it allows; nobody can be shown its text again."""
    (place / "data").mkdir()
    made, words = create(place, "works", "--quantity", "level_ratio", "--for", "90d", "--district", "town")
    listed = barrio("token", "list", "--data", "data", cwd=place)
    twice = barrio("token", "create", "works", "--data", "data", "--district", "town", cwd=place)

    assert "it sees 0 of 1 points" in words
    assert "level_ratio" in listed.stdout
    assert made["id"] in listed.stdout
    assert made["token"] not in listed.stdout + words
    assert twice.returncode == 2
    assert "there is a token 'works' already" in twice.stderr


def test_every_fault_is_said_at_once(place):
    """With the nearest name of the districts, and no token is made."""
    (place / "data").mkdir()
    wrong = [
        "--tier",
        "operater",
        "--in",
        "litle",
        "--site",
        "little/hose",
        "--site",
        "house",
        "--kind",
        "Gage",
    ]
    wrong += ["--quantity", "level_ration", "--finest", "2h", "--may", "read,fly", "--for", "soon"]
    done = barrio("token", "create", "works", *wrong, "--data", "data", "--district", "town", cwd=place)
    listed = barrio("token", "list", "--data", "data", "--json", cwd=place)

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 9
    assert done.stderr.count("did you mean little/house?") == 2
    for near in ("operator", "little", "little/house", "Gauge", "level_ratio"):
        assert f"did you mean {near}?" in done.stderr
    assert json.loads(listed.stdout) == {"tokens": []}


def test_a_token_that_is_not_there_is_not_revoked(place):
    """The nearest one is offered."""
    (place / "data").mkdir()
    create(place, "works", "--district", "town")
    done = barrio("token", "revoke", "work", "--data", "data", cwd=place)

    assert done.returncode == 2
    assert "did you mean works?" in done.stderr
