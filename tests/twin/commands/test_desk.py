"""The desk: what is asked for is checked, put on record, sent, read back and given back."""

import asyncio

import pytest

from tests.twin.commands.stage import INLET, LAMP_1, LAMP_2, NS, ROLES, RULES, START, staged
from twin.commands.command import Asked, Done, State, Written


async def test_a_command_is_sent_and_read_back(tmp_path):
    """Each step is on record, in order."""
    async with staged(tmp_path) as stage:
        stage.show(LAMP_1, 100.0)
        command = await stage.ask(value=40, why="film shooting")
        await stage.settled()

        assert (command.state, command.before, command.read_back) == (State.CONFIRMED, 100.0, 40.0)
        assert stage.field.writes == [(LAMP_1, 40.0)]
        assert stage.steps() == ["started", "accepted", "sending", "confirmed"]
        [accepted] = stage.entries("accepted")
        assert {key: accepted[key] for key in ("who", "path", "value", "before", "why", "roles", "priority")} == {
            "who": "ana", "path": LAMP_1, "value": 40.0, "before": 100.0, "why": "film shooting",
            "roles": ["operator"], "priority": 8,
        }  # fmt: skip
        assert stage.journal.command(command.id) == command


@pytest.mark.parametrize(
    ("path", "more", "reason", "words"),
    [
        ("riverside/lamp-1/hours", {}, "read_only", "its profile does not call it writable"),
        ("riverside/lamp-1/power_state", {"value": "off"}, "not_listed", "no rule of commands.yaml covers"),
        ("riverside/lamp-1/diming", {}, "unknown_point", "did you mean riverside/lamp-1/dimming?"),
        (LAMP_1, {"roles": {"cleaning"}}, "role", "is written by operator or lighting, you are cleaning"),
        (LAMP_1, {"roles": ()}, "role", "you are nobody"),
        (LAMP_1, {"value": 10}, "limits", "takes 20 % to 100 %, found 10 %"),
        (LAMP_1, {"value": "0.1 1"}, "limits", "found 10 %"),
        (LAMP_1, {"value": "40 kW"}, "value", "measures"),
        (LAMP_1, {"value": "bright"}, "value", "takes a number"),
        (LAMP_1, {"value": float("nan")}, "value", "finite"),
        (INLET, {"value": "opne"}, "value", "takes closed, open, found 'opne' (did you mean open?)"),
        (INLET, {"value": 1}, "value", "takes closed, open"),
        (LAMP_1, {"priority": 3}, "priority", "priority 8 (strongest) to 16"),
        (LAMP_1, {"priority": 17}, "priority", "priorities 1 to 16"),
        (LAMP_1, {"lease_s": -1}, "lease", "found -1 s"),
        (LAMP_1, {"who": " "}, "value", "who"),
        (LAMP_1, {"who": "schedule lights"}, "value", "is the name of a programme"),
        (LAMP_1, {"who": " Schedule lights"}, "value", "is the name of a programme"),
        (LAMP_1, {"expect": 60}, "expectation", "was expected to be 60 %, it is 100 %"),
        (INLET, {"value": "open", "expect": "open"}, "expectation", "not known: nothing was heard"),
    ],
)
async def test_what_is_refused_says_why(tmp_path, path, more, reason, words):
    """And it is on record, and nothing is sent."""
    async with staged(tmp_path) as stage:
        stage.show(LAMP_1, 100.0)
        command = await stage.ask(path, **{"value": 40, **more})

        assert (command.state, command.reason) == (State.REFUSED, reason)
        assert words in command.words
        assert stage.field.writes == []
        [entry] = stage.entries("refused")
        assert (entry["reason"], entry["words"]) == (reason, command.words)
        assert stage.desk.desired() == []


async def test_a_lease_ends_with_the_value_before(tmp_path):
    """When nobody holds the point any more it gets back what it showed before the first command."""
    async with staged(tmp_path) as stage:
        stage.show(LAMP_1, 100.0)
        command = await stage.ask(value=40, lease_s=900)
        stage.show(LAMP_1, 40.0)
        await stage.tick(899)
        [standing] = stage.desk.desired()
        assert (standing.value, standing.until) == (40.0, START + 900 * NS)
        await stage.tick(2)

        assert stage.field.writes == [(LAMP_1, 40.0), (LAMP_1, 100.0)]
        assert (command.state, command.result, command.words) == (
            State.ENDED,
            "confirmed",
            "its lease is over",
        )
        assert stage.steps("sending", "ended", "confirmed") == [
            "sending", "confirmed", "ended", "sending", "confirmed", "ended",
        ]  # fmt: skip
        assert stage.desk.desired() == []


