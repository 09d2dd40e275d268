from __future__ import annotations

import sqlite3
import threading
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.ledger import Event, Gap, Ledger
from twin.quality import Reason
from twin.sqlite import DatabaseBusy

S = 1_000_000_000


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def ledger(path):
    result = Ledger(path)
    result.open()
    yield result
    result.close()


def test_a_gap_opens_and_closes(ledger):
    """A gap lasts from the time it was opened at to the time it was closed at, to the nanosecond."""
    ledger.open_gaps([5], 10 * S + 1, Reason.LINK_DOWN, "connection refused")
    assert ledger.current(5) == Gap(5, 10 * S + 1, None, Reason.LINK_DOWN, "connection refused")

    assert ledger.close_gaps([5], 20 * S + 3) == 1

    assert ledger.current(5) is None
    assert ledger.gaps([5], 0, 99 * S) == [
        Gap(5, 10 * S + 1, 20 * S + 3, Reason.LINK_DOWN, "connection refused")
    ]


def test_a_gap_is_opened_once(ledger):
    """What begins while a gap lasts does not begin another; closing what is not open changes nothing."""
    assert ledger.open_gaps([5, 6], S, Reason.LINK_DOWN) == 2
    assert ledger.open_gaps([5, 7], 2 * S, Reason.SILENT) == 1
    assert ledger.close_gaps([6, 9], 3 * S) == 1

    assert [(gap.series, gap.start, gap.reason) for gap in ledger.all_open()] == [
        (5, S, Reason.LINK_DOWN),
        (7, 2 * S, Reason.SILENT),
    ]


def test_each_series_has_its_own_time(ledger):
    """An array of times gives each series its own boundary."""
    ids = np.array([3, 4], np.int32)
    ledger.open_gaps(ids, np.array([S, 2 * S], np.int64), Reason.SILENT)

    ledger.close_gaps(ids, np.array([5 * S, 6 * S], np.int64))

    assert [(gap.start, gap.stop) for gap in ledger.gaps(None, 0, 9 * S)] == [(S, 5 * S), (2 * S, 6 * S)]


def test_a_changed_reason_leaves_no_break(ledger):
    """Another reason ends one gap where it begins the next; the same reason changes nothing."""
    ledger.open_gaps([1, 2], S, Reason.NO_ANSWER, "timeout")

    assert ledger.change([1, 2, 3], 4 * S, Reason.LINK_DOWN, "refused") == 3
    assert ledger.change([1], 5 * S, Reason.LINK_DOWN, "refused") == 0

    assert ledger.gaps([1], 0, 9 * S) == [
        Gap(1, S, 4 * S, Reason.NO_ANSWER, "timeout"),
        Gap(1, 4 * S, None, Reason.LINK_DOWN, "refused"),
    ]
    assert ledger.current(3) == Gap(3, 4 * S, None, Reason.LINK_DOWN, "refused")


def test_a_gap_of_no_time_is_forgotten(ledger):
    """A gap that ends where it began, or before it when the clock was set back, leaves no row."""
    ledger.open_gaps([1, 2], 10 * S, Reason.SILENT)
    ledger.close_gaps([1], 10 * S)
    ledger.change([2], 8 * S, Reason.LINK_DOWN)

    assert ledger.gaps(None, 0, 99 * S) == [Gap(2, 10 * S, None, Reason.LINK_DOWN, "")]


def test_open_gaps_are_open_after_a_crash(ledger, path):
    """The next process finds the gaps that the last one left open, and can close them."""
    ledger.open_gaps([1, 5000], S, Reason.LINK_DOWN, "refused")
    again = Ledger(path)
    again.open()

    assert again.current(5000) == Gap(5000, S, None, Reason.LINK_DOWN, "refused")
    assert np.flatnonzero(again.open_mask(1)).tolist() == [1, 5000]
    assert again.close_gaps([1, 5000], 2 * S) == 2
    again.close()


def test_the_mask_follows(ledger):
    """The mask is true exactly where a gap lasts, for ids of any size."""
    ledger.open_gaps([0, 3, 9000], S, Reason.SILENT)
    ledger.close_gaps([3], 2 * S)

    mask = ledger.open_mask(10_000)

    assert len(mask) >= 10_000
    assert np.flatnonzero(mask).tolist() == [0, 9000]
    assert ledger.open_mask(100_000)[:9001].tolist() == mask[:9001].tolist()


def test_gaps_that_touch_a_window(ledger):
    """A window shows gaps that overlap it, half open at both ends."""
    for series, (start, stop) in enumerate([(1, 5), (5, 8), (2, 9), (8, 9), (0, 4)]):
        ledger.open_gaps([series], start * S, Reason.SILENT)
        ledger.close_gaps([series], stop * S)
    ledger.open_gaps([9], 7 * S, Reason.SILENT)

    assert [gap.series for gap in ledger.gaps(None, 5 * S, 8 * S)] == [1, 2, 9]
    assert [gap.series for gap in ledger.gaps([2, 4, 9], 5 * S, 8 * S)] == [2, 9]
    assert [gap.series for gap in ledger.gaps(range(2, 2000), 5 * S, 8 * S)] == [2, 9]


