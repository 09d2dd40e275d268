"""What happened to meters, each a folder: what was read, and what the intervals have to be."""

import csv
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import yaml

from twin.clock import NS
from twin.intervals.axis import Reads
from twin.intervals.edits import Edit, EditKind
from twin.intervals.flags import Flag, Why
from twin.intervals.grid import quarters
from twin.intervals.reckon import Ground, reckon
from twin.intervals.register import Register
from twin.intervals.rules import Rules
from twin.quality import Reason

CASES = sorted((Path(__file__).parent / "cases").iterdir())


def moment(text: object, zone: ZoneInfo) -> int:
    """Return ns UTC of a time, on the clock of the zone where it has no offset."""
    found = datetime.fromisoformat(str(text))
    return round((found if found.tzinfo else found.replace(tzinfo=zone)).timestamp()) * NS


def rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table."""
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("folder", CASES, ids=lambda one: one.name)
def test_a_case_is_as_expected(folder):
    """Each interval has the difference, the register, the quality and the reason that its folder says."""
    case = yaml.safe_load((folder / "case.yaml").read_text(encoding="utf-8"))
    zone, scale = ZoneInfo(case["zone"]), 10 ** case["decimals"]
    wraps = case.get("wraps_at")
    register = Register(1, "town/meter/energy", case["decimals"], None if wraps is None else wraps * scale)
    read = rows(folder / "readings.csv")
    reads = Reads(
        np.array([moment(one["time"], zone) for one in read], np.int64),
        register.steps(np.array([float(one["value"]) for one in read])),
        np.array([Reason[one["quality"].upper()] for one in read], np.uint8),
    )
    edits = [
        Edit(
            EditKind(one["kind"]),
            1,
            moment(one["at"], zone),
            moment(one["at"], zone),
            tuple(register.step(value) for value in one["values"]),
            "ana",
            "",
            0,
        )
        for one in case.get("edits", ())
    ]
    edges = quarters(moment(case["from"], zone), moment(case["to"], zone), zone)
    line = reckon(register, reads, edges, Ground(Rules(**case.get("rules", {})), zone, edits))
    found = [
        (
            np.datetime_as_string(np.datetime64(int(start), "ns"), unit="s") + "Z",
            delta / scale,
            after / scale,
            Flag(flag).slug,
            Why(why).slug,
        )
        for start, delta, after, flag, why in zip(
            line.edges[:-1], line.delta, line.register[1:], line.flag, line.why, strict=True
        )
    ]
    expected = [
        (one["start"], float(one["delta"]), float(one["register"]), one["quality"], one["reason"])
        for one in rows(folder / "expected.csv")
    ]

    assert found == expected