async def test_a_release_by_hand_gives_back(tmp_path):
    """Who released and why is on record."""
    async with staged(tmp_path) as stage:
        stage.show(LAMP_1, 100.0)
        await stage.ask(value=40)
        back = await stage.desk.release(LAMP_1, 8, "ben", frozenset({"lighting"}), "done early")
        await stage.settled()

        assert stage.field.writes[-1] == (LAMP_1, 100.0)
        assert back is None or back.priority == 17
        assert (stage.entries("ended")[0]["by"], stage.entries("ended")[0]["why"]) == ("ben", "done early")


async def test_a_rule_may_leave_the_value(tmp_path):
    """With `release: none` nothing is sent when the last one lets go."""
    rules = RULES.replace("    minimum: 20 %\n", "    minimum: 20 %\n    release: none\n")
    async with staged(tmp_path, rules) as stage:
        stage.show(LAMP_1, 100.0)
        await stage.ask(value=40, lease_s=10)
        await stage.tick(11)

        assert stage.field.writes == [(LAMP_1, 40.0)]
        assert "its rule leaves the value as it is" in stage.entries("left")[0]["words"]


async def test_no_value_before_is_made_up(tmp_path):
    """A point that showed nothing that stands is left as it is when its lease is over."""
    async with staged(tmp_path) as stage:
        await stage.ask(value=40, lease_s=10)
        await stage.tick(11)

        assert stage.field.writes == [(LAMP_1, 40.0)]
        assert "no value before is known" in stage.entries("left")[0]["words"]


async def test_a_stronger_command_goes_first_and_gives_back(tmp_path):
    """The weaker one waits, and holds the point again afterwards; the value before is that before both."""
    async with staged(tmp_path) as stage:
        stage.show(LAMP_1, 100.0)
        weak = await stage.ask(value=60, priority=12)
        strong = await stage.ask(value=30, priority=8, lease_s=60)
        stage.show(LAMP_1, 30.0)
        third = await stage.ask(value=50, priority=10)
        assert (weak.state, third.state) == (State.WAITING, State.WAITING)
        assert f"command {strong.id} of ana at priority 8 goes first" in third.words
        await stage.tick(61)
        assert [value for _, value in stage.field.writes] == [60.0, 30.0, 50.0]
        await stage.desk.release(LAMP_1, 10, "ana", frozenset({"operator"}))
        await stage.desk.release(LAMP_1, 12, "ana", frozenset({"operator"}))
        await stage.settled()

        assert [value for _, value in stage.field.writes] == [60.0, 30.0, 50.0, 60.0, 100.0]
        assert (weak.state, weak.result) == (State.ENDED, "confirmed")


async def test_a_second_command_of_a_level_takes_its_place(tmp_path):
    """The first one is over, and the value before is still the one before both."""
    async with staged(tmp_path) as stage:
        stage.show(LAMP_1, 100.0)
        first = await stage.ask(value=40)
        stage.show(LAMP_1, 40.0)
        second = await stage.ask(value=50, who="ben", lease_s=5)
        assert (first.state, first.words) == (State.ENDED, f"command {second.id} of ben took its place")
        await stage.tick(6)

        assert [value for _, value in stage.field.writes] == [40.0, 50.0, 100.0]


async def test_nobody_holds_what_is_released(tmp_path):
    """The words say who does hold what."""
    async with staged(tmp_path) as stage:
        await stage.ask(value=40)
        with pytest.raises(Exception, match="held are: 8 by ana"):
            await stage.desk.release(LAMP_1, 9, "ben", frozenset({"operator"}))


async def test_what_the_device_refuses_is_undone(tmp_path):
    """Its words are kept, and who held the point before still holds it."""
    async with staged(tmp_path) as stage:
        stage.show(LAMP_1, 100.0)
        first = await stage.ask(value=40)
        stage.field.script[LAMP_1] = Written(Done.REFUSED, None, "exception 3: illegal data value")
        second = await stage.ask(value=50)
        await stage.settled()

        assert (second.state, second.words) == (State.REJECTED, "exception 3: illegal data value")
        [standing] = stage.desk.desired()
        assert (standing.value, standing.command) == (40.0, first.id)
        assert stage.journal.kept(0).slots[0][2].command == first.id


