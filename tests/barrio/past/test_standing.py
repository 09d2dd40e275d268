"""Alarms and what was desired, at a moment of the past."""

import pytest

from barrio.commands import past as command
from barrio.moments import rfc3339
from barrio.settings import Settings
from tests.barrio.scripted import staged, until
from twin.commands.journal import desire, undesire
from twin.commands.priorities import Slot

ALARMS = """\
alarms:
  - {id: hot, for: {kind: Thing}, point: temperature, above: 30 Cel, priority: high, text: "{name} has {value}"}
  - {id: running, for: {kind: Thing}, point: pump, is: "on", priority: critical}
"""
COMMANDS = """\
commands:
  - {id: pump, for: {kind: Thing}, point: pump}
"""
PROFILE = """\
profile: thing
protocol: scripted
kind: Thing
points:
  temperature: {quantity: air_temperature, slot: 0}
  energy: {quantity: active_energy_import, slot: 1}
  pump: {quantity: pump_state, slot: 2, states: {0: "off", 1: "on"}, writable: true}
"""
PUMP = "little/probe/pump"


@pytest.fixture
async def stage(tmp_path, monkeypatch):
    """A running platform of a district with alarms and commands."""
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)
    (tmp_path / "little").mkdir()
    (tmp_path / "little" / "alarms.yaml").write_text(ALARMS)
    (tmp_path / "little" / "commands.yaml").write_text(COMMANDS)
    async with staged(tmp_path, profile=PROFILE) as found:
        yield found


async def then(stage, at="now", **query):
    answer = await stage.http.get("/api/v1/twin", params={"at": at, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def written(stage):
    """Return a moment at which all that was said so far stands in the journals."""
    await stage.settled()
    await stage.platform.in_thread("ledger", lambda: None)
    return rfc3339(stage.platform.clock.now_ns())


def number_of_alarms(stage, number):
    return until(lambda: len(stage.platform.living.alarms.standing()) == number)


async def run_hot(stage):
    """Raise both alarms and clear one; returns the moments before, between and after."""
    before = await written(stage)
    await stage.links["probe"].give("temperature", 31.5)
    await number_of_alarms(stage, 1)
    await stage.links["meter"].give("pump", stage.links["meter"].point("pump").state(1))
    await number_of_alarms(stage, 2)
    between = await written(stage)
    stage.platform.living.alarms.acknowledge(1, "ana", "")
    await stage.links["probe"].give("temperature", 20.0)
    await number_of_alarms(stage, 1)
    return before, between, await written(stage)


async def test_the_alarms_that_stood_then(stage):
    """What was raised before a moment and cleared after it stood at it, the gravest first."""
    before, between, after = await run_hot(stage)
    found = [(await then(stage, at))["alarms"] for at in (before, between, after)]

    assert [[one["rule"] for one in alarms] for alarms in found] == [[], ["running", "hot"], ["running"]]
    assert (found[1][1]["words"], found[1][1]["state"]) == ("probe has 31.5 Cel", "active")


@pytest.mark.parametrize(
    ("under", "rules"),
    [
        ("little", ["running", "hot"]),
        ("little/probe", ["hot"]),
        ("little/yard", ["running"]),
        ("little/probe/temperature", ["hot"]),
        ("little/probe/energy", []),
    ],
)
async def test_only_the_alarms_of_what_was_asked_for(stage, under, rules):
    """Alarms of a district, of a device, of what stands in a site, of a point."""
    _, between, _ = await run_hot(stage)

    assert [one["rule"] for one in (await then(stage, between, under=under))["alarms"]] == rules


async def test_alarms_that_came_and_went(stage):
    """Between two moments alarms were raised, and others cleared."""
    before, between, after = await run_hot(stage)
    raised = await then(stage, before, compare=between)
    cleared = await then(stage, between, compare=after)

    def alarms(body):
        return [(one["subject"], one["what"]) for one in body["changes"] if one["kind"] == "alarm"]

    assert alarms(raised) == [("little/running/meter", ["raised"]), ("little/hot/probe", ["raised"])]
    assert alarms(cleared) == [("little/hot/probe", ["cleared"])]


async def test_what_was_desired_then(stage, monkeypatch):
    """What was desired of a point at a moment stands beside what it showed, and is a change where it was not."""
    journal = stage.platform.living.commander.journal
    await stage.links["probe"].give("pump", stage.links["probe"].point("pump").state(0))
    before = await written(stage)
    now = stage.platform.clock.now_ns()
    journal.write(desire(PUMP, Slot(7, "on", "ana", now, 0), 8, now))
    between = await written(stage)
    journal.write([undesire(PUMP, stage.platform.clock.now_ns())])
    after = await written(stage)
    bodies = [await then(stage, at, under="little/probe/pump") for at in (before, between, after)]
    wanted = [body["points"][0]["desired"] for body in bodies]
    both = await then(stage, before, compare=between, under="little/probe")
    monkeypatch.setattr(command, "ask", lambda *_: both)
    text = command.twin(Settings(), [], {"compare": between}, machine=False, everything=False)

    assert (wanted[0], wanted[2]) == (None, None)
    assert (wanted[1]["value"], wanted[1]["priority"], wanted[1]["who"]) == ("on", 8, "ana")
    assert "little/probe/pump  desired nothing -> on" in text


async def test_the_words_of_alarms_and_of_what_was_desired(stage, monkeypatch):
    """A standing alarm is a line with its state and words; what was desired stands where it was not shown."""
    _, between, _ = await run_hot(stage)
    now = stage.platform.clock.now_ns()
    stage.platform.living.commander.journal.write(
        desire("little/meter/pump", Slot(7, "off", "ana", now, 0), 8, now)
    )
    body = await then(stage, between)
    body["points"] = (await then(stage))["points"]
    monkeypatch.setattr(command, "ask", lambda *_: body)
    lines = command.twin(Settings(), [], {"compare": None}, machine=False, everything=False).splitlines()

    assert lines[2] == "alarms       2 standing"
    assert lines[3].split()[:2] == ["critical", "active"]
    assert lines[4].endswith("little/probe/temperature: probe has 31.5 Cel")
    assert any("desired off" in line for line in lines)
