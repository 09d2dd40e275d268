"""Programmes at work: they hold at low priority, give way to a manual command and get the point back."""

import asyncio
from datetime import datetime
from zoneinfo import ZoneInfo

from tests.twin.commands.stage import LAMP_1, LAMP_2, NS, RULES, Field, Moved, staged
from twin.audit import NotAudited
from twin.commands.command import Done, State, Written

LIGHTS = """\
schedules:
  - id: lights
    for: {kind: Streetlight}
    point: dimming
    at:
      - {from: "20:00", until: "23:00", value: 100 %}
      - {from: "23:00", until: "05:00", value: 60 %}
"""


def at(text):
    return Moved(
        round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Madrid")).timestamp()) * NS
    )


def of(stage, path):
    return [value for one, value in stage.field.writes if one == path]


async def test_what_holds_now_is_applied_at_the_start(tmp_path):
    """And what comes, when it comes; afterwards the value before."""
    async with staged(tmp_path, RULES + LIGHTS, clock=at("2026-03-10T22:00")) as stage:
        stage.show(LAMP_1, 30.0)
        await stage.tick()
        assert of(stage, LAMP_1) == [100.0]
        standing = stage.desk.desired()[0]
        assert (standing.who, standing.priority, standing.until) == ("schedule lights", 14, 0)
        stage.show(LAMP_1, 100.0)
        await stage.tick(3_599)
        assert of(stage, LAMP_1) == [100.0]
        await stage.tick(1)
        assert of(stage, LAMP_1) == of(stage, LAMP_2) == [100.0, 60.0] or of(stage, LAMP_2) == [100.0, 60.0]
        await stage.tick(6 * 3_600)

        assert of(stage, LAMP_1) == [100.0, 60.0, 30.0]
        assert stage.desk.desired() == []


async def test_a_manual_command_wins_and_is_given_back(tmp_path):
    """Changes of the programme in the meantime are not sent, and hold afterwards."""
    async with staged(tmp_path, RULES + LIGHTS, clock=at("2026-03-10T22:50")) as stage:
        stage.show(LAMP_1, 30.0)
        await stage.tick()
        await stage.ask(value=20, lease_s=900)
        await stage.tick(660)
        assert of(stage, LAMP_1) == [100.0, 20.0]
        assert of(stage, LAMP_2) == [100.0, 60.0]
        await stage.tick(300)

        assert of(stage, LAMP_1) == [100.0, 20.0, 60.0]
        assert stage.desk.desired()[0].who == "schedule lights"


async def test_a_restart_at_night(tmp_path):
    """The programme of now is sent again; one that changed meanwhile too; a manual command stays."""
    clock, field = at("2026-03-10T22:50"), Field()
    async with staged(tmp_path, RULES + LIGHTS, clock=clock, field=field) as stage:
        await stage.tick()
        await stage.ask(value=20)
        await stage.settled()
    clock.now += 3_600 * NS
    field.writes.clear()
    async with staged(tmp_path, RULES + LIGHTS, clock=clock, field=field) as stage:
        await stage.tick()

        assert field.writes == [(LAMP_2, 60.0)]
        assert [one.value for one in stage.desk.desired()] == [20.0, 60.0]


async def test_a_programme_that_is_gone_lets_go(tmp_path):
    """Taken out of the file, it holds nothing after the next start."""
    clock, field = at("2026-03-10T22:00"), Field()
    async with staged(tmp_path, RULES + LIGHTS, clock=clock, field=field) as stage:
        stage.show(LAMP_1, 30.0)
        await stage.tick()
    async with staged(tmp_path, RULES, clock=clock, field=field) as stage:
        await stage.tick(1)

        assert of(stage, LAMP_1) == [100.0, 30.0]
        assert stage.desk.desired() == []


