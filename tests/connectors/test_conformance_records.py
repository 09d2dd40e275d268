"""The records that travel with the built-in connectors."""

import pytest

from connectors.ladder import RECORD, Rung, digest, folder_of, read_record, standing
from connectors.registry import Connectors

RUNGS = dict.fromkeys(("coap", "modbus", "mqtt", "opcua"), Rung.PLATINUM)
"""Where each stands: a change may raise it and never lower it."""


@pytest.mark.parametrize("name", RUNGS)
def test_built_in_connector_has_a_record_that_is_true(name):
    """The suite has run on the files that are shipped (`pytest tests/connectors --barrio-record`), all of it passed."""
    connector = Connectors()[name]
    folder = folder_of(connector)
    record = read_record(folder / RECORD)

    assert record is not None, f"{folder / RECORD} is missing"
    assert record.sources == digest(folder), "the files have changed since: record anew"
    assert [check for check, outcome in record.checks.items() if outcome == "failed"] == []
    assert standing(connector).rung >= RUNGS[name]
