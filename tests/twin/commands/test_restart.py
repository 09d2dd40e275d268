"""A process that ends between the steps of a command, and what the next one makes of it."""

import asyncio

import pytest

from tests.twin.commands.stage import LAMP_1, LAMP_2, NS, RULES, START, Field, Moved, staged
from twin.chain import verify
from twin.commands.command import Done, State, Written
from twin.sqlite import DatabaseBusy


class Killed(BaseException):
    """The process ends here."""


async def killed_while_sending(folder, clock, field, **more):
    """Run a process up to the moment at which a device is asked, and let it end there."""
    asked = asyncio.Event()

    async def hang(path, value):
        asked.set()
        await asyncio.Event().wait()

    async with staged(folder, clock=clock, field=field) as stage:
        stage.show(LAMP_1, 100.0)
        stage.desk.carrier.sender._write = hang
        work = asyncio.create_task(stage.ask(value=40, **more))
        await asked.wait()
        for task in stage.desk._crew._tasks:
            task.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def test_a_write_that_may_have_happened_is_unknown(tmp_path):
    """It is not sent again; what the device reports tells; and it is on record as interrupted."""
    clock, field = Moved(), Field()
    await killed_while_sending(tmp_path, clock, field, lease_s=60)
    async with staged(tmp_path, clock=clock, field=field) as stage:
        [command] = stage.desk.carrier.commands.values()
        states = [command.state]
        await stage.tick(1)
        assert field.writes == []
        stage.clock.now += NS
        stage.show(LAMP_1, 40.0)
        await stage.tick(1)
        assert [*states, command.state] == [State.UNKNOWN, State.CONFIRMED]
        await stage.tick(60)

        assert field.writes == [(LAMP_1, 100.0)]
        assert stage.steps() == [
            "started", "accepted", "sending", "started", "interrupted", "confirmed", "ended", "sending", "confirmed",
            "ended",
        ]  # fmt: skip


async def test_a_lease_that_ended_meanwhile_is_over_at_once(tmp_path):
    """The value before comes back with the start."""
    clock, field = Moved(), Field()
    async with staged(tmp_path, clock=clock, field=field) as stage:
        stage.show(LAMP_1, 100.0)
        await stage.ask(value=40, lease_s=60)
    clock.now += 3_600 * NS
    async with staged(tmp_path, clock=clock, field=field) as stage:
        await stage.tick(1)

        assert field.writes == [(LAMP_1, 40.0), (LAMP_1, 100.0)]
        assert stage.desk.desired() == []


async def test_who_held_a_point_holds_it_still(tmp_path):
    """With the same number, lease and value before; nothing is sent for that."""
    clock, field = Moved(), Field()
    async with staged(tmp_path, clock=clock, field=field) as stage:
        stage.show(LAMP_1, 100.0)
        await stage.ask(value=60, priority=12)
        await stage.ask(value=40, lease_s=3_600)
        before = stage.desk.desired()
    async with staged(tmp_path, clock=clock, field=field) as stage:
        await stage.tick(1)
        [standing] = stage.desk.desired()
        assert (standing.value, standing.priority, standing.until, standing.before) == (
            40.0, 8, START + 3_600 * NS, 100.0,
        )  # fmt: skip
        assert [level for level, _ in standing.waiting] == [level for level, _ in before[0].waiting] == [12]
        assert len(field.writes) == 2
        await stage.tick(3_600)

        assert field.writes[-1] == (LAMP_1, 60.0)


async def test_what_waited_for_a_confirmation_has_expired(tmp_path):
    """Its code is worth nothing any more."""
    rules = RULES.replace("    minimum: 20 %\n", "    confirm: {within: 1h}\n")
    async with staged(tmp_path, rules) as stage:
        prepared = await stage.ask(value=40)
        code = prepared.code
    async with staged(tmp_path, rules) as stage:
        with pytest.raises(Exception, match="it is expired"):
            await stage.desk.confirm(prepared.id, code, "ana", frozenset({"operator"}))

        assert stage.field.writes == []
        kept = stage.journal.command(prepared.id)
        assert kept is not None
        assert kept.state is State.EXPIRED


async def test_a_return_that_was_owed_is_made_later(tmp_path):
    """A process that ended before it could give a point back leaves that to the next."""
    clock, field = Moved(), Field()
    async with staged(tmp_path, clock=clock, field=field) as stage:
        stage.show(LAMP_1, 100.0)
        await stage.ask(value=40, lease_s=60)
        field.away[LAMP_1] = "timed out"
        await stage.tick(61)
    field.away.clear()
    async with staged(tmp_path, clock=clock, field=field) as stage:
        await stage.tick(1)

        assert field.writes[-1] == (LAMP_1, 100.0)
        assert stage.journal.kept(0).before == []