async def test_a_link_that_is_down_at_the_hour(tmp_path):
    """The lamp gets what holds when it is back; the log says once that it was withheld."""
    async with staged(tmp_path, RULES + LIGHTS, clock=at("2026-03-10T22:59")) as stage:
        await stage.tick()
        stage.field.away[LAMP_1] = "timed out"
        for _ in range(40):
            await stage.tick(30)
        assert of(stage, LAMP_1) == [100.0]
        assert "timed out" in stage.desk.desired()[0].owed
        assert len(stage.entries("withheld")) == 1
        stage.field.away.clear()
        await stage.tick(61)

        assert of(stage, LAMP_1) == [100.0, 60.0]


async def test_a_lamp_that_refuses(tmp_path):
    """It is over for this change, with the device's words; the others go on."""
    async with staged(tmp_path, RULES + LIGHTS, clock=at("2026-03-10T22:00")) as stage:
        stage.field.script[LAMP_1] = Written(Done.REFUSED, None, "too hot")
        await stage.tick()
        await stage.settled()

        [rejected] = [one for one in stage.journal.recent(LAMP_1, None, 10) if one.state is State.REJECTED]
        assert rejected.words == "too hot"
        assert of(stage, LAMP_2) == [100.0]


async def test_a_programme_is_no_reason_to_refuse_people(tmp_path):
    """Its changes are not refused for the rate, and count."""
    rules = RULES.replace("    minimum: 20 %\n", "    rate: 2 per day\n")
    async with staged(tmp_path, rules + LIGHTS, clock=at("2026-03-10T22:59")) as stage:
        await stage.tick()
        await stage.ask(value=30)
        assert (await stage.ask(value=31)).reason == "rate"
        await stage.desk.release(LAMP_1, 8, "ana", frozenset({"operator"}))
        await stage.tick(61)

        assert of(stage, LAMP_1) == [100.0, 30.0, 100.0, 60.0]


async def test_a_clock_that_was_set_back(tmp_path):
    """The programme is looked at anew."""
    async with staged(tmp_path, RULES + LIGHTS, clock=at("2026-03-10T23:10")) as stage:
        await stage.tick()
        await stage.tick(-1_800)

        assert of(stage, LAMP_1) == [60.0, 100.0]


async def test_what_comes_is_shown(tmp_path):
    """A day ahead, for all points of a programme at once."""
    async with staged(tmp_path, RULES + LIGHTS, clock=at("2026-03-10T22:00")) as stage:
        [(schedule, paths, phases)] = stage.desk.timetable.shown(
            stage.clock.now, stage.clock.now + 86_400 * NS
        )

        assert (schedule.id, paths) == ("lights", [LAMP_1, LAMP_2])
        assert [phase.value for phase in phases] == [100.0, 60.0, None, 100.0]


async def test_people_do_not_wait_for_a_programme(tmp_path, monkeypatch):
    """While a programme asks lamps that do not answer, a person's command goes through."""
    monkeypatch.setattr("twin.commands.sender.MOST_WRITES", 1)
    async with staged(tmp_path, RULES + LIGHTS, clock=at("2026-03-10T22:00")) as stage:
        stage.field.gate = asyncio.Event()
        stage.desk.tick(stage.clock.now)
        await stage.writing()
        gate, stage.field.gate = stage.field.gate, None
        command = await asyncio.wait_for(stage.ask("riverside/tank-1/inlet", "open"), 5)
        gate.set()
        await stage.settled()

        assert command.state is State.CONFIRMED
        assert len(stage.field.writes) == 3


async def test_a_programme_that_cannot_be_put_on_record_follows_later(tmp_path, monkeypatch):
    """A full disk at the hour of change delays it, and nothing more."""
    async with staged(tmp_path, RULES + LIGHTS, clock=at("2026-03-10T22:00")) as stage:
        real = stage.audit.append

        def refuse(entries):
            raise NotAudited("audit.log", "no space left on device")

        monkeypatch.setattr(stage.audit, "append", refuse)
        await stage.tick()
        assert stage.field.writes == []
        monkeypatch.setattr(stage.audit, "append", real)
        await stage.tick(30)
        assert stage.field.writes == []
        await stage.tick(31)

        assert sorted(stage.field.writes) == [(LAMP_1, 100.0), (LAMP_2, 100.0)]
