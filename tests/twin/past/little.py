"""A small district in several versions, for the tests of the past."""

from pathlib import Path

from connectors.registry import Connectors
from tests.barrio.scripted import DEVICES, ScriptedConnector, write_district
from twin.model.district import District
from twin.model.loader import load_district

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
T0 = 1_780_000_000 * SECOND

ONLY_PROBE = DEVICES.replace(DEVICES.splitlines()[-1], "")


def little(folder: Path, **texts: str) -> District:
    """Return the small district, with other texts for `district`, `devices` or `profile`; each in its own folder."""
    connectors = Connectors({})
    connectors.add(ScriptedConnector())
    number = len(list(folder.iterdir())) if folder.is_dir() else 0
    return load_district(write_district(folder / f"v{number}" / "little", **texts), connectors, [])
