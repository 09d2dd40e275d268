"""docs/operating.md tells of the compose file that there is, of settings that there are, and of pages that exist."""

import re
import subprocess
from pathlib import Path

import pytest

from barrio.settings import Settings
from tests import ROOT
from tests.compose.reading import FOLDER, composed, running

PAGE = (ROOT / "docs" / "operating.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
COMPOSE = composed()


def test_its_table_has_every_service_and_its_user():
    """Who runs as whom is what the file says."""
    rows = re.findall(r"^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \| .* \| (\d+) \|$", PAGE, re.MULTILINE)
    told = {name: user for names, user in rows for name in re.findall(r"`([a-z-]+)`", names)}

    assert told == {name: one["user"].split(":")[0] for name, one in COMPOSE["services"].items()}


@pytest.mark.parametrize("text", [PAGE, README], ids=["operating", "readme"])
def test_its_commands_are_possible(text):
    """Profiles, scripts and services that commands name are there."""
    commands = re.findall(r"docker compose -f (\S+)((?: --profile \w+)?)", text)

    assert commands
    assert {file for file, _ in commands} == {"compose/compose.yaml"}
    for _, profile in commands:
        assert "barrio" in running(profile.split()[-1] if profile else "own") or "demo" in profile
    assert (ROOT / "compose/make-secrets.sh").stat().st_mode & 0o111


def test_its_volumes_and_secrets_are_those_of_the_file():
    """A backup of a volume that is not there would be none."""
    named = set(re.findall(r"volumes? `([a-z-]+)`", PAGE))
    secrets = set(re.findall(r"`compose/secrets/([a-z-]+)`", PAGE))

    assert named
    assert named <= COMPOSE["volumes"].keys()
    assert secrets <= COMPOSE["secrets"].keys()


def test_its_variables_are_settings():
    """Each is one of a process, or of compose."""
    known = {f"BARRIO_{name.upper()}" for name in Settings.model_fields}
    known |= set(re.findall(r"^#?([A-Z_]+)=", (FOLDER / ".env").read_text("utf-8"), re.MULTILINE))

    assert set(re.findall(r"\b((?:BARRIO|COMPOSE|GRAFANA)_[A-Z_]+)\b", PAGE)) <= known


def test_its_links_lead_somewhere():
    """Pages beside it, and their headings."""
    for page, anchor in re.findall(r"\]\(([\w./-]+\.md)(?:#([\w-]+))?\)", PAGE):
        text = (ROOT / "docs" / page).read_text("utf-8")
        headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)

        assert not anchor or anchor in {
            re.sub(r"[^\w-]", "", one.lower().replace(" ", "-")) for one in headings
        }


@pytest.mark.parametrize(("service", "command"), [("init", "init"), ("barrio", "run")])
def test_the_operator_s_districts_are_those_in_the_folder(service, command, tmp_path):
    """What the shell of a container makes of the command: each folder is a district, whatever options come before."""
    districts = tmp_path / "districts"
    for name in ("north", "south", ".git"):
        (districts / name).mkdir(parents=True)
    (districts / "notes.txt").write_text("")
    stand_in = tmp_path / "barrio"
    stand_in.write_text('#!/bin/sh\n# Stands in for barrio: says how it was called.\nprintf "%s\\n" "$@"\n')
    stand_in.chmod(0o755)
    words = [one.replace("/districts/", f"{districts}/") for one in running("own")[service]["command"]]
    done = subprocess.run(
        words, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, check=True
    )
    said = done.stdout.splitlines()

    assert said[0] == command
    assert [Path(one).name for one in said if one.startswith(str(districts))] == ["north", "south"]
    assert said[1:-2] == (
        ["--lang", "en", "--barrio-url", "http://localhost:8080"] if command == "init" else []
    )
