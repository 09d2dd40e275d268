"""The demo: all devices of the district over their real protocols, and what is left of it."""

import csv
import io
import json
import socket

import pytest

from barrio.demo.ports import all_free, free_base
from tests.barrio.processes import barrio
from tests.servers import free_port_range
from twin.errors import StartError

LEVEL = "ciudad-maderas/cistern-a1/level"


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """A demo of eight seconds whose data were kept, and what it answered."""
    here = tmp_path_factory.mktemp("demo")
    words = ["demo", "--for", "8s", "--json", "--data", "data", "--listen", "127.0.0.1:0"]
    base = str(free_port_range(100))
    done = barrio(*words, "--base-port", base, "--fault", "silent:cistern-b1", cwd=here)
    return here, done


def test_a_demo_ends_with_its_books(shown):
    """One JSON line on stdout; all three protocols are heard and stored, at rest everything is in its place."""
    _, done = shown
    body = json.loads(done.stdout)
    readings = body["readings"]

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert body["devices"]["heard"] == body["devices"]["configured"] - 1 >= 60
    assert body["points"]["configured"] >= 600
    assert all(0 < body["first_stored_s"][name] < 15 for name in ("modbus", "opcua", "coap"))
    assert readings["received"] == sum(readings[key] for key in ("unchanged", "stored", "quarantined", "dropped", "waiting"))
    assert (readings["pending"], readings["waiting"]) == (0, 0)
    assert readings["stored"] > 600
    assert body["balanced"] is True


def test_a_demo_can_be_read_back(shown):
    """What was stored is there after the platform has ended, for the districts that the folder remembers."""
    here, _ = shown
    done = barrio("history", LEVEL, "--from", "-1h", "--format", "csv", "--data", "data", cwd=here)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))

    assert done.returncode == 0, done.stderr
    assert rows
    assert all(row["quality"] == "good" and float(row["value"]) >= 0 for row in rows)


def test_a_demo_can_be_asked_why_afterwards(shown):
    """At rest the reason is that nothing runs; the silent device's gap is in the ledger."""
    here, _ = shown
    why = barrio("why", LEVEL, "--data", "data", cwd=here)
    gaps = barrio("gaps", "ciudad-maderas/cistern-b1/level", "--json", "--data", "data", cwd=here)
    reasons = [gap["reason"] for gap in json.loads(gaps.stdout)["gaps"]]

    assert "stopped at link: barrio does not run with this data folder since 20" in why.stdout
    assert reasons[0] == "not_heard_yet"
    assert {"no_answer", "link_down"} & set(reasons)


def test_ports_are_found_beside_those_that_are_taken():
    """When a port of the wanted range is taken, TCP or UDP, all of them move."""
    base = free_port_range(5)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", base + 3))
        moved = free_base(base, 5)

        assert not all_free(base, 5)
        assert moved > base
        assert all_free(moved, 5)


def test_no_ports_at_all():
    """Where there are no ports in a row that is said."""
    with pytest.raises(StartError, match="no 20000 ports in a row are free from 31000 on"):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            del taken
            free_base(31_000, 20_000)
