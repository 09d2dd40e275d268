"""`barrio new connector` writes a folder that works."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from barrio.commands.new import connector
from tests import ROOT
from twin.errors import StartError

PROGRAMS = Path(sys.executable).parent


@pytest.fixture
def tally(tmp_path):
    """A generated connector of the name `tally`."""
    connector("tally", tmp_path)
    return tmp_path / "tally"


def run(folder, *command):
    """Run a command in the folder of a generated connector as if that were installed."""
    site = folder.parent / "site"
    named = site / "barrio_tally-0.1.0.dist-info"
    named.mkdir(parents=True, exist_ok=True)
    (named / "METADATA").write_text("Metadata-Version: 2.1\nName: barrio-tally\nVersion: 0.1.0\n")
    (named / "entry_points.txt").write_text("[barrio.connectors]\ntally = barrio_tally:connector\n")
    paths = os.pathsep.join(map(str, (site, folder, ROOT)))
    environment = {**os.environ, "PYTHONPATH": paths, "MYPYPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=100
    )


def test_folder_is_renamed_throughout(tally):
    """No file, name or line speaks of the template any more."""
    files = [path for path in tally.rglob("*") if path.is_file()]

    assert {"pyproject.toml", "barrio_tally", "tests", "README.md"} <= {path.name for path in tally.iterdir()}
    assert not [path for path in files if "wordline" in (str(path) + path.read_text()).lower()]
    assert 'tally = "barrio_tally:connector"' in (tally / "pyproject.toml").read_text()


def test_generated_tests_pass_and_climb(tally):
    """Its own tests and the whole conformance suite pass, and `barrio connectors` shows a rung that is proven."""
    tests = run(tally, sys.executable, "-m", "pytest", "-q", "--barrio-record")
    assert tests.returncode == 0, tests.stdout[-3000:]
    code = "from barrio.commands.connectors import listed; print(listed(machine=False))"
    shown = run(tally, sys.executable, "-c", code)

    assert "tally      tally://HOST:7007" in shown.stdout, shown.stderr
    assert [line.split()[2] for line in shown.stdout.splitlines() if line.startswith("tally ")] == ["silver"]


@pytest.mark.parametrize(
    "command",
    [
        (PROGRAMS / "ruff", "check", "--no-cache"),
        (PROGRAMS / "ruff", "format", "--check", "--no-cache"),
        (PROGRAMS / "mypy", "--follow-imports=silent"),
    ],
    ids=["lint", "format", "types"],
)
def test_generated_code_is_clean(tally, command):
    """The folder passes the checks that its own pyproject.toml asks for."""
    found = run(tally, *map(str, command))

    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("modbus", "already"),
        ("Air-Quality", "did you mean airquality?"),
        ("class", "found 'class', a word of Python"),
        ("x", "2 to 31"),
        ("../up", "did you mean up?"),
    ],
)
def test_bad_names_are_refused(tmp_path, name, words):
    """A name that is taken or cannot be one is refused with what was meant, and nothing is written."""
    with pytest.raises(StartError) as refused:
        connector(name, tmp_path)

    assert words in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tally, tmp_path):
    """A folder that is there stays as it is."""
    (tally / "README.md").write_text("mine")
    with pytest.raises(StartError, match="is there already"):
        connector("tally", tmp_path)

    assert (tally / "README.md").read_text() == "mine"
