"""The demo's story: what it does by itself within two minutes, as somebody sees who asks afterwards."""

import json
import subprocess
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.barrio.processes import COMMAND, barrio, environment
from tests.servers import free_port_range

pytestmark = pytest.mark.timeout(300)

ZONE = ZoneInfo("America/Mexico_City")
WATTS_AT_40 = 103.5 * (0.05 + 0.95 * 0.4)
"""What a simulated lamp of 103.5 W takes at 40 %."""
LAMPS = {f"ciudad-maderas/lamp-{number:02d}" for number in range(1, 11)}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The folder of a demo that has lasted its two minutes, and what it answered."""
    here = tmp_path_factory.mktemp("story")
    words = ["demo", "--for", "2m", "--json", "--data", "data", "--listen", "127.0.0.1:0"]
    done = subprocess.run(
        [*COMMAND, *words, "--base-port", str(free_port_range(100))],
        cwd=here,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return here, json.loads(done.stdout)


def asked(here, *words):
    """Return what a command answers for the demo's data folder."""
    done = barrio(*words, "--json", "--data", "data", cwd=here)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def past(here, point):
    """Return every value of a point that was stored."""
    query = ["history", f"ciudad-maderas/{point}", "--from", "-1h", "--format", "json", "--data", "data"]
    done = barrio(*query, cwd=here)
    assert done.returncode == 0, done.stderr
    (series,) = json.loads(done.stdout)["series"]
    return [one for one in series["value"] if one is not None]


def of_kind(told, kind):
    return [entry for entry in told[1]["story"] if entry["kind"] == kind]


def test_it_happens_within_two_minutes_and_nothing_else_does(told):
    """Everything is heard, the books balance, and no alarm stands that the story is not about."""
    _, body = told
    rules = {entry["rule"] for entry in of_kind(told, "alarm") if "rule" in entry}

    assert body["devices"]["heard"] == body["devices"]["configured"]
    assert body["balanced"] is True
    assert rules == {"cistern-draining", "cistern-low", "cabinet-silent"}
    assert all(entry["at_s"] < 120 for entry in body["story"])


def test_a_cistern_runs_low_is_asked_for_and_filled(told):
    """One request goes all its way; the level falls below the rule's and ends where it was asked to."""
    here, _ = told
    steps = of_kind(told, "supply")
    levels = past(here, "cistern-b1/level")

    assert [entry["state"] for entry in steps] == [
        "requested",
        "acknowledged",
        "delivering",
        "delivered",
        "closed",
    ]
    assert {(entry["what"], entry["request"]) for entry in steps} == {("ciudad-maderas/cistern-b1", 1)}
    assert "P-0001" in steps[1]["words"]
    assert levels[0] > 50
    assert min(levels) < 25
    assert levels[-1] == pytest.approx(90, abs=1)


def test_a_cabinet_fails_and_its_lamps_are_one_alarm(told):
    """One alarm with a count of ten; each lamp's own is suppressed by it, and ends without anybody."""
    here, _ = told
    shown = [entry for entry in of_kind(told, "alarm") if entry["what"] == "ciudad-maderas/cabinet-1"]
    changes = asked(here, "alarms", "history")["changes"]
    lamps = [change for change in changes if change["rule"] == "lamp-silent"]

    assert {entry["number"] for entry in shown} == {shown[0]["number"]}
    assert max(entry.get("count", 0) for entry in shown) == 10
    assert shown[-1]["state"] == "normal"
    assert {change["what"] for change in lamps if change["event"] == "suppressed"} == LAMPS
    assert {change["cause"] for change in lamps if change["event"] == "suppressed"} == {shown[0]["number"]}
    assert {change["what"] for change in lamps if change["event"] == "returned"} == LAMPS
    assert not [change for change in lamps if change["event"] in {"raised", "acknowledged"}]


def test_lamps_are_dimmed_with_a_lease_and_come_back(told):
    """Ten lamps are held at 40 % for their lease, take less power meanwhile, and are then as they were."""
    here, _ = told
    dimmed = [entry for entry in of_kind(told, "command") if entry["point"] == "dimming"]
    # After 23:00 in Querétaro the lighting programme holds all lamps as well, at a lower priority.
    dimmed = [entry for entry in dimmed if "schedule" not in entry["words"]]
    levels, watts = past(here, "lamp-11/dimming"), past(here, "lamp-11/power")

    assert [entry["words"] for entry in dimmed] == [
        "dimming is held at 40 % by the demo's operator",
        "dimming is given back, it was held at 40 % by the demo's operator",
        "dimming is as it was before",
    ]
    assert all(len(entry["points"]) == 10 for entry in dimmed)
    assert dimmed[1]["at_s"] - dimmed[0]["at_s"] == pytest.approx(25, abs=4)
    at = levels.index(40)
    assert levels[at - 1] == levels[at + 1] != 40
    assert any(watt == pytest.approx(WATTS_AT_40, rel=0.05) for watt in watts)
    assert watts[0] != pytest.approx(WATTS_AT_40, rel=0.05)
    assert watts[-1] != pytest.approx(WATTS_AT_40, rel=0.05)


def test_the_contactor_is_given_back_too(told):
    """It was closed in two steps, for a time; every step is on record, and the record is sound."""
    here, _ = told
    operator = [entry["words"] for entry in of_kind(told, "operator")]
    contactor = [entry for entry in of_kind(told, "command") if entry["point"] == "contactor"]
    audit = barrio("audit", "verify", "--data", "data", cwd=here)

    assert "cabinet-2/contactor closed, confirmed with a code, for 60 s: confirmed" in operator
    assert contactor[-1]["words"] == "contactor is as it was before"
    assert audit.returncode == 0
    assert audit.stdout.startswith("sound: ")


def test_the_moment_before_can_be_asked_for(told):
    """Before the cabinet's alarm its values were there and no alarm stood; while it was silent both are otherwise."""
    here, _ = told
    changes = asked(here, "alarms", "history")["changes"]
    raised = min(
        datetime.fromisoformat(change["at"]) for change in changes if change["rule"] == "cabinet-silent"
    ).astimezone(ZONE)
    before, during = (
        asked(here, "twin", "ciudad-maderas/cabinet-1", "--at", f"{moment:%Y-%m-%dT%H:%M:%S}")
        for moment in (raised - timedelta(seconds=12), raised + timedelta(seconds=15))
    )

    assert (len(before["alarms"]), len(during["alarms"])) == (0, 1)
    assert during["alarms"][0]["rule"] == "cabinet-silent"
    assert (before["unusable"], during["unusable"] >= 16) == (0, True)
