"""The demo: all devices of the district over their real protocols, and what is left of it."""

import csv
import io
import json
import socket

import pytest
from rich.console import Console

from barrio.demo import command
from barrio.demo.ports import all_free, free_base
from barrio.demo.view import Events, View
from barrio.errors import AskError
from barrio.settings import Settings
from tests.barrio.processes import barrio, demo
from tests.barrio.scripted import until
from tests.servers import free_port_range
from twin.errors import StartError

LEVEL = "ciudad-maderas/cistern-a1/level"


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """A demo that lasted until all was heard but what is silent, whose data were kept, and what it answered."""
    here = tmp_path_factory.mktemp("demo")
    words = ["--base-port", str(free_port_range(100)), "--fault", "silent:cistern-b1"]
    return here, demo(*words, cwd=here, until=is_heard)


def is_heard(body):
    """Whether every device was heard but one, of which it is known that it does not answer."""
    devices, stored = body["devices"], body["readings"]["stored"]
    silent = {"no_answer", "link_down"} & body["gaps"]["by_reason"].keys()
    return devices["heard"] == devices["configured"] - 1 and silent and stored > 600


def test_a_demo_ends_with_its_books(shown):
    """One JSON line on stdout; all three protocols are heard and stored, at rest everything is in its place."""
    _, done = shown
    body = json.loads(done.stdout)
    readings = body["readings"]

    assert done.returncode == 0, done.stderr
    assert "leaked" not in done.stderr
    assert done.stdout.count("\n") == 1
    assert body["devices"]["heard"] == body["devices"]["configured"] - 1 >= 60
    assert body["points"]["configured"] >= 600
    assert all(0 < body["first_stored_s"][name] < 15 for name in ("modbus", "opcua", "coap"))
    assert readings["received"] == sum(
        readings[key] for key in ("unchanged", "stored", "quarantined", "dropped", "waiting")
    )
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
    # Far enough from the end of the ports that a demo takes for all of them to move up.
    base = next(first for first in iter(lambda: free_port_range(5), None) if first < 30_000)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", base + 3))
        moved = free_base(base, 5)

        assert not all_free(base, 5)
        assert moved > base
        assert all_free(moved, 5)


def test_no_ports_at_all():
    """Where there are no ports in a row that is said."""
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(StartError, match="no 3 ports in a row are free from"),
    ):
        free_base(taken.getsockname()[1] - 1, 3)


def test_another_port_when_nobody_insists(capsys):
    """The usual HTTP port moves when it is taken, and says so; one that was asked for is an error."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = Settings(listen=f"127.0.0.1:{taken.getsockname()[1]}")
        with command._socket(settings, explicit=False) as moved:
            said = capsys.readouterr().err
            port = moved.getsockname()[1]
        with pytest.raises(StartError):
            command._socket(settings, explicit=True)

    assert port != settings.address.port
    assert said.count("\n") == 1
    assert f"HTTP is at http://127.0.0.1:{port} instead" in said


@pytest.mark.parametrize("text", ["soon", "0s", "-5s", "5 weeks"])
def test_how_long_a_demo_cannot_last(text):
    """A length that is none, or nothing, is refused by its option."""
    with pytest.raises(AskError, match=r"^--for: "):
        command._duration(text)


async def test_the_view_shows_what_the_platform_does(stage):
    """Links, readings, values with units, alarms and the last events are on the screen."""
    await stage.links["probe"].give("temperature", 21.5)
    await stage.settled()
    stage.links["meter"].break_off("connection reset by peer")
    await until(lambda: not stage.platform.supervisor.links[1][0].up)
    events = Events()
    events.write("12:00:00 info  something.happened\n")
    console = Console(width=110, record=True, file=io.StringIO())
    console.print(View(stage.platform, "http://127.0.0.1:8080", "data", events, "Little").draw())
    text = console.export_text()

    assert "devices heard   1 of 2" in text
    assert "scripted   1 of 2   links up" in text
    assert "probe/temperature  21.5 Cel" in text
    assert "alarm: link down: scripted://10.0.0.2:1: connection reset by peer" in text
    assert "something.happened" in text
    assert "barrio why little/probe/temperature --data data" in text


async def test_the_view_fits_a_low_terminal(stage):
    """What does not fit goes from the middle, so that the frame and what to type next stay."""
    events = Events()
    events.write("12:00:00 info  something.happened\n" * 4)
    view = View(stage.platform, "http://127.0.0.1:8080", "data", events, "Little")
    shown = {}
    for height in (40, 14):
        console = Console(width=80, height=height, record=True, file=io.StringIO(), force_terminal=True)
        console.print(view.draw())
        shown[height] = console.export_text()

    assert ["something.happened" in text for text in shown.values()] == [True, False]
    assert all("Ctrl-C stops" in text and "barrio why" in text for text in shown.values())
    assert all(text.count("\n") <= height for height, text in shown.items())
