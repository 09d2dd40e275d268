"""All dashboards of a district with 5,000 devices: how long it takes to make them, and how large the largest is.

The district is the demonstration's, its sites and devices copied under further ids until there are 5,000, so that there
is something of everything.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import orjson

from dashboards.generate import Dashboard, Options, generate
from tests.bench.result import Result, median_of, print_results
from tests.dashboards.districts import demo
from twin.model.district import Device, District
from twin.model.spec import SiteSpec

DEVICES = 5_000
RUNS = 5


def large(devices: int = DEVICES) -> District:
    """Return a district with so many devices."""
    district = demo()
    copies = -(-devices // len(district.devices))
    sites = {site.id: site for copy in range(copies) for site in _sites(district, copy)}
    found = {one.id: one for copy in range(copies) for one in _devices(district, copy)}
    return replace(district, sites=sites, devices=dict(list(found.items())[:devices]))


def _named(one: str, copy: int) -> str:
    return f"{one}-{copy}" if copy else one


def _sites(district: District, copy: int) -> Iterator[SiteSpec]:
    for site in district.sites.values():
        within = None if site.within is None else _named(site.within, copy)
        yield site.model_copy(update={"id": _named(site.id, copy), "within": within})


def _devices(district: District, copy: int) -> Iterator[Device]:
    for device in district.devices.values():
        name = _named(device.id, copy)
        points = {
            key: replace(point, path=f"{district.id}/{name}/{key}") for key, point in device.points.items()
        }
        yield replace(device, id=name, site=_named(device.site, copy), points=points)


def measured(district: District) -> tuple[float, tuple[Dashboard, ...], int]:
    """Return seconds, what was made, and the size of the largest file in bytes."""
    begun = time.perf_counter()
    made = generate([district], Options())
    sizes = [len(orjson.dumps(one.json)) for one in made]
    return time.perf_counter() - begun, made, max(sizes)


def main() -> None:
    """Measure."""
    district = large()
    runs = [measured(district) for _ in range(RUNS)]
    _, made, largest = runs[0]
    facts = {
        "devices": len(district.devices),
        "dashboards": len(made),
        "panels": sum(len(one.json["panels"]) for one in made),
    }
    print_results(
        [
            median_of("dashboards_5000_devices", "s", "<= 3", [run[0] for run in runs], **facts),
            Result("dashboards_5000_devices_largest", round(largest / 1e6, 3), "MB", "<= 1", facts=facts),
        ]
    )


if __name__ == "__main__":
    main()
