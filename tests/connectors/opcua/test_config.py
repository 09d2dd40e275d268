from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

import connectors.opcua
from connectors.opcua.config import OpcUaOptions, OpcUaPoint

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
