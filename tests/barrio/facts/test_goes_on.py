"""Nothing that happened is lost: a database that was away, a process that was killed, rules that have changed since."""

import asyncio
import shutil

from tests.barrio.facts.stage import ALARMS, SERVICES, Database, holds, low, speak, teller, told
from tests.barrio.scripted import until
from twin.store.port import StoreBusy

QUIET = ALARMS.replace("priority: critical", "priority: critical, needs_ack: no")


async def hot(stage, temperature=31.5):
    """Let the probe have a temperature, and return when the journal has what that means."""
    alarms = stage.platform.living.alarms
    await speak(stage.links["probe"], temperature)
    await until(lambda: any(one.key.rule == "hot" for one in alarms.standing()) == (temperature > 30))
    await stage.platform.recorded(5.0)


async def test_a_store_that_was_away_is_told_what_happened_meanwhile(tmp_path, influxdb):
    """Alarms, a request and gaps of that time, and that the store itself was away, and until when."""
    database = Database(influxdb.url, "facts_away")
    async with told(tmp_path, influxdb.url, "facts_away", alarms=QUIET, services=SERVICES) as stage:
        await holds(database, "barrio_health", lambda rows: rows)
        with influxdb.away():
            await hot(stage)
            await hot(stage, 20.0)
            await low(stage)
            stage.links["probe"].break_off("no route to host")
            await until(lambda: "cannot be reached" in stage.platform.writer.state.words)
            await asyncio.sleep(0.3)
        events = await holds(
            database, "barrio_events", lambda rows: any(row["what"] == "store_back" for row in rows)
        )
        await holds(database, "barrio_gaps", lambda rows: rows, reason="link_down")
        devices = await holds(
            database, "barrio_devices", lambda rows: rows and rows[-1]["state"] == "link_down", device="probe"
        )
        state = teller(stage).state
        await until(lambda: not state.words)

        assert [one["what"] for one in events if one["point"]] == ["raised", "returned"]
        assert [one["what"] for one in events if one["kind"] == "delivery"] == ["requested"]
        assert [one["what"] for one in events if one["what"].startswith("store")] == [
            "store_away",
            "store_back",
        ]
        assert devices[-1]["up"] == 0
        assert state.lost == 0


async def test_a_killed_process_is_gone_on_from(tmp_path, influxdb, monkeypatch):
    """What came after the last acknowledgement is told, what was told is not read again, what had lasted is ended."""
    database = Database(influxdb.url, "facts_killed")
    texts = {"alarms": QUIET, "services": SERVICES}
    async with told(tmp_path / "first", influxdb.url, "facts_killed", **texts) as stage:
        await low(stage)
        await hot(stage)
        stage.links["tank"].break_off("no route to host")
        await holds(database, "barrio_events", lambda rows: rows, kind="delivery")
        await holds(database, "barrio_events", lambda rows: rows, kind="alarm", device="probe")
        await holds(database, "barrio_gaps", lambda rows: rows, reason="link_down")
        await holds(database, "barrio_alarms", lambda rows: rows)
        tried = nothing_more(stage)
        await hot(stage, 20.0)
        await until(lambda: "returned" in tried)
        # What a killed process leaves is what is on the disk now.
        (tmp_path / "second").mkdir()
        shutil.copytree(tmp_path / "first" / "data", tmp_path / "second" / "data")

    before = database.rows("barrio_events", kind="alarm", device="probe")
    # How things are is told once, so that what is told of what happened can be counted.
    for often in ("STANDING_S", "HEALTH_S"):
        monkeypatch.setattr(f"barrio.facts.teller.{often}", 3_600.0)
    async with told(tmp_path / "second", influxdb.url, "facts_killed", **texts) as stage:
        found = stage.platform.notes.of(f"facts {influxdb.url}")
        await speak(stage.links["tank"])
        alarms = await holds(
            database, "barrio_events", lambda rows: len(rows) > 1, kind="alarm", device="probe"
        )
        stood = await holds(database, "barrio_alarms", lambda rows: rows[-1]["standing"] == 0, device="probe")
        gaps = await holds(
            database, "barrio_gaps", lambda rows: not any(row["open"] for row in rows), reason="link_down"
        )
        await until(lambda: teller(stage).state.waiting == 0)
        rows = teller(stage).state.rows
        deliveries = database.rows("barrio_events", kind="delivery")

    assert [one["what"] for one in before] == ["raised"]
    assert found.keys() >= {"alarms", "events", "gaps", "requests"}
    assert [one["what"] for one in alarms] == ["raised", "returned"]
    assert stood[-1]["state"] == "normal"
    assert gaps
    assert [one["what"] for one in deliveries] == ["requested"]
    assert rows < 60


async def test_an_alarm_of_a_rule_that_is_gone_gets_its_ending_row(tmp_path, influxdb, monkeypatch):
    """The next process knows the rule no more: it says so, and the alarm does not stand for ever."""
    monkeypatch.setattr("twin.alarms.engine.LINKS_COME_WITHIN_S", 0.1)
    database = Database(influxdb.url, "facts_gone")
    async with told(tmp_path, influxdb.url, "facts_gone", alarms=QUIET) as stage:
        await hot(stage)
        await holds(database, "barrio_alarms", lambda rows: rows)
    other = QUIET.replace("id: hot", "id: cold").replace("above: 30 Cel", "below: -30 Cel")
    async with told(tmp_path, influxdb.url, "facts_gone", alarms=other):
        rows = await holds(database, "barrio_alarms", lambda rows: rows[-1]["standing"] == 0)
        events = await holds(database, "barrio_events", lambda rows: len(rows) > 1, kind="alarm")

    assert (rows[-1]["rule"], rows[-1]["state"]) == ("hot", "normal")
    assert [one["what"] for one in events] == ["raised", "removed"]


async def test_an_alarm_whose_priority_was_changed_stands_once(tmp_path, influxdb):
    """The row of the priority that it had is ended, since dashboards tell alarms apart by their tags."""
    database = Database(influxdb.url, "facts_priority")
    async with told(tmp_path, influxdb.url, "facts_priority", alarms=QUIET) as stage:
        await hot(stage)
        await holds(database, "barrio_alarms", lambda rows: rows)
    lower = QUIET.replace("priority: critical", "priority: low")
    async with told(tmp_path, influxdb.url, "facts_priority", alarms=lower):
        await holds(database, "barrio_alarms", lambda rows: rows, priority="low")
        ended = await holds(
            database, "barrio_alarms", lambda rows: rows[-1]["standing"] == 0, priority="critical"
        )

    assert ended[-1]["state"] == "normal"


async def test_the_end_of_barrio_is_told_by_barrio_itself(tmp_path, influxdb):
    """A dashboard shows that barrio was stopped, and does not have to wait for the next start."""
    database = Database(influxdb.url, "facts_end")
    async with told(tmp_path, influxdb.url, "facts_end") as stage:
        await holds(database, "barrio_events", lambda rows: rows, kind="platform")

    events = database.rows("barrio_events", kind="platform")
    assert events[-1]["what"] == "platform_stopped"
    assert stage.platform.stopping


def nothing_more(stage):
    """Let the database acknowledge nothing from now on; returns what it is told in vain."""
    tried: list[object] = []

    def away_stand_in(facts):
        tried.extend(fact.fields.get("what") for fact in facts)
        raise StoreBusy("stand-in", "nothing is acknowledged any more")

    teller(stage)._tell_store = away_stand_in
    return tried
