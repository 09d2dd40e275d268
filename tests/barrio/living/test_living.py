"""Books of what computes, notices and acts: a damaged one is set aside and said; numbers of it for Prometheus."""

import numpy as np

from tests.barrio.scripted import NS, staged, until
from twin.alarms.states import State
from twin.frame import Batch

ALARMS = """\
alarms:
  - {id: hot, for: {kind: Thing}, point: temperature, above: 40 Cel, text: too warm}
"""


async def test_a_damaged_book_is_set_aside_and_said(tmp_path):
    """A platform starts with an empty book where one is damaged, keeps the bytes, and notes what happened."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "alarms.sqlite").write_bytes(b"not a database at all, " * 100)
    async with staged(tmp_path, alarms=ALARMS) as stage:
        ledger = stage.platform.ledger
        await until(lambda: any(one.kind == "book_damaged" for one in ledger.events(0, 2**62)))
        (event,) = [one for one in ledger.events(0, 2**62) if one.kind == "book_damaged"]

    assert (event.subject, event.words) == ("alarms.sqlite", "set aside as alarms.sqlite.damaged-1")
    assert (tmp_path / "data" / "alarms.sqlite.damaged-1").read_bytes().startswith(b"not a database")


async def test_alarms_are_counted_by_state_for_prometheus(tmp_path):
    """One alarm of two that is active is counted as such, the other as normal."""
    async with staged(tmp_path, alarms=ALARMS) as stage:
        await stage.links["probe"].give("temperature", 55.0)
        await stage.settled()
        alarms = stage.platform.living.alarms
        assert alarms is not None
        await until(lambda: alarms.counts()[State.ACTIVE])
        text = (await stage.http.get("/metrics")).text

    assert 'barrio_alarms_standing{state="active"} 1' in text
    assert "barrio_alarm_changes_lost_total 0" in text


PLACES = """\
capacity:
  - {id: square, on: yard, capacity: 500, occupancy: probe/people}
"""
COUNTING = """\
profile: thing
protocol: scripted
kind: Thing
points:
  people: {quantity: occupancy, slot: 0}
"""


async def test_a_place_recalls_its_weekdays_from_the_store(tmp_path):
    """Weeks that were recorded before a place had a capacity are enough for a forecast, at the next start."""
    async with staged(tmp_path, profile=COUNTING) as stage:
        series = stage.platform.catalogue.points["little/probe/people"].id
        now = stage.platform.clock.now_ns()
        time = now - np.arange(1, 5 * 7 * 96)[::-1] * 900 * NS
        columns = np.full(len(time), series, np.int32), time, time, np.zeros(len(time), np.int64)
        batch = Batch(*columns, np.full(len(time), 120.0), np.zeros(len(time), np.uint8))
        await stage.platform.in_thread("store", stage.platform.store.write, batch)
    async with staged(tmp_path, profile=COUNTING, services=PLACES) as stage:
        await stage.links["probe"].give("people", 120.0)
        await stage.settled()
        (place,) = (await stage.http.get("/api/v1/capacity")).json()["places"]

    ahead = place["forecast"]["quarters"]

    assert [round(one["people"]) for one in ahead] == [120] * len(ahead)
    assert len(ahead) >= 7
