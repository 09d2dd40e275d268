"""Completeness equals a recount in plain Python from raw data, whatever the data."""

from collections import Counter, defaultdict
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from tests.contract.store import TEMPERATURE
from tests.twin.completeness.recount import NS, recount
from twin.completeness import count
from twin.completeness.classes import SlotClass
from twin.completeness.table import Asked, expected, summed
from twin.frame import Batch, join
from twin.ledger import Gap
from twin.past.models import Tenure
from twin.quality import Reason
from twin.store.duckdb import DuckDBStore
from twin.store.port import Series
from twin.store.windows import edges

MADRID = ZoneInfo("Europe/Madrid")
HOUR = 3600 * NS
PATHS = {f"d/dev{number}/p": number for number in range(1, 7)}
REASONS = [
    Reason.GOOD,
    Reason.RESTAMPED,
    Reason.LATE,
    Reason.BACKFILLED,
    Reason.UNCERTAIN_STATUS,
    Reason.IMPRECISE,
    Reason.INCOMPLETE,
    Reason.INPUT_UNCERTAIN,
    Reason.AGE_UNKNOWN,
    Reason.OUT_OF_RANGE,
    Reason.BAD_STATUS,
]
OFTEN = [0.4, 0.03, 0.08, 0.1, 0.05, 0.02, 0.05, 0.05, 0.02, 0.1, 0.1]


def local(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=MADRID).timestamp()) * NS


@pytest.fixture
def store(tmp_path):
    found = DuckDBStore(tmp_path / "twin.duckdb")
    series = [Series(n, path, "d", "s", path.split("/")[1], "p", TEMPERATURE) for path, n in PATHS.items()]
    found.open(series, {})
    yield found
    found.close()