async def test_a_link_that_is_down_takes_nothing(tmp_path):
    """The command is refused, whether that is known before or only when it is sent; everything is as it was."""
    async with staged(tmp_path) as stage:
        stage.field.away[LAMP_1] = "timed out"
        known = await stage.ask()
        stage.field.away.clear()
        stage.field.away_from(LAMP_1)
        found_out = await stage.ask()
        await stage.settled()

        assert (known.reason, found_out.reason) == ("link_down", "link_down")
        assert "timed out" in known.words
        assert "connection refused" in found_out.words
        assert stage.desk.desired() == []
        assert stage.journal.kept(0).slots == []


async def test_a_lease_over_while_the_link_is_down_is_given_back_later(tmp_path):
    """It is tried again until the device is there, on record once."""
    async with staged(tmp_path) as stage:
        stage.show(LAMP_1, 100.0)
        await stage.ask(value=40, lease_s=10)
        stage.field.away[LAMP_1] = "timed out"
        for _ in range(30):
            await stage.tick(10)
        [standing] = stage.desk.desired()
        assert (standing.priority, standing.value) == (17, 100.0)
        assert "timed out" in standing.owed
        assert len(stage.entries("withheld")) == 1
        stage.field.away.clear()
        await stage.tick(61)

        assert stage.field.writes[-1] == (LAMP_1, 100.0)
        assert stage.desk.desired() == []
        assert [one.priority for one in await stage.desk.recent(LAMP_1, None, 10)] == [17, 8]


async def test_an_unknown_outcome_is_not_sent_again(tmp_path):
    """What the device reports tells."""
    async with staged(tmp_path) as stage:
        stage.show(LAMP_1, 100.0)
        stage.field.script[LAMP_1] = Written(Done.UNKNOWN, None, "no answer within 1 s")
        command = await stage.ask(value=40)
        states = [command.state]
        stage.field.script.clear()
        await stage.tick(2)
        states.append(command.state)
        stage.clock.now += NS
        stage.show(LAMP_1, 40.0)
        await stage.tick(1)

        assert [*states, command.state] == [State.UNKNOWN, State.UNKNOWN, State.CONFIRMED]
        assert len(stage.field.writes) == 1


@pytest.mark.parametrize(
    ("shown", "state"), [(40.4, State.CONFIRMED), (100.0, State.MISMATCH), (None, State.UNCONFIRMED)]
)
async def test_a_value_is_read_back_from_what_the_device_reports(tmp_path, shown, state):
    """Within the tolerance and the time of the rule, where the link itself read nothing back."""
    async with staged(tmp_path) as stage:
        stage.field.quiet = True
        command = await stage.ask(value=40)
        assert command.state is State.WRITTEN
        stage.clock.now += NS
        if shown is not None:
            stage.show(LAMP_1, shown)
        await stage.tick(1)
        await stage.tick(9)

        assert command.state is state


async def test_what_was_shown_before_is_not_read_back(tmp_path):
    """A reading that is older than the write proves nothing."""
    async with staged(tmp_path) as stage:
        stage.show(LAMP_1, 40.0)
        stage.field.quiet = True
        command = await stage.ask(value=40)
        await stage.tick(11)

        assert command.state is State.UNCONFIRMED


async def test_a_difference_is_shown_and_on_record(tmp_path):
    """Since when, once; and that it is over. It is not fought."""
    async with staged(tmp_path) as stage:
        stage.show(LAMP_1, 100.0)
        await stage.ask(value=40)
        stage.show(LAMP_1, 40.0)
        await stage.tick(1)
        assert stage.desk.desired()[0].differs is False
        stage.show(LAMP_1, 70.0)
        for _ in range(20):
            await stage.tick(1)
        [standing] = stage.desk.desired()
        assert (standing.differs, standing.differs_since) == (True, START + 2 * NS)
        stage.show(LAMP_1, 40.5)
        await stage.tick(1)

        assert stage.desk.desired()[0].differs is False
        assert stage.steps("differs", "agrees") == ["differs", "agrees"]
        assert len(stage.field.writes) == 1


async def test_a_short_difference_is_no_news(tmp_path):
    """A device takes its time: what is over within the time of the rule is shown, and not on record."""
    async with staged(tmp_path) as stage:
        await stage.ask(value=40)
        stage.show(LAMP_1, 70.0)
        for _ in range(9):
            await stage.tick(1)
        assert stage.desk.desired()[0].differs is True
        stage.show(LAMP_1, 40.0)
        await stage.tick(1)

        assert stage.steps("differs", "agrees") == []