async def test_a_key_is_kept(tmp_path):
    """A question that is repeated after a restart is still the same one."""
    clock, field = Moved(), Field()
    async with staged(tmp_path, clock=clock, field=field) as stage:
        first = await stage.ask(value=40, key="k")
    async with staged(tmp_path, clock=clock, field=field) as stage:
        again = await stage.ask(value=40, key="k")

        assert again.id == first.id
        assert len(field.writes) == 1
        assert (await stage.ask(value=50)).id > first.id


async def test_a_rate_is_kept(tmp_path):
    """A restart gives nobody more commands than the rule."""
    rules = RULES.replace("    minimum: 20 %\n", "    rate: 1 per hour\n")
    clock = Moved()
    async with staged(tmp_path, rules, clock=clock) as stage:
        await stage.ask(value=40)
        await stage.ask(value=41)
    clock.now += 60 * NS
    async with staged(tmp_path, rules, clock=clock) as stage:
        assert (await stage.ask(value=42)).reason == "rate"
        await stage.tick(3_600)

        assert (await stage.ask(value=42)).state is State.CONFIRMED


async def test_what_no_rule_covers_any_more_is_let_go(tmp_path):
    """Nothing is sent to it: nothing may write it now."""
    clock, field = Moved(), Field()
    async with staged(tmp_path, clock=clock, field=field) as stage:
        stage.show(LAMP_1, 100.0)
        await stage.ask(value=40)
    async with staged(tmp_path, "roles: []\n", clock=clock, field=field) as stage:
        await stage.tick(1)

        assert stage.desk.desired() == []
        assert len(field.writes) == 1
        assert stage.entries("ended")[-1]["words"] == "no rule covers it any more"


async def test_a_look_at_rest_changes_nothing(tmp_path):
    """Who asks a data folder while no platform runs sees what is desired, and leaves no trace."""
    clock, field = Moved(), Field()
    async with staged(tmp_path, clock=clock, field=field) as stage:
        stage.show(LAMP_1, 100.0)
        await stage.ask(value=40, lease_s=60)
    before = (tmp_path / "audit.log").read_bytes()
    clock.now += 3_600 * NS
    async with staged(tmp_path, clock=clock, field=field, restore=False) as stage:
        await stage.desk.restore(at_rest=True)
        stage.desk.tick(clock.now)

        assert [one.value for one in stage.desk.desired()] == [40.0]
        assert (await stage.ask()).reason == "stopping"
    assert len(field.writes) == 1
    assert (tmp_path / "audit.log").read_bytes().startswith(before)


async def test_what_was_desired_when(tmp_path):
    """The past knows what was desired of a point, by whom, and when nothing was."""
    clock, field = Moved(), Field()
    async with staged(tmp_path, clock=clock, field=field) as stage:
        stage.show(LAMP_1, 100.0)
        await stage.ask(value=60, priority=12)
        await stage.tick(100)
        await stage.ask(value=40, who="ben", lease_s=50)
        await stage.ask(LAMP_2, value=30)
        await stage.tick(51)
        await stage.tick(49)
        await stage.desk.release(LAMP_1, 12, "ana", frozenset({"operator"}))
        await stage.settled()

        def at(seconds):
            return [(one.path, one.value, one.who) for one in stage.journal.desired(START + seconds * NS)]

        assert at(-1) == []
        assert at(50) == [(LAMP_1, 60.0, "ana")]
        assert at(120) == [(LAMP_1, 40.0, "ben"), (LAMP_2, 30.0, "ana")]
        assert [one.who for one in stage.journal.desired(START + 151 * NS)] == ["ana", "ana"]
        assert at(160) == [(LAMP_1, 60.0, "ana"), (LAMP_2, 30.0, "ana")]
        assert at(201) == [(LAMP_2, 30.0, "ana")]