def some_readings(random, start, stop, number):
    """Readings at any time, many of them on whole minutes, where slots and windows begin and end."""
    times = random.integers(start, stop, number)
    times = np.where(random.random(number) < 0.3, times // (60 * NS) * (60 * NS), times)
    codes = np.array([reason.value for reason in REASONS], np.uint8)[
        random.choice(len(REASONS), number, p=OFTEN)
    ]
    value = np.where(codes >= 128, np.nan, random.normal(20, 3, number))
    ids = random.choice(list(PATHS.values()), number).astype(np.int32)
    return Batch(ids, times, times + NS, times * 0, value, codes)


def some_gaps(random, start, stop):
    """Gaps of each point that follow each other, some of them filled, the last one perhaps still open."""
    found = []
    for series in PATHS.values():
        cuts = np.sort(random.integers(start - HOUR, stop, 8)).tolist()
        for begin, end in zip(cuts[::2], cuts[1::2], strict=True):
            reason = Reason(int(random.choice([Reason.LINK_DOWN, Reason.SILENT, Reason.OUT_OF_RANGE])))
            if end > begin:
                found.append(Gap(series, begin, end, reason, "", filled=bool(random.random() < 0.4)))
        if random.random() < 0.5:
            found.append(Gap(series, stop - int(random.integers(1, HOUR)), None, Reason.NO_ANSWER, ""))
    return found


def some_tenures(random, start, stop):
    """Points that were there all the time, since some time, until some time, or twice with different slots."""
    found = []
    for path in PATHS:
        slot, other = (int(random.choice([20, 61, 70, 300, 3600, 5000])) * NS for _ in range(2))
        first, second = np.sort(random.integers(start - HOUR, stop + HOUR, 2)).tolist()
        found += [
            [Tenure(path, start - HOUR, None, slot)],
            [Tenure(path, first, None, slot)],
            [Tenure(path, start - HOUR, first, slot), Tenure(path, second, None, other)],
            [Tenure(path, first, second, slot), Tenure(path, second, None, other)],
        ][int(random.integers(4))]
    return found


def plain(rows):
    """Rows of the summary as plain values by group and start."""
    return {
        (row.group, row.start): (
            {one: number for one, number in row.slots.items() if number},
            round(row.longest_s * NS),
            {reason: round(lasted * NS) for reason, lasted in row.reasons.items()},
            round(row.filled_s * NS),
        )
        for row in rows
    }


def by_hand(store, asked, tenures, gaps):
    """The same from `store.raw`."""
    slots: dict[tuple[str, int], Counter[SlotClass]] = defaultdict(Counter)
    reasons: dict[tuple[str, int], Counter[Reason]] = defaultdict(Counter)
    longest: dict[tuple[str, int], int] = defaultdict(int)
    filled: dict[tuple[str, int], int] = defaultdict(int)
    for path, series in asked.ids.items():
        raw = store.raw(np.array([series], np.int32), 0, 2**62)
        raw = list(zip(raw.time.tolist(), map(Reason, raw.quality.tolist()), strict=True))
        for low, high in zip(asked.edges[:-1].tolist(), asked.edges[1:].tolist(), strict=True):
            key = asked.groups[path], low if asked.by_window else int(asked.edges[0])
            one = recount(
                raw,
                [gap for gap in gaps if gap.series == series],
                [tenure for tenure in tenures if tenure.path == path],
                max(low, asked.kept_from),
                min(high, asked.now),
            )
            slots[key].update(one[0])
            longest[key] = max(longest[key], one[1])
            reasons[key].update(one[2])
            filled[key] += one[3]
    return {
        key: (dict(found), longest[key], dict(reasons[key]), filled[key])
        for key, found in slots.items()
        if found
    }


@pytest.mark.parametrize("day", ["2026-03-28", "2026-10-24", "2026-06-10"])
@pytest.mark.parametrize("seed", range(8))
def test_it_equals_a_recount(store, monkeypatch, day, seed):
    """Three days, with a change of the clocks or without, of points with gaps, late readings and changes."""
    random = np.random.default_rng([seed, int(day.replace("-", ""))])
    monkeypatch.setattr(count, "_ROWS_A_BLOCK", int(random.choice([20, 400_000])))
    most = int(random.choice([50, 8_000_000]))
    monkeypatch.setattr("twin.completeness.table.MOST_SLOTS", most)
    start = local(day)
    bounds = edges(start, start + 71 * HOUR, "1d", MADRID)
    stop = int(bounds[-1])
    readings = some_readings(random, start - HOUR, stop + HOUR, 2_000)
    for part in np.array_split(np.arange(2_000), 3):
        store.write(readings.take(part))
    tenures, gaps = some_tenures(random, start, stop), some_gaps(random, start, stop)
    for by_window, grouped in ((True, True), (False, False)):
        asked = Asked(
            PATHS,
            {path: path if grouped else ("low" if path < "d/dev4" else "high") for path in PATHS},
            bounds,
            kept_from=start + int(random.integers(0, 20)) * HOUR,
            now=stop - int(random.integers(0, 30)) * HOUR,
            by_window=by_window,
        )
        found = summed(store.raw, asked, tenures, gaps)

        assert plain(found) == by_hand(store, asked, tenures, gaps)
        assert sum(row.expected for row in found) == expected(asked, tenures)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-10", 24)])
def test_days_of_23_and_25_hours(store, day, hours):
    """A day on which the clocks change expects and receives just what fits into it."""
    start = local(day)
    times = start + np.arange(-10, 30 * 60, dtype=np.int64) * 60 * NS
    one = np.full(len(times), 1, np.int32)
    store.write(Batch(one, times, times, times * 0, times * 0.0, np.zeros(len(times), np.uint8)))
    bounds = edges(start, start + NS, "1d", MADRID)
    asked = Asked({"d/dev1/p": 1}, {"d/dev1/p": "x"}, bounds, 0, 2**62, by_window=True)
    [row] = summed(store.raw, asked, [Tenure("d/dev1/p", 0, None, 60 * NS)], [])

    assert (row.expected, row.received, row.share, row.longest_s) == (hours * 60, hours * 60, 1.0, 60)


def one_day(store, times, tenures, gaps=(), quality=Reason.GOOD, **asked):
    """The row of the first point on a summer day, of which it is told when it was heard (seconds)."""
    start = local("2026-06-10")
    moments = start + np.array(times, np.int64) * NS
    ids = np.full(len(times), 1, np.int32)
    codes = np.full(len(times), quality, np.uint8)
    value = np.full(len(times), np.nan if quality >= 128 else 1.0)
    store.write(Batch(ids, moments, moments, moments * 0, value, codes))
    edges_ = edges(start, start + NS, "1d", MADRID)
    given = {"kept_from": 0, "now": 2**62, "by_window": True} | asked
    question = Asked({"d/dev1/p": 1}, {"d/dev1/p": "x"}, edges_, **given)
    found = summed(store.raw, question, tenures, list(gaps))
    return found[0] if found else None


def always(slot_s):
    return [Tenure("d/dev1/p", 0, None, slot_s * NS)]


def test_only_what_has_passed_is_expected(store):
    """Of the running day only what has passed by now counts, and only whole slots."""
    now = local("2026-06-10T01:00:30")
    row = one_day(store, range(0, 3600, 60), always(60), now=now)

    assert (row.expected, row.received) == (60, 60)


def test_nothing_is_expected_of_what_was_not_there(store):
    """A point that was configured at noon owes half a day, one of which no whole slot has passed owes nothing."""
    noon = Tenure("d/dev1/p", local("2026-06-10T12:00"), None, 3600 * NS)

    assert one_day(store, [50_000], [noon]).expected == 12
    assert one_day(store, [50_000], [noon], now=local("2026-06-10T12:59:59")) is None


def test_what_retention_took_is_not_missing(store):
    """Before the readings that are kept nothing is expected."""
    row = one_day(store, range(43_200, 86_400, 3600), always(3600), kept_from=local("2026-06-10T12:00"))

    assert (row.expected, row.received) == (12, 12)


def test_a_backfilled_stretch_is_received_and_its_gap_no_reason(store):
    """Readings that came later fill their slots, their gap is told apart, and what held is accounted for."""
    start = local("2026-06-10")
    gap = Gap(1, start + 3600 * NS, start + 4 * 3600 * NS, Reason.LINK_DOWN, "", filled=True)
    store.write(
        join(
            [
                Batch(
                    np.full(1, 1, np.int32),
                    np.array([start + at * NS], np.int64),
                    np.array([start + 20_000 * NS], np.int64),
                    np.zeros(1, np.int64),
                    np.ones(1),
                    np.array([Reason.BACKFILLED], np.uint8),
                )
                for at in (3600, 7200)
            ]
        )
    )
    row = one_day(store, [*range(0, 3600, 3600), *range(14_400, 86_400, 3600)], always(3600), [gap])

    assert row.slots[SlotClass.BACKFILLED] == 2
    assert row.slots[SlotClass.HELD] == 1
    assert (row.expected, row.received, row.share) == (24, 23, 1.0)
    assert (row.reasons, row.filled_s) == ({}, 10_800)


def test_a_gap_that_was_not_filled_is_the_reason(store):
    """What was not heard is missing, with the seconds of its reason; a gap that lasts counts up to now."""
    start = local("2026-06-10")
    gap = Gap(1, start + 82_800 * NS, None, Reason.NO_ANSWER, "")
    row = one_day(store, range(0, 82_800, 3600), always(3600), [gap], now=start + 86_400 * NS)

    assert row.slots[SlotClass.MISSING] == 1
    assert (row.reasons, row.longest_s) == ({Reason.NO_ANSWER: 3600}, 7200)


def test_bad_answers_are_not_received(store):
    """A slot with bad readings only is bad: not received, and not missing."""
    row = one_day(store, range(0, 86_400, 3600), always(3600), quality=Reason.OUT_OF_RANGE)

    assert (row.received, row.slots[SlotClass.BAD], row.slots[SlotClass.MISSING]) == (0, 24, 0)
    assert (row.share, row.longest_s) == (0.0, 86_400)


@pytest.mark.parametrize("heartbeat_s", [60, 300])
@pytest.mark.parametrize("heard_s", [1, 7, 29.9])
def test_a_healthy_point_misses_nothing(store, heartbeat_s, heard_s):
    """A value that never changes, stored when it is first heard after each heartbeat, is complete in any phase."""
    random = np.random.default_rng(int(heard_s))
    times, last, at = [], -1000.0, -1000.0
    while at < 86_400:
        at += random.uniform(0, heard_s)
        if at - last >= heartbeat_s:
            times.append(at)
            last = at
    row = one_day(store, times, always(heartbeat_s + 30))

    assert row.received == row.expected > 0