async def test_what_goes_back_may_be_overtaken(tmp_path):
    """A command that comes while the value before is still owed takes the point, and goes back to the same value."""
    async with staged(tmp_path) as stage:
        stage.show(LAMP_1, 100.0)
        await stage.ask(value=40, lease_s=10)
        stage.show(LAMP_1, 40.0)
        stage.field.away[LAMP_1] = "timed out"
        await stage.tick(11)
        await stage.tick(20)
        stage.field.away.clear()
        await stage.ask(value=60, lease_s=10)
        [back] = [one for one in await stage.desk.recent(LAMP_1, None, 10) if one.priority == 17]
        assert (back.state, "came first" in back.words) == (State.ENDED, True)
        await stage.tick(11)

        assert [value for _, value in stage.field.writes] == [40.0, 60.0, 100.0]
        assert stage.desk.carrier.commands == {}


async def test_a_command_while_the_device_goes_back(tmp_path):
    """What it shows on its way is not the value before: that is where it was going."""
    async with staged(tmp_path) as stage:
        stage.show(LAMP_1, 100.0)
        await stage.ask(value=40, lease_s=10)
        stage.show(LAMP_1, 40.0)
        stage.field.quiet = True
        await stage.tick(11)
        assert [value for _, value in stage.field.writes] == [40.0, 100.0]
        await stage.ask(value=60, lease_s=10)
        await stage.tick(11)

        assert [value for _, value in stage.field.writes] == [40.0, 100.0, 60.0, 100.0]


async def test_a_rule_may_hold_a_device_to_it(tmp_path):
    """Then what the device has left is sent again, only as often as the rule says."""
    rules = RULES.replace("    minimum: 20 %\n", "    minimum: 20 %\n    hold: 2 per hour\n")
    async with staged(tmp_path, rules) as stage:
        await stage.ask(value=40)
        stage.show(LAMP_1, 70.0)
        stage.field.quiet = True
        for _ in range(200):
            await stage.tick(1)
            stage.show(LAMP_1, 70.0)

        assert stage.field.writes == [(LAMP_1, 40.0)] * 3


async def test_a_point_that_cannot_be_read_says_so(tmp_path):
    """A method is written and never reported."""
    async with staged(tmp_path) as stage:
        policy = stage.desk.policies[LAMP_1]
        object.__setattr__(policy.point, "readable", False)
        stage.field.quiet = True
        command = await stage.ask(value=40)

        assert (command.state, command.words) == (State.UNCONFIRMED, "the point cannot be read back")


async def test_two_commands_at_once_are_taken_one_after_the_other(tmp_path):
    """Who expects what was there before the first one is refused."""
    async with staged(tmp_path) as stage:
        stage.show(LAMP_1, 100.0)
        stage.field.gate = asyncio.Event()
        first = asyncio.create_task(stage.ask(value=40, expect=100))
        second = asyncio.create_task(stage.ask(value=50, who="ben", expect=100))
        await stage.writing()
        stage.field.gate.set()

        assert (await first).state is State.CONFIRMED
        assert (await second).reason == "expectation"
        assert stage.field.most_at_once == 1


async def test_a_value_that_was_read_back_is_newer_than_the_last_poll(tmp_path):
    """Until the next poll: what the twin still holds is not taken for what the device shows now."""
    async with staged(tmp_path) as stage:
        stage.show(LAMP_1, 100.0)
        stage.clock.now += 2 * NS
        await stage.ask(value=40, lease_s=5.0)
        before = (await stage.ask(value=45, expect=40)).before
        stage.clock.now += NS
        stage.show(LAMP_1, 70.0)
        after = await stage.ask(value=50, expect=70)

    assert before == 40.0
    assert (after.state, after.before) == (State.CONFIRMED, 70.0)


async def test_a_command_right_after_a_value_went_back(tmp_path):
    """The value to go back to is the one that was brought back, not the command that the twin still shows."""
    async with staged(tmp_path) as stage:
        stage.show(LAMP_1, 100.0)
        await stage.ask(value=40, lease_s=5.0)
        stage.clock.now += NS
        stage.show(LAMP_1, 40.0)
        await stage.tick(5)
        assert stage.field.values[LAMP_1] == 100.0
        await stage.ask(value=60, lease_s=5.0)
        stage.clock.now += NS
        stage.show(LAMP_1, 60.0)
        await stage.tick(6)

    assert stage.field.values[LAMP_1] == 100.0
    assert [value for _, value in stage.field.writes] == [40.0, 100.0, 60.0, 100.0]


