"""Requirements of OGC 18-088 (SensorThings API Part 1: Sensing 1.1), by the conformance class that they make up.

A test names the requirement that it holds by `@holds`. The identifiers are those of the standard, as the suite of the
reference implementation (FROST-Server, `Requirement.java`) lists them too. Class A.7, data-array, asks for creating as
well as for reading; observations are not created here, so it is tested as far as it goes and never claimed.
"""

from collections.abc import Callable
from typing import TypeVar

BASE = "http://www.opengis.net/spec/iot_sensing/1.1/req/"
TESTED = TypeVar("TESTED", bound=Callable[..., object])

_ENTITIES = (
    "thing",
    "location",
    "historical-location",
    "datastream",
    "sensor",
    "observed-property",
    "observation",
    "feature-of-interest",
)

CLASSES = {
    "datamodel": (
        "datamodel/entity-control-information/common-control-information",
        *(f"datamodel/{one}/{part}" for one in _ENTITIES for part in ("properties", "relations")),
    ),
    "resource-path/resource-path-to-entities": ("resource-path/resource-path-to-entities",),
    "request-data": tuple(
        f"request-data/{one}"
        for one in (
            "status-code",
            "query-status-code",
            "order",
            "expand",
            "select",
            "orderby",
            "top",
            "skip",
            "count",
            "filter",
            "built-in-filter-operations",
            "built-in-query-functions",
            "pagination",
        )
    ),
    "data-array/data-array": ("data-array/data-array", "data-array/data-array (creation)"),
}
"""Classes, each with its requirements, without `BASE`."""

tested: dict[str, list[str]] = {}
"""Which tests hold a requirement; filled when their modules are imported."""
failed: set[str] = set()
"""Requirements of which a test failed in this run."""


def holds(*names: str) -> Callable[[TESTED], TESTED]:
    """Say which requirements a test is for; each has to be one of the table."""
    unknown = set(names) - {one for some in CLASSES.values() for one in some}
    if unknown:
        raise ValueError(f"no requirement of the standard: {unknown}")

    def mark(test: TESTED) -> TESTED:
        for name in names:
            tested.setdefault(name, []).append(getattr(test, "__name__", ""))
        test.requirements = names  # type: ignore[attr-defined]  # read by conftest.py
        return test

    return mark
