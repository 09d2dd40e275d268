"""What a device kept while nobody listened: from the link into store, twin and ledger."""

import numpy as np

from tests.barrio.scripted import until
from twin.clock import NS
from twin.frame import Frame
from twin.quality import Reason

PATH = "little/probe/temperature"


def kept(link, times, values):
    """A frame of one point with a reading at each time."""
    ids = np.full(len(times), link.point("temperature").id, np.int32)
    return Frame(ids, np.array(values, float), times[-1] + NS, time=np.array(times, np.int64))


async def broken_off(stage):
    """Lose the link; returns it and the time at which its gap began."""
    link = stage.links["probe"]
    await link.give("temperature", 20.0)
    await stage.settled()
    link.sink = None
    link.break_off("connection refused")
    row = link.point("temperature").id
    await until(lambda: stage.platform.gaps.reason[row] == Reason.LINK_DOWN)
    return link, int(stage.platform.gaps.since[row])


async def come_back(link):
    link.trouble = ""
    await until(lambda: link.sink)


async def past(stage):
    answer = await stage.http.get("/api/v1/history", params={"point": PATH, "from": "-1h"})
    return answer.json()


async def test_a_gap_is_filled_from_the_devices_own_history(stage):
    """Kept readings are stored with their own times and marked; the ledger shows that the gap is filled."""
    link, began = await broken_off(stage)
    await come_back(link)
    times = [began + 1_000_000, began + 2_000_000, began + 3_000_000]
    await link.give("temperature", 25.0)
    await link.sink.backfill(kept(link, times, [21, 22, 23]))
    link.sink.filled(np.array([link.point("temperature").id], np.int32), began, times[-1] + 3600 * NS)
    await stage.settled()
    await stage.platform.in_thread("ledger", lambda: None)
    [gap] = [
        g for g in stage.platform.ledger.gaps(None, 0, 2**62) if g.reason is Reason.LINK_DOWN and g.filled
    ]
    raw = stage.platform.store.raw(np.array([gap.series], np.int32), began, times[-1] + 1)

    assert raw.value.tolist()[-3:] == [21.0, 22.0, 23.0]
    assert raw.quality.tolist()[-3:] == [Reason.BACKFILLED] * 3
    assert stage.platform.live.state(gap.series).value == 25.0


async def test_what_a_device_kept_does_not_end_a_gap(stage):
    """History alone is no sign that the point is heard again."""
    link, began = await broken_off(stage)
    await come_back(link)
    await link.sink.backfill(kept(link, [began + 1_000_000], [21]))
    await stage.settled()
    row = link.point("temperature").id

    assert stage.platform.gaps.reason[row] == Reason.LINK_DOWN
    await link.give("temperature", 25.0)
    await until(lambda: stage.platform.gaps.reason[row] == 0)


async def test_a_bad_reading_of_the_past_begins_no_gap(stage):
    """A device that was in trouble an hour ago is not in trouble now."""
    link = stage.links["probe"]
    await link.give("temperature", 20.0)
    await stage.settled()
    row = link.point("temperature").id
    await link.sink.backfill(kept(link, [stage.platform.clock.now_ns() - 3600 * NS], [9999]))
    await stage.settled()

    assert stage.platform.gaps.reason[row] == 0
    assert stage.platform.live.state(row).value == 20.0


async def test_filling_waits_for_what_was_taken_before(stage):
    """The ledger is told only when the readings that fill the gap are durable."""
    link, began = await broken_off(stage)
    await come_back(link)
    await link.give("temperature", 25.0)
    seen = []
    stage.platform.gaps.filled = lambda *_: seen.append(stage.platform.intake.pending)
    await link.sink.backfill(kept(link, [began + 1_000_000], [21]))
    link.sink.filled(np.array([link.point("temperature").id], np.int32), began, began + NS)
    await until(lambda: seen)

    assert seen == [0]


async def test_filling_is_said_even_when_nothing_is_on_its_way(stage):
    """A device whose history holds nothing for the gap fills it too: nothing happened."""
    seen = []
    stage.platform.gaps.filled = lambda *given: seen.append(given[1:])
    stage.links["probe"].sink.filled(np.array([1], np.int32), 5, 6)
    await until(lambda: seen)

    assert seen == [(5, 6)]


async def test_a_stop_waits_until_a_filled_gap_is_said(stage):
    """What was complete when the platform was stopped is not called a gap for ever."""
    seen = []
    stage.platform.intake.afterwards(lambda: seen.append("said"))
    await stage.platform.intake.idle(within_s=10)

    assert seen == ["said"]