async def test_the_nearest_name_is_for_who_asks_for_one(tmp_path, monkeypatch):
    """Looked for a thousand times it would hold everybody up; each answer says all the same what is wrong."""
    looked = []

    def suggest_path(path, _):
        looked.append(path)
        return " (did you mean X?)"

    monkeypatch.setattr("twin.commands.gate.suggest_path", suggest_path)
    async with staged(tmp_path) as stage:
        many = [Asked(f"riverside/lamp-9/x{number}", 40, "ana", ROLES) for number in range(50)]
        found = await stage.desk.ask_all(many)
        alone = await stage.desk.ask_all(many[:1])

    assert [one.words for one in found] == [f"there is no point {one.path!r}" for one in many]
    assert alone[0].words == f"there is no point {many[0].path!r} (did you mean X?)"
    assert looked == [many[0].path]


async def test_a_queue_has_an_end(tmp_path):
    """Who comes when too many wait for one point is refused."""
    async with staged(tmp_path) as stage:
        stage.field.gate = asyncio.Event()
        asked = [asyncio.create_task(stage.ask(value=30 + number)) for number in range(20)]
        async with asyncio.timeout(60):
            while sum(one.done() for one in asked) < 4:  # noqa: ASYNC110 - there is no event for that
                await asyncio.sleep(0.001)
        stage.field.gate.set()
        found = await asyncio.gather(*asked)

        assert [one.reason for one in found].count("busy") == 4


async def test_a_key_makes_a_repeated_question_the_same_one(tmp_path):
    """The first answer is given again, also when both come at once; another command has no right to the key."""
    async with staged(tmp_path) as stage:
        first, again = await asyncio.gather(stage.ask(value=40, key="k"), stage.ask(value=40, key="k"))
        assert (again.id, again.state) == (first.id, State.CONFIRMED)
        other = await stage.ask(value=50, key="k")
        elsewhere = await stage.ask(LAMP_2, value=50, key="k")

        assert (other.state, other.reason) == (State.REFUSED, "key_reused")
        assert elsewhere.state is State.CONFIRMED
        assert stage.field.writes == [(LAMP_1, 40.0), (LAMP_2, 50.0)]


async def test_a_rate_says_when_it_is_allowed_again(tmp_path):
    """Refused commands do not count."""
    rules = RULES.replace(
        "    minimum: 20 %\n", "    minimum: 20 %\n    rate: 2 per minute\n    rate_all: 3 per minute\n"
    )
    async with staged(tmp_path, rules) as stage:
        for _ in range(3):
            await stage.ask(value=1)
        found = [await stage.ask(value=40)]
        await stage.tick(10)
        found += [await stage.ask(value=value) for value in (41, 42)]
        found += [await stage.ask(LAMP_2, value=value) for value in (41, 42)]
        assert [one.reason for one in found] == ["", "", "rate", "", "rate"]
        assert "2 per minute, again at 2026-09-21T14:14:20Z" in found[2].words
        assert "rule dim of riverside takes 3 per minute" in found[4].words
        await stage.tick(50)

        assert (await stage.ask(value=43)).state is State.CONFIRMED


async def test_a_lease_has_limits(tmp_path):
    """The default holds where nobody says for how long; a rule may ask for one."""
    rules = RULES.replace("    minimum: 20 %\n", "    lease: {longest: 1h, required: true}\n")
    async with staged(tmp_path, rules) as stage:
        without, long = await stage.ask(), await stage.ask(lease_s=3_601)
        assert "only written with a lease" in without.words
        assert "held for 3600 s at most, found 3601 s" in long.words
    rules = rules.replace("longest: 1h, required: true", "default: 15min, longest: 1h")
    async with staged(tmp_path / "other", rules) as stage:
        usual, forever = await stage.ask(), await stage.ask(LAMP_2, lease_s=0)

        assert (usual.lease_s, forever.lease_s) == (900.0, 0.0)


async def test_an_interlock_shows_its_reason_and_the_values(tmp_path):
    """It must hold; one that cannot be told does not."""
    rules = RULES.replace(
        "    minimum: 20 %\n",
        "    interlocks: [{must: \"fault = 'ok'\", because: a lamp with a fault is not driven}]\n",
    )
    fault = "riverside/lamp-1/fault"
    async with staged(tmp_path, rules) as stage:
        dark = await stage.ask()
        stage.show(fault, "broken_lantern")
        wrong = await stage.ask()
        stage.show(fault, "ok")
        right = await stage.ask()

        assert "cannot be told (riverside" not in dark.words
        assert "whether \"fault = 'ok'\" (lamp-1/fault has no value: nothing was heard" in dark.words
        assert (
            "a lamp with a fault is not driven: \"fault = 'ok'\" (lamp-1/fault is broken_lantern)"
            in wrong.words
        )
        assert (dark.reason, wrong.reason, right.state) == ("interlock", "interlock", State.CONFIRMED)


