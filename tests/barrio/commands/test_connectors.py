"""`barrio connectors` says what the records prove."""

import json

from barrio.commands.connectors import listed
from connectors.ladder import RECORD, folder_of
from connectors.registry import Connectors


def test_names_rung_and_what_is_missing():
    """Each connector has its name, schemes, module and rung; below the top the next rung and what it needs."""
    found = {one["name"]: one for one in json.loads(listed(machine=True))}

    assert set(found) == set(Connectors())
    assert found["modbus"]["schemes"]["modbus+tcp"] == 502
    for one in found.values():
        assert one["rung"] in {"none", "bronze", "silver", "gold", "platinum"}
        assert bool(one["missing"]) == (one["rung"] != "platinum")
        assert (one["next"] is None) == (one["rung"] == "platinum")


def test_changed_files_are_not_proven(monkeypatch):
    """A connector whose files are not those that were tried is said to be not proven."""
    monkeypatch.setattr("connectors.ladder.digest", lambda _: "sha256:other")

    assert all(not one["proven"] for one in json.loads(listed(machine=True)))
    assert "not proven" in listed(machine=False)


def test_records_stand_beside_the_code():
    """The file that is read is the one in the connector's package."""
    folder = folder_of(Connectors()["coap"])

    assert (folder / "config.py").is_file()
    assert (folder / RECORD).parent == folder


def test_a_serial_line_is_a_file_of_this_machine():
    """The endpoints are written as profiles and devices have them."""
    text = listed(machine=False)

    assert "modbus+tcp://HOST:502" in text
    assert "modbus+rtu:///dev/NAME" in text
    assert "HOST:0" not in text