def test_no_more_gaps_than_asked_for(ledger):
    """A limit bounds what is read, whatever the ledger holds."""
    ledger.open_gaps(np.arange(10, dtype=np.int32), 100, Reason.SILENT)

    assert [gap.series for gap in ledger.gaps(None, 0, 1000, limit=3)] == [0, 1, 2]


def test_five_thousand_at_once(ledger):
    """A link with thousands of points goes down and comes back in one transaction each."""
    ids = np.arange(5000, dtype=np.int32)

    assert ledger.open_gaps(ids, S, Reason.LINK_DOWN) == 5000
    assert ledger.change(ids, 2 * S, Reason.NO_ANSWER) == 5000
    assert ledger.close_gaps(ids, 3 * S) == 5000
    assert len(ledger.gaps(None, 0, 9 * S)) == 10_000
    assert not ledger.open_mask(5000).any()


def test_events_newest_first(ledger):
    """Events of a window come newest first, at most as many as asked for."""
    for at, kind in [(1, "platform_started"), (2, "link_down"), (3, "link_up")]:
        ledger.event(kind, at * S, "words", "modbus+tcp://127.0.0.1:502")

    assert [event.kind for event in ledger.events(0, 3 * S)] == ["link_down", "platform_started"]
    assert ledger.events(0, 9 * S, limit=1) == [
        Event(3 * S, "link_up", "modbus+tcp://127.0.0.1:502", "words")
    ]


def test_prune_keeps_what_lasts(ledger):
    """What ended before a time is forgotten; an old gap that lasts is kept."""
    ledger.open_gaps([1, 2], S, Reason.SILENT)
    ledger.close_gaps([1], 2 * S)
    ledger.event("link_up", S, "")

    assert ledger.prune(5 * S) == 2
    assert [gap.series for gap in ledger.gaps(None, 0, 9 * S)] == [2]


def test_damaged_ledger_is_set_aside_and_said(path):
    """A damaged ledger gets another name, an empty one takes its place, and that is an event."""
    path.write_bytes(b"\xa5" * 8192)
    ledger = Ledger(path)

    assert ledger.open(7 * S) == path.with_name("ledger.sqlite.damaged-1")
    assert ledger.events(0, 9 * S) == [
        Event(7 * S, "ledger_damaged", "ledger.sqlite", "set aside as ledger.sqlite.damaged-1")
    ]
    ledger.close()


def test_a_refused_write_changes_nothing(ledger):
    """When the disk refuses, the ledger says so and stands as it stood, in memory too."""
    ledger.open_gaps([1], S, Reason.SILENT)
    with ledger._database.reading() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

        with pytest.raises(DatabaseBusy, match=r"ledger\.sqlite: database or disk is full"):
            ledger.change(np.arange(5000), 2 * S, Reason.LINK_DOWN)

        connection.execute("PRAGMA max_page_count = 1000000")
    assert ledger.all_open() == [Gap(1, S, None, Reason.SILENT, "")]
    assert ledger.close_gaps([1], 3 * S) == 1


def test_two_threads(ledger):
    """Threads that open and close the same gaps never leave two open rows for a series."""

    def work(reason: Reason) -> None:
        for at in range(40):
            ledger.change(range(20), at * S, reason)
            ledger.close_gaps(range(10), at * S + 5)

    threads = [threading.Thread(target=work, args=(each,)) for each in (Reason.SILENT, Reason.LINK_DOWN)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    lasting = [gap.series for gap in ledger.gaps(None, 0, 10**18) if gap.stop is None]
    assert sorted(lasting) == sorted(gap.series for gap in ledger.all_open())
    assert set(range(10, 20)) <= set(lasting)


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["open", "close", "change", "reopen"]),
        st.lists(st.integers(0, 4), max_size=5),
        st.sampled_from([Reason.SILENT, Reason.LINK_DOWN]),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(actions=ACTIONS)
def test_gaps_of_a_series_never_overlap(actions, tmp_path_factory):
    """Whatever happens in whatever order, a series is in one gap at a time, the one that the mask and memory show."""
    ledger = Ledger(tmp_path_factory.mktemp("ledger") / "ledger.sqlite")
    ledger.open()
    for at, (action, ids, reason) in enumerate(actions):
        if action == "open":
            ledger.open_gaps(ids, at, reason)
        elif action == "close":
            ledger.close_gaps(ids, at)
        elif action == "change":
            ledger.change(ids, at, reason)
        else:
            ledger.close()
            ledger = Ledger(ledger._database.path)
            ledger.open()

    for series in range(5):
        gaps = ledger.gaps([series], -1, 1000)
        assert all(one.stop is not None and one.stop <= two.start for one, two in pairwise(gaps))
        assert ledger.open_mask(5)[series] == (ledger.current(series) is not None)
        assert ledger.current(series) == (gaps[-1] if gaps and gaps[-1].stop is None else None)
    ledger.close()


