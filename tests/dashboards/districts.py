"""Districts for the tests of dashboards: the demo, and small ones written for what a test is about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import connectors
from connectors.registry import Connectors
from twin.model.loader import built_in_districts, load_district

if TYPE_CHECKING:
    from twin.model.district import District

PROFILES = Path(str(connectors.__file__)).parent / "profiles"

SMALL = """\
district: {id}
name: {name}
timezone: {zone}
location: {{lat: 20.88, lon: -103.84}}
sites:
  - {{id: plaza, name: Plaza, kind: Plaza}}
  - {{id: kiosk, name: Kiosco, kind: Building, within: plaza}}
"""


def demo() -> District:
    """Return the demonstration district."""
    return load_district(built_in_districts() / "ciudad-maderas", Connectors(), [PROFILES])


def small(
    folder: Path, devices: str, *, name: str = "tequila", zone: str = "America/Mexico_City", **files: str
) -> District:
    """Return a district with a plaza and a kiosk in it; `devices` are the rows of `devices.yaml`.

    `files` are further files by their stem (`alarms="…"`, `**{"profiles/pit": "…"}`), `district` what is added to
    `district.yaml`.
    """
    here = folder / name
    here.mkdir(parents=True)
    own = files.pop("district", "")
    (here / "district.yaml").write_text(SMALL.format(id=name, name=name.title(), zone=zone) + own)
    rows = "".join(f"  - {line.strip()}\n" for line in devices.strip().splitlines())
    (here / "devices.yaml").write_text(f"devices:\n{rows}")
    for stem, text in files.items():
        path = here / f"{stem}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return load_district(here, Connectors(), [PROFILES])
