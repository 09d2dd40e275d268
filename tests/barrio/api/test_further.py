"""What a district does not have costs nothing, and answers which file it would be in."""

import subprocess
import sys

import pytest

PATHS = {
    "alarms": "alarms.yaml",
    "alarms/7/acknowledge": "alarms.yaml",
    "commands": "commands.yaml",
    "desired": "commands.yaml",
    "schedules": "commands.yaml",
    "supply/1": "services.yaml",
    "capacity": "services.yaml",
    "notifications": "alarms.yaml or services.yaml",
}
HEAVY = (
    "lark",
    "astral",
    "apprise",
    "pyarrow",
    "pydantic.v1",
    "smtplib",
    "twin.alarms",
    "twin.commands",
    "twin.services",
    "twin.expressions",
)
UNUSED = ("aiohttp", "cryptography", "httpx", "nicegui", "pandas", "rich", "zstandard")
LOOKS = """
import sys, tempfile
from pathlib import Path
from barrio.api.app import create_app
from barrio.assembly import load_all
from barrio.platform import Platform
from barrio.settings import Settings
from connectors.registry import Connectors
from tests.barrio.scripted import ScriptedConnector, write_district
from twin.clock import SystemClock

with tempfile.TemporaryDirectory() as name:
    connectors = Connectors({})
    connectors.add(ScriptedConnector())
    folder = Path(name)
    districts = load_all([str(write_district(folder / "little"))], Path(), connectors, folder)
    create_app(Platform(districts, Settings(data=folder / "data"), connectors, SystemClock()))
    print(*sorted(sys.modules))
"""


@pytest.mark.parametrize(("path", "file"), PATHS.items())
async def test_a_part_that_is_missing_names_its_file(stage, path, file):
    """Reading and writing answer alike: there is nothing, since no district has the file."""
    read = await stage.http.get(f"/api/v1/{path}")
    written = await stage.http.post(f"/api/v1/{path}", json={})

    assert (read.status_code, read.json()["detail"]) == (404, f"no district has {file}")
    assert (written.status_code, written.json()["detail"]) == (404, f"no district has {file}")


def test_a_plain_district_imports_none_of_it():
    """A platform whose districts have no further files holds neither their code nor the libraries behind it."""
    done = subprocess.run([sys.executable, "-c", LOOKS], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()

    assert "twin.live" in loaded
    assert [one for one in loaded if one.startswith(HEAVY)] == []


def test_the_command_imports_less_than_its_libraries_would():
    """Nor what only tests and other commands need: clients, tracebacks in colours, tables of other shapes."""
    looks = "import sys, barrio.cli, barrio.commands.run; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", looks], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()

    assert "barrio.platform" in loaded
    assert [one for one in loaded if one.startswith((*HEAVY, *UNUSED))] == []
