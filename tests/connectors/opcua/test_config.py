from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

import connectors.opcua
from connectors.opcua.config import Band, OpcUaOptions, OpcUaPoint

README = (Path(connectors.opcua.__file__).parent / "README.md").read_text()


def test_every_option_is_in_the_readme():
    """Options and keys that exist are explained."""
    rows = {line.split("|")[1].strip(" `") for line in README.splitlines() if line.startswith("| `")}

    assert rows == set(OpcUaOptions.model_fields)
    assert all(f"{key}:" in README or f"`{key}`" in README for key in OpcUaPoint.model_fields)


def test_every_key_has_a_description():
    """The descriptions of the models are the reference."""
    fields = {**OpcUaOptions.model_fields, **OpcUaPoint.model_fields}

    assert [name for name, field in fields.items() if not field.description] == []


@pytest.mark.parametrize(
    ("options", "path"),
    [({"publish": "1s"}, "publish"), ({"publishing": 0}, "publishing"), ({"queue_size": 0}, "queue_size")],
)
def test_wrong_options_are_faults(options, path):
    """Unknown options and impossible values are refused by name."""
    with pytest.raises(ValidationError) as caught:
        OpcUaOptions.model_validate(options)

    assert [error["loc"] for error in caught.value.errors()] == [(path,)]


def test_a_point_needs_a_node():
    """A point without a node is refused."""
    with pytest.raises(ValidationError, match="node"):
        OpcUaPoint.model_validate({"index": 1})


@pytest.mark.parametrize(
    ("written", "band"),
    [
        (0.5, Band(0.5)),
        ("0.5", Band(0.5)),
        ("2%", Band(2.0, percent=True)),
        ("12.5 %", Band(12.5, percent=True)),
    ],
)
def test_dead_bands(written, band):
    """A dead band is a number in raw units, or a share of the range."""
    assert OpcUaPoint.model_validate({"node": "i=1", "deadband": written}).deadband == band


@pytest.mark.parametrize("written", [0, -1, "101%", "0%", "x", "", True, "1e9", "nan"])
def test_dead_bands_that_cannot_be(written):
    """Nothing, less than nothing and more than all are refused."""
    with pytest.raises(ValidationError, match="deadband"):
        OpcUaPoint.model_validate({"node": "i=1", "deadband": written})


@pytest.mark.parametrize(
    "keys",
    [
        {"node": "i=1", "path": "/Objects"},
        {"method": "i=1"},
        {"node": "i=1", "object": "i=2"},
        {"method": "i=1", "object": "i=2", "field": "x"},
    ],
)
def test_a_point_has_one_address(keys):
    """Two addresses, a method without its object and an object without a method are refused."""
    with pytest.raises(ValidationError, match=r"node|object|method"):
        OpcUaPoint.model_validate(keys)
