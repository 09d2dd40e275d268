"""Units are those that Grafana knows, or written out."""

from dashboards.kit.units import grafana_unit
from twin.model.catalogue import CATALOGUE

GRAFANA = frozenset(
    (
        "none",
        "percent",
        "humidity",
        "dB",
        "ppm",
        "conppb",
        "conμgm3",
        "conmgm3",
        "celsius",
        "fahrenheit",
        "kelvin",
        "watt",
        "kwatt",
        "Wm2",
        "voltamp",
        "voltampreact",
        "watth",
        "kwatth",
        "amp",
        "volt",
        "mvolt",
        "hertz",
        "lux",
        "pressurepa",
        "pressurehpa",
        "pressurekpa",
        "pressurebar",
        "lengthm",
        "m3",
        "litre",
        "velocityms",
        "velocitykmh",
        "degree",
        "rotrpm",
        "s",
        "ms",
        "decbytes",
        "Mbits",
        "dBm",
        "short",
    )
)
"""Ids of Grafana's `packages/grafana-data/src/valueFormats/categories.ts`, those that we may use."""


def test_every_quantity_has_a_unit_that_grafana_shows():
    """No id is made up: Grafana would show a bare number."""
    found = {grafana_unit(one.unit) for one in CATALOGUE.values()}

    assert {one for one in found if one not in GRAFANA and not one.startswith("suffix:")} == set()


def test_what_grafana_has_no_unit_for_is_written_out():
    """A flow is in m³/h, and a count says what is counted."""

    assert [grafana_unit(one) for one in ("m3/h", "{people}", "{vehicles}/h", "h")] == [
        "suffix:m³/h",
        "suffix:people",
        "suffix:vehicles/h",
        "suffix:h",
    ]