async def test_an_interlock_may_guard_one_state(tmp_path):
    """What is dangerous to open may be closed."""
    rules = RULES + "    interlocks: [{must: level < 95 %, because: it would run over, to: [open]}]\n"
    async with staged(tmp_path, rules) as stage:
        stage.show("riverside/tank-1/level", 97.0)
        opened, closed = await stage.ask(INLET, "open"), await stage.ask(INLET, "closed")

        assert (opened.reason, closed.state) == ("interlock", State.CONFIRMED)
        assert "tank-1/level is 97 %" in opened.words


async def test_nothing_is_given_back_through_an_interlock(tmp_path):
    """A value that is not safe now is withheld, and sent when it is."""
    rules = RULES + "    interlocks: [{must: level < 95 %, because: it would run over, to: [open]}]\n"
    async with staged(tmp_path, rules) as stage:
        stage.show(INLET, "open")
        stage.show("riverside/tank-1/level", 50.0)
        await stage.ask(INLET, "closed", lease_s=10)
        stage.show("riverside/tank-1/level", 97.0)
        await stage.tick(11)
        assert stage.field.writes == [(INLET, "closed")]
        assert "it would run over" in stage.desk.desired()[0].owed
        stage.show("riverside/tank-1/level", 90.0)
        await stage.tick(5)

        assert stage.field.writes[-1] == (INLET, "open")


async def test_nothing_is_taken_while_stopping(tmp_path):
    """Who asks then hears it."""
    async with staged(tmp_path) as stage:
        await stage.desk.close(0.1)
        command = await stage.ask()

        assert command.reason == "stopping"


async def test_four_hundred_lamps_cost_few_syncs(tmp_path, monkeypatch):
    """Many at once are written to the disk together."""
    devices = "devices:\n  - {id: 'lamp-{001..400}', profile: lamp, site: roof, endpoint: 'pigeon://10.0.0.1/{1..400}'}\n"
    only_lamps = RULES.partition("  - id: inlet")[0]
    district = "district: riverside\nname: R\ntimezone: Europe/Madrid\nlocation: {lat: 41.6, lon: -0.9}\n"
    district += "sites: [{id: roof}]\n"
    async with staged(tmp_path, only_lamps, devices=devices, district=district) as stage:
        appended: list[int] = []
        append = stage.audit.append

        def counted(entries):
            appended.append(len(entries))
            append(entries)

        monkeypatch.setattr(stage.audit, "append", counted)
        asked = [
            Asked(f"riverside/lamp-{n:03d}/dimming", 40, "ana", frozenset({"operator"}))
            for n in range(1, 401)
        ]
        found = await stage.desk.ask_all(asked)
        await stage.settled()

        assert {one.state for one in found} == {State.CONFIRMED}
        assert sum(appended) == 1_200
        assert len(appended) < 60
        assert stage.field.most_at_once <= 64
        assert stage.audit.verify().sound


@pytest.mark.parametrize("days", [-1, 1])
async def test_a_lease_ends_whatever_the_clock_is_set_to(tmp_path, days):
    """Set back, it ends after its time; set forward, at once: what is commanded for a while never stays longer."""
    async with staged(tmp_path) as stage:
        stage.show(LAMP_1, 100.0)
        await stage.ask(value=40, lease_s=60.0)
        stage.clock.set(days * 86_400)
        await stage.tick(59)
        held = stage.field.values[LAMP_1]
        await stage.tick(2)

    assert held == (40.0 if days < 0 else 100.0)
    assert stage.field.values[LAMP_1] == 100.0


async def test_what_is_owed_does_not_wait_for_a_clock_that_is_set_back(tmp_path):
    """The value before goes out as soon as the link is there again."""
    async with staged(tmp_path) as stage:
        stage.show(LAMP_1, 100.0)
        await stage.ask(value=40, lease_s=5.0)
        stage.field.away[LAMP_1] = "connection refused"
        await stage.tick(6)
        assert stage.field.values[LAMP_1] == 40.0
        stage.clock.set(-86_400)
        del stage.field.away[LAMP_1]
        await stage.tick(1)

    assert stage.field.values[LAMP_1] == 100.0
