"""What the service says of itself: its root, and the classes of the standard whose tests are green."""

from __future__ import annotations

from typing import Any

from barrio.sta.entities import KINDS

REQUIREMENTS = "http://www.opengis.net/spec/iot_sensing/1.1/req/"
CONFORMANCE = (
    f"{REQUIREMENTS}datamodel",
    f"{REQUIREMENTS}resource-path/resource-path-to-entities",
    f"{REQUIREMENTS}request-data",
)
"""Held to the tests in tests/barrio/sta/conformance. dataArray is read but not written, so its class is not here."""


def service(root: str) -> dict[str, Any]:
    """Return the service's root (18-088, 9.2.1)."""
    return {
        "value": [{"name": name, "url": f"{root}/{name}"} for name in KINDS],
        "serverSettings": {"conformance": list(CONFORMANCE)},
    }
