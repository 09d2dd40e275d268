"""A town of dwellings with meters, as many as a test wants, in houses and quarters."""

from pathlib import Path

from tests.twin.model.folders import faults, load, write
from twin.datasets.dataset import DatasetBook

PROFILE = """\
profile: meter
protocol: pigeon
kind: Meter
points:
  energy: {quantity: active_energy_import, cell: 0}
  given: {quantity: active_energy_export, cell: 1}
  power: {quantity: active_power, cell: 2}
  temperature: {quantity: air_temperature, cell: 3}
"""
OWNERS = "owners: [{id: city, name: The city}]\n"
HEAD = "title: T, owner: city, contact: data@city.example, licence: CC-BY-4.0"


def site_of(number: int, houses: int) -> str:
    """House of a dwelling: they are filled in turn."""
    return f"house-{number % houses}"


def town(folder: Path, datasets: str, *, meters: int = 24, houses: int = 2, owners: str = OWNERS) -> Path:
    """Write a town whose houses stand in one quarter; returns its folder."""
    sites = "".join(f"  - {{id: house-{one}, kind: House, within: quarter}}\n" for one in range(houses))
    devices = "".join(
        f'  - {{id: m{one}, profile: meter, site: {site_of(one, houses)}, endpoint: "pigeon://10.0.0.1/{one + 1}"}}\n'
        for one in range(meters)
    )
    files = {
        "district.yaml": "district: town\nname: Town\ntimezone: Europe/Madrid\nlocation: {lat: 41, lon: -1}\n"
        f"sites:\n  - {{id: quarter, kind: Quarter}}\n  - {{id: square, kind: Square}}\n{sites}",
        "devices.yaml": f"devices:\n{devices}",
        "profiles/meter.yaml": PROFILE,
        "datasets.yaml": f"{owners}datasets:\n{datasets}",
    }
    write(folder, files)
    (folder / "lamps.csv").unlink()
    return folder


def wrong(folder: Path, datasets: str, meters: int = 24) -> str:
    """Return the faults of a town's datasets."""
    return faults(town(folder, datasets, meters=meters))


def book(folder: Path, datasets: str, meters: int = 24) -> DatasetBook:
    """Return the datasets of a town."""
    found = load(town(folder, datasets, meters=meters)).datasets
    assert found is not None
    return found
