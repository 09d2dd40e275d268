"""Values that are none, clocks that jump, links that drop: what is stored, and what the ledger says of the rest."""

import asyncio
import math
import signal
import subprocess
import sys

import pytest
from structlog.testing import capture_logs

from tests.barrio.scripted import until
from tests.faults.stage import NS, MovedClock, Shop, adjoin, alarms, balanced, commit, frame, settled, sink_of
from twin.quality import Reason


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Shop:
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)
    monkeypatch.setattr("barrio.supervisor.FIRST_WAIT_S", 0.05)
    monkeypatch.setattr("barrio.platform.WATCH_S", 0.05)
    return Shop(tmp_path)


WRONG = [
    (math.nan, Reason.GOOD, "", Reason.NOT_A_NUMBER, "found nan"),
    (math.inf, Reason.GOOD, "", Reason.NOT_A_NUMBER, "found inf"),
    (-math.inf, Reason.GOOD, "", Reason.NOT_A_NUMBER, "found -inf"),
    (1e6, Reason.GOOD, "", Reason.OUT_OF_RANGE, "1e+06 is outside -60 to 80"),
    (1e308, Reason.GOOD, "", Reason.OUT_OF_RANGE, "1e+308 is outside -60 to 80"),
    (math.nan, Reason.WRONG_TYPE, "found the text 'warm'", Reason.WRONG_TYPE, "found the text 'warm'"),
]


@pytest.mark.parametrize(("value", "given", "said", "reason", "words"), WRONG)
async def test_a_value_that_is_none(shop, value, given, said, reason, words):
    """It is stored without a value and with its reason; a gap with the words lasts until the next good reading."""
    async with shop.running() as platform:
        link = shop.links["probe"]
        one = link.point("temperature").id
        await link.give("temperature", 21.5)
        await settled(platform)
        await link.give("temperature", value, given, said)
        await settled(platform)
        state = platform.live.state(one)
        await link.give("temperature", 22.5)
        await settled(platform)
        stored = platform.store.raw([one], 0, 2**62)
    gap = shop.gaps(platform, "temperature")[-1]

    assert stored.value.tolist() == pytest.approx([21.5, math.nan, 22.5], nan_ok=True)
    assert stored.quality.tolist() == [Reason.GOOD, reason, Reason.GOOD]
    assert (state.quality, state.detail) == (reason, words)
    assert math.isnan(state.value)
    assert (gap.reason, gap.words) == (reason, words)
    assert (gap.start, gap.stop) == (stored.received[1], stored.received[2])
    assert balanced(platform)


async def test_good_and_bad_in_one_batch(shop):
    """Each change of mind of a device is followed, also when all of them come at once."""
    values = [21.0, 1e6, math.nan, 22.0, 1e6, 23.0]
    async with shop.running() as platform:
        link = shop.links["probe"]
        for value in values:
            await link.give("temperature", value)
            await asyncio.sleep(0.001)
        await settled(platform)
        reason = platform.gaps.reason[link.point("temperature").id]
        at = platform.store.raw([link.point("temperature").id], 0, 2**62).received.tolist()
    gaps = [
        (gap.reason, gap.start, gap.stop)
        for gap in shop.gaps(platform, "temperature")
        if gap.reason != Reason.NOT_HEARD_YET
    ]

    assert reason == 0
    assert gaps == [
        (Reason.OUT_OF_RANGE, at[1], at[2]),
        (Reason.NOT_A_NUMBER, at[2], at[3]),
        (Reason.OUT_OF_RANGE, at[4], at[5]),
    ]
    assert balanced(platform)


@pytest.mark.parametrize("hours", [1, -1])
async def test_the_wall_clock_jumps(shop, hours):
    """When the clock is set readings are still stored and the newest shown; it is on record, and nobody is silent."""
    clock = MovedClock()
    async with shop.running(clock) as platform:
        link = shop.links["probe"]
        one = link.point("n0").id
        await commit(link, 0, 10)
        link.break_off("gone")
        await until(lambda: platform.gaps.reason[one] == Reason.LINK_DOWN)
        clock.wall_s += hours * 3600
        await until(lambda: platform.clock_steps)
        link.trouble, link.sink = "", None
        await until(lambda: link.sink)
        shown = []
        for step in range(10):
            await commit(link, 100 + 4 * step, 1)
            shown.append(platform.live.state(one).value)
        await asyncio.sleep(0.2)
        silent = platform.gaps.reason[one]
        await settled(platform)
        found = alarms(platform)
    rows = shop.rows()
    gaps = shop.gaps(platform, "n0")
    events = shop.events("clock_stepped")

    assert shown == [float(100 + 4 * step) for step in range(10)]
    assert {value for _, _, value in rows} == {float(value) for value in (*range(40), *range(100, 140))}
    assert len(rows) == 80
    assert [event.words for event in events] == [
        f"the clock of this machine was set 3600 s {'forward' if hours > 0 else 'back'}"
    ]
    assert (silent, found) == (0, ["clock stepped"])
    assert Reason.SILENT not in [gap.reason for gap in gaps]
    assert all(gap.stop is not None and gap.stop > gap.start for gap in gaps)
    assert balanced(platform)


