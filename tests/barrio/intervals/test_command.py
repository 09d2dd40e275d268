"""`barrio intervals`, on a data folder with which nothing runs."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from barrio import cli
from barrio.client import Unanswered
from barrio.commands import intervals
from barrio.errors import AskError
from barrio.settings import Settings
from tests.barrio.intervals.stage import HOUR, settle, write
from tests.barrio.intervals.test_api import at, steady


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data folder of the district that comes along, with two settled days of one of its meters."""
    from barrio.assembly import load_all, profiles_folder
    from barrio.platform import Platform
    from connectors.registry import Connectors
    from twin.clock import SystemClock

    data: Path = tmp_path_factory.mktemp("intervals") / "data"
    connectors = Connectors()
    found = load_all(["ciudad-maderas"], Path(), connectors, profiles_folder())

    async def fill() -> str:
        async with Platform(found, Settings(data=data), connectors, SystemClock(), at_rest=True) as platform:
            stage = type("Stage", (), {"platform": platform})()
            path = next(
                one.point.path
                for one in platform.catalogue.points.values()
                if one.point.quantity.name == "active_energy_import"
            )
            start = at("2026-11-10")
            points = [one for one in steady(start - HOUR, start + 50 * HOUR) if not 0 < one[0] - start < HOUR]
            write(stage, path, points)
            settle(stage)
            platform.folder.write_districts({one.id: one.folder for one in found})
            return path

    return data, asyncio.run(fill())


def test_lists_and_totals(folder):
    """A table of intervals with their qualities, and a line for each total."""
    data, path = folder
    query = {"point": [path], "from": "2026-11-10", "to": "2026-11-11"}
    listed = intervals.listed(Settings(data=data), ["ciudad-maderas"], query, machine=False).splitlines()
    total = intervals.totals(Settings(data=data), ["ciudad-maderas"], query, machine=False).splitlines()
    versions = intervals.versions(
        Settings(data=data), ["ciudad-maderas"], {**query, "point": path}, machine=False
    ).splitlines()

    assert listed[0].startswith(path)
    assert "a short gap: linear" in listed[3]
    assert listed[-1].startswith("96 intervals of 15m: ")
    assert "estimated" in listed[-1]
    assert "28.8" in total[1]
    assert versions[0].startswith("version 1 at ")


def test_the_command_line(folder):
    """The options reach the question, and its faults are told with their names."""
    data, path = folder
    options = ["--district", "ciudad-maderas", "--data", str(data)]
    right = CliRunner().invoke(
        cli.app,
        [
            "intervals",
            "list",
            path,
            "--from",
            "2026-11-10",
            "--to",
            "2026-11-11",
            "--length",
            "1h",
            "--json",
            *options,
        ],
    )

    assert right.exit_code == 0, right.output
    assert '"intervals": 24' in right.output
    with pytest.raises(AskError, match="--length"):
        intervals.listed(
            Settings(data=data), ["ciudad-maderas"], {"point": [path], "length": "7m"}, machine=False
        )


def test_decisions_are_listed(folder, monkeypatch):
    """Each with the number that takes it back; a line where there are none."""
    data, path = folder
    none = intervals.edits(Settings(data=data), ["ciudad-maderas"], {"point": path}, machine=False)
    one = {
        "edit": 7,
        "point": path,
        "kind": "read",
        "from": "2026-11-10T12:00:00Z",
        "to": "2026-11-10T12:00:00Z",
    }
    one |= {"version": 3, "withdrawn": 4, "who": "ana", "why": "read on site"}
    monkeypatch.setattr(intervals, "ask", lambda *_: {"edits": [one]})
    some = intervals.edits(Settings(data=data), [], {"point": None}, machine=False).splitlines()

    assert none == "nothing was decided"
    assert some[0].split()[0] == "edit"
    assert some[1].split() == [
        *("7", path, "read", "2026-11-10T12:00", "2026-11-10T12:00"),
        *("3,", "taken", "back", "with", "4", "ana", "read", "on", "site"),
    ]


def test_decisions_need_the_platform(folder):
    """At rest nothing is decided; what cannot be sent is said before."""
    data, path = folder
    body = {
        "kind": "read",
        "point": path,
        "at": "2026-11-10T12:00",
        "register": 5.0,
        "who": "ana",
        "why": "b",
    }
    with pytest.raises(Unanswered, match="does not run"):
        intervals.edit(Settings(data=data), body, None)
    with pytest.raises(AskError, match="--deltas"):
        intervals.edit(Settings(data=data), body | {"kind": "spread"}, "1,two")


@pytest.mark.parametrize(
    ("register", "shown"),
    [
        (2_020_870.123, "2020870.123"),
        (12_345_678.901, "12345678.901"),
        (123_456_789.012345, "123456789.012345"),
    ],
)
def test_registers_are_shown_whole(monkeypatch, register, shown):
    """A total lists both registers with every decimal: their difference is the total that stands beside them."""
    one: dict[str, object] = {"point": "d/m/energy", "unit": "kW.h"}
    one |= {"local": ["2026-11-10"], "start": ["2026-11-10"]}
    one |= {"total": [0.001], "register_start": [register], "register_end": [None], "estimated_share": [0.0]}
    one |= {flag: [0] for flag in ("valid", "late", "estimated", "edited", "suspect", "missing")}
    monkeypatch.setattr(intervals, "ask", lambda *_: {"series": [one]})
    told = intervals.totals(Settings(), [], {"point": ["d/m/energy"]}, machine=False).splitlines()[1]

    assert told.split()[2:6] == ["0.001", "kW.h", shown, "–"]


def test_a_decision_is_said_to_hold_for_days_that_are_settled_later(monkeypatch):
    """The version that it came with has only what was settled already, which may be nothing."""

    async def told(*_: object) -> dict[str, object]:
        return {"edit": 1, "version": 1, "point": "d/m/energy", "kind": "read"}

    monkeypatch.setattr(intervals, "_tell", told)

    assert intervals.edit(Settings(), {"kind": "read"}, None) == (
        "edit 1 of d/m/energy came with version 1, in which settled days that it changes are made again; "
        "days that are settled later go by it too"
    )
