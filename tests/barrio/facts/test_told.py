"""What an InfluxDB is told beside readings, on a running platform."""

import subprocess
import sys
import time

from barrio.commands import ask
from tests.barrio.api.test_further import LOOKS
from tests.barrio.facts.stage import (
    ALARMS,
    COMMANDS,
    SERVICES,
    Database,
    district_of,
    held_to_it,
    holds,
    low,
    speak,
    teller,
    told,
)
from tests.barrio.scripted import until
from twin.facts import Fact

TOKEN = "let-me"
HOUR = 3_600_000_000_000


async def test_an_alarm_is_an_event_and_stands_until_its_ending_row(tmp_path, influxdb):
    """Raised, acknowledged by a person and over: three events, and a last row that says that it stands no more."""
    database = Database(influxdb.url, "facts_alarm")
    async with told(tmp_path, influxdb.url, "facts_alarm", alarms=ALARMS) as stage:
        stage.platform.token = TOKEN
        await stage.links["probe"].give("temperature", 31.5)
        await holds(database, "barrio_alarms", lambda rows: len({row["time"] for row in rows}) > 2)
        done = await stage.http.post(
            "/api/v1/alarms/1/acknowledge",
            json={"who": "ana", "comment": "on my way"},
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        await stage.links["probe"].give("temperature", 20.0)
        events = await holds(database, "barrio_events", lambda rows: len(rows) == 3, kind="alarm")
        stood = await holds(database, "barrio_alarms", lambda rows: rows and rows[-1]["standing"] == 0)

    assert done.status_code == 200
    assert [one["what"] for one in events] == ["raised", "acknowledged", "returned"]
    assert events[0]["title"] == "raised: probe has 31.5 Cel"
    assert events[1]["text"] == "Alarm 1 was acknowledged by ana (on my way): probe has 31.5 Cel."
    assert (events[1]["who"], events[1]["site"], events[1]["device"]) == ("ana", "house", "probe")
    assert (events[1]["priority"], events[1]["point"], events[1]["number"]) == ("critical", "temperature", 1)
    assert {one["standing"] for one in stood[:-1]} == {1}
    assert (stood[0]["state"], stood[0]["advice"], stood[0]["rule"]) == ("active", "open a window", "hot")


async def test_every_row_is_one_that_dashboards_know(tmp_path, influxdb):
    """Alarms, commands, requests, gaps, links, devices and health: no tag, field or type beyond the contract."""
    database = Database(influxdb.url, "facts_all")
    texts = {"alarms": ALARMS, "commands": COMMANDS, "services": SERVICES}
    async with told(tmp_path, influxdb.url, "facts_all", **texts) as stage:
        stage.platform.token = TOKEN
        await stage.links["probe"].give("temperature", 31.5)
        await low(stage)
        await stage.http.post(
            "/api/v1/commands",
            json={"point": "facts_all/probe/pump", "value": "on", "who": "ana"},
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        await holds(database, "barrio_events", lambda rows: rows, kind="command")
        await holds(database, "barrio_events", lambda rows: rows, kind="delivery")
        await holds(database, "barrio_requests", lambda rows: rows)
        await until(lambda: len(held_to_it(database)) == 7)

    counts = held_to_it(database)
    assert set(counts) == {
        f"barrio_{name}" for name in ("events", "alarms", "health", "devices", "links", "gaps", "requests")
    }
    assert teller(stage).state.lost == 0


async def test_a_command_is_told_step_by_step(tmp_path, influxdb):
    """Asked for, sent, read back: with the value in its unit, who and why."""
    database = Database(influxdb.url, "facts_command")
    async with told(tmp_path, influxdb.url, "facts_command", commands=COMMANDS) as stage:
        stage.platform.token = TOKEN
        answer = await stage.http.post(
            "/api/v1/commands",
            json={
                "point": "facts_command/probe/pump",
                "value": "on",
                "who": "ana",
                "why": "the yard is dry",
            },
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        events = await holds(
            database,
            "barrio_events",
            lambda rows: any(row["what"] == "confirmed" for row in rows),
            kind="command",
        )

    assert answer.status_code < 300, answer.text
    steps = [one for one in events if one["device"] == "probe"]
    assert [one["what"] for one in steps] == ["accepted", "sending", "confirmed"]
    assert steps[0]["title"] == "probe, pump on: asked for"
    assert steps[-1]["text"].startswith("Command 1: probe, pump on: read back (ana: the yard is dry)")
    assert (steps[0]["site"], steps[0]["point"], steps[0]["who"]) == ("house", "pump", "ana")


async def test_a_request_is_told_step_by_step_and_while_it_is_open(tmp_path, influxdb):
    """What was asked for, until when, and that it is open no more once it was cancelled."""
    database = Database(influxdb.url, "facts_request")
    async with told(tmp_path, influxdb.url, "facts_request", services=SERVICES) as stage:
        await low(stage)
        services = stage.platform.living.services
        assert services is not None
        await holds(database, "barrio_requests", lambda rows: len({row["time"] for row in rows}) > 2)
        services.supply.cancel(1, "ana", "not today")
        rows = await holds(database, "barrio_requests", lambda rows: rows and not rows[-1]["open"])
        events = await holds(database, "barrio_events", lambda rows: len(rows) > 1, kind="delivery")

    assert (rows[0]["quantity"], rows[0]["unit"], rows[0]["what"], rows[0]["number"]) == (
        45.0,
        "m3",
        "water",
        "1",
    )
    assert {row["open"] for row in rows[:-1]} == {1}
    assert (rows[-1]["state"], rows[-1]["text"]) == ("cancelled", "not today")
    assert rows[0]["deadline"] > rows[0]["since"]
    assert [one["what"] for one in events] == ["requested", "cancelled"]
    assert (events[1]["who"], events[1]["title"]) == ("ana", "water for Cistern: cancelled (request 1)")


async def test_a_device_says_why_it_is_not_heard_and_where_it_is(tmp_path, influxdb):
    """A link that is lost takes its device down, with its words; the gap is one row for all points, closed later."""
    database = Database(influxdb.url, "facts_device")
    async with told(tmp_path, influxdb.url, "facts_device") as stage:
        link = stage.links["tank"]
        await speak(link)
        await holds(database, "barrio_devices", lambda rows: rows and rows[-1]["up"] == 1, device="tank")
        link.break_off("no route to host")
        down = await holds(
            database, "barrio_devices", lambda rows: rows and rows[-1]["up"] == 0, device="tank"
        )
        await holds(
            database, "barrio_links", lambda rows: rows and rows[-1]["up"] == 0, link="scripted://10.0.0.2:1"
        )
        gaps = await holds(database, "barrio_gaps", lambda rows: rows, reason="link_down")
        link.trouble = ""
        await until(lambda: link.sink is not None)
        await holds(database, "barrio_links", lambda rows: rows[-1]["up"] == 1, link="scripted://10.0.0.2:1")
        await speak(link)
        up = await holds(database, "barrio_devices", lambda rows: rows[-1]["up"] == 1, device="tank")
        closed = await holds(
            database, "barrio_gaps", lambda rows: all(row["open"] == 0 for row in rows), reason="link_down"
        )
        links = database.rows("barrio_events", kind="platform")

    assert (down[-1]["state"], down[-1]["words"]) == (
        "link_down",
        "the link to the device is down (no route to host)",
    )
    assert (down[-1]["points"], down[-1]["points_silent"], down[-1]["name"]) == (3, 3, "Cistern")
    assert (down[-1]["lat"], down[-1]["lon"]) == (20.6, -100.4)
    assert (up[-1]["state"], up[-1]["words"], up[-1]["points_silent"]) == ("up", "", 0)
    assert up[-1]["heard"] > 1_700_000_000_000
    assert (gaps[0]["device"], gaps[0]["site"], gaps[0]["open"]) == ("tank", "shed", 1)
    assert sum(row["points"] for row in closed) == 3
    assert all(row["seconds"] > 0 and row["filled"] == 0 for row in closed)
    assert {"platform_started", "link_up", "link_down"} <= {one["what"] for one in links}


async def test_health_counts_what_stands_and_what_is_heard(tmp_path, influxdb):
    """Devices, points, gaps, links, alarms by priority, and how the spool and the store are."""
    database = Database(influxdb.url, "facts_health")
    async with told(tmp_path, influxdb.url, "facts_health", alarms=ALARMS) as stage:
        await speak(stage.links["probe"], 31.5)
        rows = await holds(
            database, "barrio_health", lambda rows: rows and rows[-1]["alarms"] and rows[-1]["stored"] == 3
        )

    newest = rows[-1]
    assert (newest["alarms"], newest["critical"], newest["high"], newest["unacknowledged"]) == (1, 1, 0, 1)
    assert (newest["devices"], newest["devices_heard"], newest["links"], newest["links_up"]) == (2, 1, 2, 2)
    assert (newest["points"], newest["points_heard"], newest["gaps"]) == (6, 3, 3)
    assert (newest["stored"], newest["spool_waiting"], newest["dropped"], newest["store_errors"]) == (
        3,
        0,
        0,
        0,
    )
    assert newest["requests"] is None if "requests" in newest else True


async def test_a_district_without_rules_has_no_alarms_rather_than_no_number(tmp_path, influxdb):
    """A city's map finds every district by its number of alarms, so there is one without `alarms.yaml` as well."""
    database = Database(influxdb.url, "facts_no_rules")
    async with told(tmp_path, influxdb.url, "facts_no_rules"):
        rows = await holds(database, "barrio_health", bool)

    assert (rows[-1]["alarms"], rows[-1]["critical"], rows[-1]["unacknowledged"]) == (0, 0, 0)


async def test_it_is_said_how_much_was_told(tmp_path, influxdb):
    """In /metrics, and in the status of the platform, as a command prints it."""
    async with told(tmp_path, influxdb.url, "facts_said") as stage:
        await until(lambda: teller(stage).state.rows > 5 and not teller(stage).state.waiting)
        body = (await stage.http.get("/api/v1/status")).json()
        metrics = (await stage.http.get("/metrics")).text

    facts = body["facts"]
    assert facts["told"] > 5
    assert (facts["lost"], facts["folded"], facts["waiting"], facts["words"]) == (0, 0, 0, "")
    assert facts["last"].startswith("20")
    [said] = [line for line in ask._status_lines(body) if line.startswith("told")]
    assert said.startswith(f"told      {facts['told']:,} facts beside readings, 0 waiting, the last ")
    numbers = dict(line.split() for line in metrics.splitlines() if line.startswith("barrio_facts"))
    assert numbers.keys() == {
        f"barrio_facts_{name}"
        for name in ("told_total", "folded_total", "lost_total", "waiting", "last_told_seconds")
    }
    assert float(numbers["barrio_facts_last_told_seconds"]) > 1_700_000_000


async def test_a_fact_that_the_database_will_not_have_is_counted(tmp_path, influxdb):
    """Somebody wrote a field of ours with another type: that row is lost, said and counted, the others are stored."""
    database = Database(influxdb.url, "facts_odd")
    database.write('barrio_links,district=facts_odd,link=x,protocol=y up="yes"')
    async with told(tmp_path, influxdb.url, "facts_odd") as stage:
        await until(lambda: teller(stage).state.lost)
        await until(lambda: database.query("SELECT * FROM barrio_devices"))
        state = teller(stage).state

        assert state.words == ""
        assert state.rows > 0


async def test_what_one_database_refuses_is_stored_in_another(tmp_path, influxdb):
    """A row that one district's database will not have costs that row, and none of another district's."""
    first, second = (Database(influxdb.url, name) for name in ("facts_first", "facts_second"))
    first.write('barrio_requests,district=facts_first,site=s,device=d,number=1 quantity="much"')
    now = time.time_ns()

    def request(district):
        tags = {"district": district, "site": "s", "device": "d", "number": "1"}
        return Fact("barrio_requests", tags, {"quantity": 1.0}, now)

    async with told(tmp_path, influxdb.url, "facts_first") as stage:
        await teller(stage)._tell([request("facts_first"), request("facts_second")])
        rows = second.query("SELECT quantity FROM barrio_requests")

        assert teller(stage).state.lost == 1
        assert rows[0]["values"] == [[now, 1.0]]


async def test_whatever_people_write_is_told(tmp_path, influxdb):
    """Quotes, ends of lines, signs of Grafana's and texts of any length are one row each, and none is lost."""
    texts = [
        'a "quote"',
        "two\nlines\r\n",
        "\\",
        "smile 😀 ñ",
        "$timeFilter ${x:regex}",
        "a,b=c d",
        "x" * 70_000,
    ]
    database = Database(influxdb.url, "facts_written")
    async with told(tmp_path, influxdb.url, "facts_written") as stage:
        now = stage.platform.clock.now_ns()
        for number, text in enumerate(texts):
            stage.platform.note("spool_damaged", now + number * 1_000_000, text, text[:100])
        found = await holds(
            database, "barrio_events", lambda rows: len(rows) == len(texts), what="spool_damaged"
        )

        assert teller(stage).state.lost == 0
    for row, text in zip(found, texts, strict=True):
        assert text.replace("\n", "\ufffd").replace("\r", "\ufffd").strip("\ufffd") in row["text"]


def test_a_plain_platform_imports_none_of_it():
    """Where the store is a file, nothing is told, and the code for it is not there."""
    words = subprocess.run([sys.executable, "-c", LOOKS], check=True, capture_output=True, text=True).stdout

    assert "barrio.platform" in words.split()
    assert not [name for name in words.split() if name.startswith("barrio.facts")]


async def test_a_plain_platform_says_nothing_of_it(stage):
    """Neither its status nor its metrics speak of a database that there is not."""
    assert stage.platform.facts is None
    assert "facts" not in (await stage.http.get("/api/v1/status")).json()
    assert "barrio_facts" not in (await stage.http.get("/metrics")).text


async def test_what_the_database_would_not_keep_is_not_told(tmp_path, influxdb):
    """A past older than the district's retention would be refused row by row."""
    district = district_of("facts_young") + "retention: {raw: 1h}\n"
    async with told(tmp_path, influxdb.url, "facts_young", district=district) as stage:
        now = stage.platform.clock.now_ns()
        rows = [
            Fact("barrio_health", {"district": "facts_young"}, {"devices": 2}, at)
            for at in (now - 2 * HOUR, now)
        ]

        assert teller(stage)._young(rows) == rows[1:]