async def test_a_reason_changes_while_the_clock_was_set_back(shop):
    """The next reason begins no earlier than the one before it, and no interval is lost or turned round."""
    clock = MovedClock()
    async with shop.running(clock) as platform:
        link = shop.links["probe"]
        one = link.point("temperature").id
        await link.give("temperature", 20.0)
        await settled(platform)
        await link.give("temperature", 1e6)
        await settled(platform)
        clock.wall_s -= 3600
        link.break_off("gone")
        await until(lambda: platform.gaps.reason[one] == Reason.LINK_DOWN)
        since = int(platform.gaps.since[one])
        clock.wall_s += 3700
        link.trouble, link.sink = "", None
        await until(lambda: link.sink)
        await link.give("temperature", 21.0)
        await settled(platform)
        bad = platform.store.raw([one], 0, 2**62).received.tolist()[1]
    gaps = shop.gaps(platform, "temperature")

    assert since == bad
    assert adjoin(gaps[1:])
    assert gaps[-1].reason is Reason.LINK_DOWN
    assert balanced(platform)


async def test_a_slow_drift_is_no_step(shop):
    """A clock that is slewed bit by bit is never called set."""
    clock = MovedClock()
    async with shop.running(clock) as platform:
        for _ in range(8):
            clock.wall_s += 0.5
            await asyncio.sleep(0.12)

    assert platform.clock_steps == 0


async def test_a_link_drops_and_returns(shop):
    """One line when it drops and one when it is back; the gap begins where the device was last heard."""
    with capture_logs() as logs:
        async with shop.running() as platform:
            link = shop.links["probe"]
            await commit(link, 0, 1)
            await sink_of(link).submit(frame(link, 100))
            last = sink_of(link).now_ns()
            link.break_off("connection reset")
            await until(lambda: platform.gaps.reason[link.point("n0").id] == Reason.LINK_DOWN)
            await asyncio.sleep(0.5)
            found = alarms(platform)
            link.trouble, link.sink = "", None
            await until(lambda: link.sink)
            await commit(link, 200, 1)
            await settled(platform)
            stored = platform.store.raw([link.point("n0").id], 0, 2**62)
    gap = shop.gaps(platform, "n0")[-1]

    assert [line["event"] for line in logs if line["event"].startswith("link.")] == ["link.down", "link.back"]
    assert found == ["link down"]
    assert (gap.reason, gap.words) == (Reason.LINK_DOWN, "connection reset")
    assert (gap.start, gap.stop) == (stored.received[1], stored.received[2])
    assert last - NS < gap.start <= last
    assert len(shop.gaps(platform, "n0")) == 2
    assert balanced(platform)


async def test_one_reason_after_another(shop):
    """Reasons that follow one another make intervals that adjoin: no stretch has two, none has nothing."""
    clock = MovedClock()
    async with shop.running(clock) as platform:
        link = shop.links["probe"]
        ids = platform.supervisor.links[0][0].ids
        one = link.point("temperature").id
        await link.give("temperature", 20.0)
        await settled(platform)
        clock.grown_s += 100
        await until(lambda: platform.gaps.reason[one] == Reason.SILENT)
        sink_of(link).silent(ids, Reason.NO_ANSWER, "timed out")
        await asyncio.sleep(0.01)
        await link.give("temperature", 1e6)
        await settled(platform)
        await asyncio.sleep(0.01)
        link.break_off("gone")
        await until(lambda: platform.gaps.reason[one] == Reason.LINK_DOWN)
        link.trouble, link.sink = "", None
        await until(lambda: link.sink)
        await link.give("temperature", 21.0)
        await settled(platform)
        stored = platform.store.raw([one], 0, 2**62).received.tolist()
    gaps = shop.gaps(platform, "temperature")[1:]

    reasons = [Reason.SILENT, Reason.NO_ANSWER, Reason.OUT_OF_RANGE, Reason.LINK_DOWN]
    assert [gap.reason for gap in gaps] == reasons
    assert adjoin(gaps)
    assert (gaps[0].start, gaps[-1].stop) == (stored[0], stored[-1])
    assert balanced(platform)


async def test_the_time_in_which_it_did_not_run(shop):
    """After a stop the gap lasts from the last sign of life to the first reading; its reason says what it was."""
    clock = MovedClock()
    async with shop.running(clock) as platform:
        await commit(shop.links["probe"], 0, 1)
        await settled(platform)
    alive = platform.folder.alive_ns()
    clock.grown_s += 600
    async with shop.running(clock) as platform:
        await commit(shop.links["probe"], 100, 1)
        await settled(platform)
        stored = platform.store.raw([shop.links["probe"].point("n0").id], 0, 2**62)
    gap = shop.gaps(platform, "n0")[-1]

    assert gap.reason is Reason.PLATFORM_STOPPED
    assert (gap.start, gap.stop) == (alive, stored.received[1])
    assert alive > stored.received[0]
    assert gap.stop - gap.start > 599 * NS
    assert balanced(platform)


DIES = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.faults.stage import Shop, commit

async def main():
    shop = Shop(Path(sys.argv[1]))
    async with shop.running() as platform:
        platform.ledger.close_gaps = lambda *_: None
        await commit(shop.links["probe"], 0, 3)
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_the_time_after_a_kill(shop):
    """A gap that had ended when the process was killed, before the ledger knew, does not swallow what was heard."""
    command = [sys.executable, "-c", DIES, str(shop.folder)]
    died = await asyncio.to_thread(subprocess.run, command, check=False, capture_output=True)
    async with shop.running() as platform:
        await commit(shop.links["probe"], 100, 1)
        await settled(platform)
        stored = platform.store.raw([shop.links["probe"].point("n0").id], 0, 2**62).received.tolist()
    gaps = shop.gaps(platform, "n0")

    assert died.returncode == -signal.SIGKILL
    assert [gap.reason for gap in gaps] == [Reason.NOT_HEARD_YET, Reason.PLATFORM_STOPPED]
    assert gaps[0].start < gaps[0].stop <= stored[-2] <= gaps[1].start < gaps[1].stop == stored[-1]
    assert balanced(platform)
