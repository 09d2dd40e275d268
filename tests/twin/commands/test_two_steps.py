"""Commands that somebody must confirm: the code, the time, the person, and what changed in between."""

import asyncio

import pytest

from tests.twin.commands.stage import LAMP_1, RULES, staged
from twin.commands.command import Refusal, State

TWO_STEPS = RULES.replace("    minimum: 20 %\n", "    confirm: {within: 60s}\n")
FOUR_EYES = RULES.replace("    minimum: 20 %\n", "    confirm: {within: 60s, second_person: true}\n")
ROLES = frozenset({"operator"})


async def confirmed(stage, command, code=None, who="ben", roles=ROLES):
    """Confirm; returns the command, or the reason of the refusal and its words."""
    try:
        return await stage.desk.confirm(command.id, command.code if code is None else code, who, roles)
    except Refusal as refusal:
        return refusal.reason, refusal.words


async def test_two_steps(tmp_path):
    """Nothing is sent before the code comes back; who confirmed is on record, the code is not."""
    async with staged(tmp_path, TWO_STEPS) as stage:
        prepared = await stage.ask(value=40)
        code = prepared.code
        assert (prepared.state, len(code), stage.field.writes) == (State.PREPARED, 6, [])
        done = await confirmed(stage, prepared)
        await stage.settled()

        assert (done.state, done.confirmed_by, done.code) == (State.CONFIRMED, "ben", "")
        assert stage.steps() == ["started", "prepared", "accepted", "sending", "confirmed"]
        assert stage.entries("accepted")[0]["confirmed_by"] == "ben"
        assert code not in (tmp_path / "audit.log").read_text().replace(str(prepared.asked), "")


async def test_a_code_that_comes_too_late(tmp_path):
    """It is refused, whether the clock has ticked since or not."""
    async with staged(tmp_path, TWO_STEPS) as stage:
        first, code = await stage.ask(value=40), ""
        stage.clock.now += 61 * 10**9
        reason, words = await confirmed(stage, first)
        assert (reason, first.state) == ("too_late", State.EXPIRED)
        assert "was to be confirmed within 60 s: ask again" in words
        second = await stage.ask(value=40)
        code = second.code
        await stage.tick(61)

        assert (await confirmed(stage, second, code))[0] == "too_late"
        assert stage.field.writes == []


async def test_a_wrong_code(tmp_path):
    """Three times at most, then the command is over, also for the right one."""
    async with staged(tmp_path, TWO_STEPS) as stage:
        prepared = await stage.ask(value=40)
        right = prepared.code
        wrong = "000000" if right != "000000" else "111111"
        found = [await confirmed(stage, prepared, wrong) for _ in range(3)]
        found.append(await confirmed(stage, prepared, right))
        await stage.settled()

        assert [reason for reason, _ in found] == ["wrong_code"] * 3 + ["not_prepared"]
        assert [words.rpartition(": ")[2] for _, words in found[:3]] == [
            "2 more tries",
            "1 more try",
            "it is cancelled",
        ]
        assert stage.steps("not_confirmed", "cancelled") == ["not_confirmed"] * 3 + ["cancelled"]


async def test_a_second_person(tmp_path):
    """Who asked cannot confirm, however the name is written; somebody else can."""
    async with staged(tmp_path, FOUR_EYES) as stage:
        prepared = await stage.ask(value=40)
        own = await confirmed(stage, prepared, who=" ANA ")
        assert own[0] == "second_person"
        assert "by somebody else than ana" in own[1]

        assert (await confirmed(stage, prepared)).state is State.CONFIRMED


async def test_a_race_of_two_confirmations_has_one_winner(tmp_path):
    """The other one hears who won."""
    async with staged(tmp_path, TWO_STEPS) as stage:
        prepared = await stage.ask(value=40)
        code = prepared.code
        found = await asyncio.gather(
            *(confirmed(stage, prepared, code, who) for who in ("ben", "eva", "leo"))
        )

        assert [isinstance(one, tuple) for one in found].count(False) == 1
        winner = next(one for one in found if not isinstance(one, tuple))
        assert all(f"{winner.confirmed_by} confirmed it" in one[1] for one in found if isinstance(one, tuple))
        assert stage.field.writes == [(LAMP_1, 40.0)]


async def test_a_command_in_between_overtakes(tmp_path):
    """What was asked for on sight of another state is asked for anew."""
    async with staged(tmp_path, TWO_STEPS) as stage:
        first, second = await stage.ask(value=40), await stage.ask(value=50, who="eva")
        await confirmed(stage, second)
        late = await confirmed(stage, first)

        assert (late.state, late.reason) == (State.REFUSED, "overtaken")
        assert f"command {second.id} of eva" in late.words
        assert stage.field.writes == [(LAMP_1, 50.0)]


async def test_everything_is_checked_again(tmp_path):
    """An interlock that has come in between counts."""
    rules = TWO_STEPS.replace(
        "    confirm:", "    interlocks: [{must: \"fault = 'ok'\", because: no}]\n    confirm:"
    )
    async with staged(tmp_path, rules) as stage:
        stage.show("riverside/lamp-1/fault", "ok")
        prepared = await stage.ask(value=40)
        stage.show("riverside/lamp-1/fault", "broken_lantern")
        found = await confirmed(stage, prepared)

        assert (found.state, found.reason) == (State.REFUSED, "interlock")


async def test_only_a_role_that_may_write_confirms_or_takes_back(tmp_path):
    """A code alone gives nobody a right."""
    async with staged(tmp_path, TWO_STEPS) as stage:
        prepared = await stage.ask(value=40)
        assert (await confirmed(stage, prepared, roles=frozenset({"cleaning"})))[0] == "role"
        with pytest.raises(Refusal, match="written by"):
            await stage.desk.cancel(prepared.id, "eva", frozenset())
        taken = await stage.desk.cancel(prepared.id, "ben", ROLES)

        assert (taken.state, taken.words) == (State.CANCELLED, "taken back by ben")
        assert (await confirmed(stage, prepared, "123456"))[0] == "not_prepared"


async def test_a_command_that_does_not_exist(tmp_path):
    """Its number is in the words."""
    async with staged(tmp_path, TWO_STEPS) as stage:
        with pytest.raises(Refusal, match="there is no command 99"):
            await stage.desk.confirm(99, "123456", "ben", ROLES)


async def test_a_repeated_question_gets_the_prepared_command(tmp_path):
    """With the same key, the same command and code."""
    async with staged(tmp_path, TWO_STEPS) as stage:
        first = await stage.ask(value=40, key="k")
        again = await stage.ask(value=40, key="k")

        assert (again.id, again.code) == (first.id, first.code)


async def test_a_clock_that_is_set_back_makes_no_code_good_for_longer(tmp_path):
    """It is good for its time, whatever the wall clock says."""
    async with staged(tmp_path, TWO_STEPS) as stage:
        prepared, other = await stage.ask(value=40), await stage.ask(value=50)
        code = prepared.code
        stage.clock.set(-86_400)
        await stage.tick(59)
        assert prepared.state is State.PREPARED
        stage.clock.now += 2_000_000_000
        reason, _ = await confirmed(stage, prepared, code)
        await stage.tick(1)

    assert (reason, other.state) == ("too_late", State.EXPIRED)
    assert stage.field.writes == []