def test_a_gap_that_the_device_remembered_is_filled(ledger):
    """A gap inside the interval is marked as filled, a second time nothing is left to fill."""
    ledger.open_gaps([5, 6], 10 * S, Reason.LINK_DOWN, "refused")
    ledger.close_gaps([5, 6], 20 * S)

    assert ledger.fill([5], 9 * S, 21 * S) == 1
    assert ledger.fill([5], 9 * S, 21 * S) == 0
    assert [(gap.series, gap.filled) for gap in ledger.gaps(None, 0, 99 * S)] == [(5, True), (6, False)]


def test_what_the_device_did_not_remember_stays_a_gap(ledger):
    """A gap that reaches beyond the interval on both sides is divided into three without a break."""
    ledger.open_gaps([5], 10 * S, Reason.SILENT, "quiet")
    ledger.close_gaps([5], 60 * S)
    ledger.fill([5], 20 * S, 50 * S)
    found = sorted(ledger.gaps([5], 0, 99 * S), key=lambda gap: gap.start)

    assert [(gap.start, gap.stop, gap.filled) for gap in found] == [
        (10 * S, 20 * S, False),
        (20 * S, 50 * S, True),
        (50 * S, 60 * S, False),
    ]
    assert {(gap.reason, gap.words) for gap in found} == {(Reason.SILENT, "quiet")}


def test_a_residue_of_less_than_a_second_is_no_gap(ledger):
    """The times of a source and of the receipt differ a little."""
    ledger.open_gaps([5], 10 * S, Reason.SILENT)
    ledger.close_gaps([5], 60 * S)
    ledger.fill([5], 10 * S + S // 2, 60 * S - S // 2)

    assert ledger.gaps([5], 0, 99 * S) == [Gap(5, 10 * S, 60 * S, Reason.SILENT, "", filled=True)]


@pytest.mark.parametrize("reason", [Reason.STORE_REFUSED, Reason.OUT_OF_RANGE])
def test_what_is_not_absence_is_not_filled(ledger, reason):
    """Bad readings and readings that the store refused are not the device's to give again."""
    ledger.open_gaps([5], 10 * S, reason)
    ledger.close_gaps([5], 20 * S)

    assert ledger.fill([5], 0, 99 * S) == 0


def test_a_gap_that_lasts_is_not_filled(ledger):
    """As long as a point is not heard, nothing is complete."""
    ledger.open_gaps([5], 10 * S, Reason.LINK_DOWN)

    assert ledger.fill([5], 0, 99 * S) == 0


def test_a_ledger_of_before_filling_is_taken_over(path):
    """A file without the newer column opens, and its gaps count as not filled."""
    database = sqlite3.connect(path)
    database.execute(
        "CREATE TABLE gap (id INTEGER PRIMARY KEY, series INTEGER NOT NULL, start INTEGER NOT NULL,"
        " stop INTEGER, reason INTEGER NOT NULL, words TEXT NOT NULL) STRICT"
    )
    database.execute("INSERT INTO gap VALUES (1, 5, 10, 20, 193, 'refused')")
    database.commit()
    database.close()
    ledger = Ledger(path)
    ledger.open()

    assert ledger.gaps([5], 0, 99) == [Gap(5, 10, 20, Reason.LINK_DOWN, "refused")]
    ledger.close()


def test_what_changes_is_told_to_whoever_watches(ledger):
    """Every gap that begins, ends, gets another reason or is filled, by series, start and reason; each time once."""
    ledger.open_gaps([1], S, Reason.SILENT)
    assert ledger.touched() == []
    ledger.watch()
    ledger.close_gaps([1], 10 * S)
    ledger.open_gaps([2], 20 * S, Reason.NO_ANSWER)
    ledger.change([2], 30 * S, Reason.LINK_DOWN)

    assert ledger.touched() == [
        (1, S, Reason.SILENT),
        (2, 20 * S, Reason.NO_ANSWER),
        (2, 20 * S, Reason.NO_ANSWER),
        (2, 30 * S, Reason.LINK_DOWN),
    ]
    ledger.fill([1], 3 * S, 6 * S)
    assert set(ledger.touched()) == {
        (1, S, Reason.SILENT),
        (1, 3 * S, Reason.SILENT),
        (1, 6 * S, Reason.SILENT),
    }
    assert ledger.touched() == []


def test_what_began_in_a_time(ledger):
    """Of the series that are asked for, however many they are."""
    ledger.open_gaps(range(1, 1_203), S, Reason.SILENT)
    ledger.open_gaps([5_000], 2 * S, Reason.SILENT)

    assert len(ledger.began(list(range(1, 6_000)), S, 2 * S)) == 1_202
    assert [gap.series for gap in ledger.began([7, 5_000], 0, 9 * S)] == [7, 5_000]


def test_events_have_numbers(ledger):
    """They go on from any of them, in their order."""
    for number in range(5):
        ledger.event("link_up", number, "", str(number))
    rows, newest = ledger.events_after(2, 2)

    assert [(number, event.subject) for number, event in rows] == [(3, "2"), (4, "3")]
    assert newest == 5
