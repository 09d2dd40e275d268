"""What is given as the newest: readings to who may have them, finished windows to who may not."""

import numpy as np

from barrio.access.who import Sights, Who
from barrio.history import permitted
from barrio.history.permitted import finished, permitted_latest
from twin.access.scope import Scope, Tier
from twin.frame import Batch
from twin.quality import Reason
from twin.resolution import Resolution

SECOND = 1_000_000_000


def caller(stage, resolution: Resolution) -> Who:
    """Somebody who is given all points, no finer than a resolution."""
    sights = Sights(stage.platform.catalogue)
    return Who("somebody", sights.of(Scope(tier=Tier.OPERATOR, finest=resolution)))


def store(stage, series: int, *rows: tuple[int, float]) -> None:
    """Write readings of a series straight into the store; one that is NaN is bad."""
    time = np.array([at for at, _ in rows], np.int64)
    value = np.array([value for _, value in rows])
    quality = np.where(np.isnan(value), Reason.NOT_AVAILABLE, Reason.GOOD).astype(np.uint8)
    ids = np.full(len(rows), series, np.int32)
    stage.platform.store.write(Batch(ids, time, time, np.zeros(len(rows), np.int64), value, quality))


def point(stage, name: str) -> int:
    return int(stage.platform.catalogue.points[f"little/probe/{name}"].id)


async def test_readings_for_who_may_have_them(stage):
    """The newest reading itself, with its own time."""
    await stage.links["probe"].give("temperature", 20.0)
    await stage.settled()
    one = point(stage, "temperature")
    found = await permitted_latest(stage.platform, caller(stage, Resolution.RAW), np.array([one], np.int32))

    assert found.value.tolist() == [20.0]
    assert found.time.tolist() == [stage.platform.live.state(one).time]
    assert found.finest.tolist() == [0]


async def test_finished_windows_for_who_may_not(stage):
    """The mean of a gauge, the last of a register and of a state, stamped with the start of the window."""
    platform = stage.platform
    gauge, counter, state = (point(stage, name) for name in ("temperature", "energy", "pump"))
    start, stop = finished(platform, "little", Resolution.HOUR, platform.clock.now_ns())
    store(stage, gauge, (start, 10.0), (start + SECOND, 14.0), (stop, 99.0))
    store(stage, counter, (start - SECOND, 100.0), (stop, 200.0))
    store(stage, state, (start - SECOND, 1.0), (stop - 1, np.nan), (stop, 1.0))
    await stage.links["probe"].give("temperature", 50.0)
    await stage.settled()
    ids = np.array([state, gauge, counter], np.int32)
    found = await permitted_latest(platform, caller(stage, Resolution.HOUR), ids)

    assert found.ids.tolist() == ids.tolist()
    assert np.isnan(found.value[0])
    assert found.value[1:].tolist() == [12.0, 100.0]
    assert found.quality.tolist() == [Reason.NOT_AVAILABLE, Reason.GOOD, Reason.GOOD]
    assert found.time.tolist() == [0, start, start]
    assert found.received.tolist() == [0, 0, 0]


async def test_a_window_without_readings_has_no_value(stage):
    """Nothing is given in place of what is not there, least of all the newest reading."""
    await stage.links["probe"].give("temperature", 50.0)
    await stage.settled()
    ids = np.array([point(stage, "temperature")], np.int32)
    found = await permitted_latest(stage.platform, caller(stage, Resolution.QUARTER), ids)

    assert np.isnan(found.value[0])
    assert (found.quality[0], found.time[0]) == (Reason.INPUT_MISSING, 0)


async def test_a_window_is_read_once(stage, monkeypatch):
    """The store is asked when a window is first asked for, and again only for points that were not."""
    asked = []
    windows = stage.platform.store.windows

    def counted(*args):
        asked.append(args[0].tolist())
        return windows(*args)

    monkeypatch.setattr(stage.platform.store, "windows", counted)
    who = caller(stage, Resolution.HOUR)
    first = point(stage, "temperature")
    second = stage.platform.catalogue.points["little/meter/temperature"].id
    for ids in ([first], [first], [first, second]):
        await permitted_latest(stage.platform, who, np.array(ids, np.int32))

    assert asked == [[first], [second]]


async def test_a_window_is_not_finished_at_its_end(stage):
    """What was taken until the end of a window has time to be stored."""
    start, stop = finished(stage.platform, "little", Resolution.QUARTER, stage.platform.clock.now_ns())
    grace = round(permitted.SETTLED_S * SECOND)
    at = {
        moment: finished(stage.platform, "little", Resolution.QUARTER, moment)[0] - start
        for moment in (stop + grace - 1, stop + grace)
    }

    assert list(at.values()) == [start - stop, 0]