async def test_a_process_killed_anywhere_leaves_a_sound_log(tmp_path):
    """Ended after every single write to the disk in turn: the next process starts, and knows of every write sent."""
    for number in range(1, 40):
        folder = tmp_path / str(number)
        clock, field = Moved(), Field()
        killed = False
        async with staged(folder, clock=clock, field=field) as stage:
            stage.show(LAMP_1, 100.0)
            left, real = [number], asyncio.to_thread

            async def failing(function, *args, left=left, real=real):
                left[0] -= 1
                if left[0] <= 0:
                    await asyncio.Event().wait()
                return await real(function, *args)

            stage.desk._scribe._in_thread = failing
            try:
                async with asyncio.timeout(0.2):
                    await stage.ask(value=40, lease_s=60)
                    await stage.ask(value=50, who="ben")
                    clock.now += 61 * NS
                    await stage.desk.release(LAMP_1, 8, "ben", frozenset({"operator"}))
                    await stage.settled()
            except TimeoutError:
                killed = True
            stage.desk._scribe.stop()
            for task in stage.desk._crew._tasks:
                task.cancel()
        sent = list(field.writes)
        async with staged(folder, clock=clock, field=field) as stage:
            known = [one.value for one in stage.journal.recent(LAMP_1, None, 100)]
            assert verify(folder / "audit.log").sound
            assert {value for _, value in sent} <= set(known)
            await stage.tick(120)
            await stage.tick(120)
            assert field.writes[: len(sent)] == sent
            if stage.desk.desired():
                await stage.desk.release(LAMP_1, 8, "ana", frozenset({"operator"}))
                await stage.settled()
            if sent:
                assert field.writes[-1] == (LAMP_1, 100.0)
            assert stage.desk.desired() == []
        if not killed:
            break
    else:
        pytest.fail("it was killed each time")


async def test_an_answer_that_came_is_on_record_when_the_disk_is_back(tmp_path, monkeypatch):
    """What has happened is written later; what has not happened yet does not happen."""
    monkeypatch.setattr("twin.commands.scribe.AGAIN_S", 0.01)
    async with staged(tmp_path) as stage:
        stage.show(LAMP_1, 100.0)
        full, real = [False], stage.audit.append

        def append(entries):
            from twin.audit import NotAudited

            if full[0]:
                raise NotAudited("audit.log", "no space left on device")
            real(entries)

        monkeypatch.setattr(stage.audit, "append", append)
        stage.field.gate = asyncio.Event()
        first = asyncio.create_task(stage.ask(value=40))
        await stage.writing()
        full[0] = True
        stage.field.gate.set()
        assert (await first).state is State.CONFIRMED
        second = await stage.ask(LAMP_2, value=40)
        assert (second.state, second.reason) == (State.REFUSED, "not_recorded")
        assert "no space left on device" in second.words
        assert stage.field.writes == [(LAMP_1, 40.0)]
        full[0] = False
        await stage.settled()

        assert stage.steps() == ["started", "accepted", "sending", "confirmed"]
        assert (await stage.ask(LAMP_2, value=40)).state is State.CONFIRMED


async def test_a_lease_does_not_end_off_the_record(tmp_path, monkeypatch):
    """While the log cannot be written the point stays held; then it is given back."""
    async with staged(tmp_path) as stage:
        from twin.audit import NotAudited

        stage.show(LAMP_1, 100.0)
        await stage.ask(value=40, lease_s=10)
        await stage.settled()
        real = stage.audit.append

        def refuse(entries):
            raise NotAudited("audit.log", "no space left on device")

        monkeypatch.setattr(stage.audit, "append", refuse)
        await stage.tick(11)
        assert stage.field.writes == [(LAMP_1, 40.0)]
        assert len(stage.desk.desired()) == 1
        monkeypatch.setattr(stage.audit, "append", real)
        await stage.tick(61)

        assert stage.field.writes[-1] == (LAMP_1, 100.0)


async def test_a_journal_that_is_damaged(tmp_path):
    """It is moved aside and a new one begins; that nobody holds a point any more is on record."""
    async with staged(tmp_path) as stage:
        await stage.ask(value=40)
    (tmp_path / "commands.sqlite").write_bytes(b"noise" * 1_000)
    async with staged(tmp_path) as stage:
        assert stage.desk.desired() == []
        [lost] = stage.entries("journal_lost")
        assert "commands.sqlite.damaged-1" in lost["words"]


async def test_a_journal_that_cannot_be_read_is_no_bug(tmp_path, monkeypatch):
    """Who asks hears that the disk is busy; the commander goes on."""
    async with staged(tmp_path) as stage:

        def busy(*_):
            raise DatabaseBusy("commands.sqlite", "disk I/O error")

        monkeypatch.setattr(stage.journal, "by_key", busy)
        with pytest.raises(DatabaseBusy):
            await stage.ask(value=40, key="k")
        await stage.tick(1)

        assert (await stage.ask(value=40)).state is State.CONFIRMED


async def test_an_unknown_outcome_over_a_restart(tmp_path):
    """It stays unknown, and is still not sent again."""
    clock, field = Moved(), Field()
    async with staged(tmp_path, clock=clock, field=field) as stage:
        field.script[LAMP_1] = Written(Done.UNKNOWN)
        await stage.ask(value=40)
    async with staged(tmp_path, clock=clock, field=field) as stage:
        for _ in range(30):
            await stage.tick(1)

        [command] = stage.desk.carrier.commands.values()
        assert command.state is State.UNKNOWN
        assert len(field.writes) == 1
