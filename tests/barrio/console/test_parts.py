"""What the console computes, without a browser: languages, places, ticks and drawings."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from barrio.console import chart, places, shown, words
from barrio.console.axes import number_ticks, time_ticks
from barrio.console.language import language_of
from dashboards.kit.texts import Text
from twin.model.quantities import Aggregation
from twin.quality import Reason
from twin.resolution import Resolution

MADRID = ZoneInfo("Europe/Madrid")
HOUR, DAY = 3600.0, 86_400.0
ACCEPTED = {
    "": "en",
    "es": "es",
    "es-MX,es;q=0.9,en;q=0.8": "es",
    "en-GB,en;q=0.9,es;q=0.8": "en",
    "fr,de;q=0.9": "en",
    "fr,es;q=0.2": "es",
    "es;q=0,en;q=0.1": "en",
    "es;q=high,en": "en",
    "*": "en",
    ",;q=,=;": "en",
}


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> float:
    """Return s since 1970 of a clock on the wall in Madrid."""
    return datetime(year, month, day, hour, minute, tzinfo=MADRID).timestamp()


def iso(seconds: float) -> str:
    """Return a time as the API writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def frame(start: float, stop: float, every: str | None = None, patience_s: float = 0.0) -> chart.Frame:
    return chart.Frame(start, stop, MADRID, "en", every, patience_s)


@pytest.mark.parametrize(("accepted", "lang"), ACCEPTED.items())
def test_the_language_is_the_one_that_is_liked_best(accepted, lang):
    """Weights count, what is neither English nor Spanish does not, and nonsense is English."""

    assert language_of(accepted) == lang


def test_every_word_is_there_in_both_languages():
    """No text of the table is empty, and what is filled in has the same names in both."""
    texts = [one for one in vars(words).values() if isinstance(one, Text)]
    names = [
        {part.split("}")[0] for part in text.split("{")[1:]} for one in texts for text in (one.en, one.es)
    ]

    assert len(texts) > 80
    assert names[::2] == names[1::2]


@pytest.mark.parametrize(
    ("length", "finest", "every"),
    [
        (HOUR, Resolution.RAW, None),
        (HOUR, Resolution.QUARTER, "15m"),
        (DAY, Resolution.RAW, "5m"),
        (7 * DAY, Resolution.RAW, "15m"),
        (30 * DAY, Resolution.RAW, "1h"),
        (30 * DAY, Resolution.DAY, "1d"),
        (365 * DAY, Resolution.RAW, "1d"),
        (3 * 366 * DAY, Resolution.RAW, "1d"),
    ],
)
def test_windows_fit_the_length_and_what_is_given(length, finest, every):
    """About as many windows as a chart has room for, never finer than a caller is given."""

    assert chart.window_for(length, finest) == every


def test_ticks_stay_on_the_clock_when_it_changes():
    """On the day of 25 hours ticks are at round hours of the wall, before and after; none comes twice."""
    start, stop = at(2026, 10, 25), at(2026, 10, 26)
    ticks = time_ticks(start, stop, MADRID, "en")

    assert [said for _, said in ticks] == ["25 Oct", "06:00", "12:00", "18:00", "26 Oct"]
    assert [time - start for time, _ in ticks] == [0, 7 * HOUR, 13 * HOUR, 19 * HOUR, 25 * HOUR]


def test_ticks_of_a_year_are_months():
    """Long times are marked at the beginning of months, in the reader's words."""
    ticks = time_ticks(at(2025, 11, 10), at(2026, 11, 10), MADRID, "es")

    assert [said for _, said in ticks] == ["2026", "mar", "may", "jul", "sep", "nov"]


@pytest.mark.parametrize(
    "length", [60, 600, HOUR, 5 * HOUR, DAY, 3 * DAY, 9 * DAY, 40 * DAY, 200 * DAY, 900 * DAY]
)
def test_ticks_are_few_and_within(length):
    """However long the time, there are some and not many, in order, none outside."""
    start = at(2026, 3, 28, 5, 7)
    times = [time for time, _ in time_ticks(start, start + length, MADRID, "en")]

    assert times == sorted(set(times))
    assert len(times) <= 9
    assert all(start <= time <= start + length for time in times)
    assert times or length < 2 * 60


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (20.1, 20.4), (-5, 1200), (3, 3), (0, 0), (1e-6, 2e-6), (1e9, 2e9)]
)
def test_levels_go_around_what_is_shown(low, high):
    """Levels are a few round numbers from below the smallest to above the largest."""
    levels = number_ticks(low, high)

    assert levels[0] <= low
    assert levels[-1] >= high
    assert 2 <= len(levels) <= 9


def test_what_was_not_heard_is_shaded_once():
    """A silence that a known gap accounts for has its reason, another says that it has none; zero is a value."""
    start = at(2026, 11, 1)
    times = [start + hour * HOUR for hour in range(24)]
    values = [0.0 if hour not in {5, 6, 7, 8, 15, 16, 17, 18} else None for hour in range(24)]
    series = {"start": [iso(one) for one in times], "mean": values, "min": values, "max": values}
    gap = {
        "from": iso(start + 5 * HOUR),
        "to": iso(start + 9 * HOUR),
        "reason": "link_down",
        "meaning": "the link is down",
        "words": "no route",
    }
    drawn = chart.drawing(series, [gap], Aggregation.GAUGE, frame(start, start + DAY, "1h"))

    assert drawn["shades"] == [
        [start + 5 * HOUR, start + 9 * HOUR, "gap", "link down: no route"],
        [start + 15 * HOUR, start + 19 * HOUR, "none", "no readings"],
    ]
    assert len(drawn["rows"]) == 16
    assert {row[1] for row in drawn["rows"]} == {0.0}


def test_a_value_that_seldom_changes_is_no_silence():
    """Windows between readings are empty where nothing changed: that is patience, not a gap."""
    start = at(2026, 11, 1)
    times = [start + minute * 60 for minute in range(120)]
    values = [20.0 if minute % 15 == 0 else None for minute in range(120)]
    series = {"start": [iso(one) for one in times], "mean": values, "min": values, "max": values}
    drawn = chart.drawing(series, [], Aggregation.GAUGE, frame(start, start + 2 * HOUR, "1m"))

    assert drawn["shades"] == []
    assert len(drawn["rows"]) == 8


def test_doubtful_readings_are_one_stretch_for_each_reason():
    """Readings that follow each other and are not good for the same reason are shaded together."""
    start = at(2026, 11, 1)
    slugs = [Reason.GOOD, Reason.IMPRECISE, Reason.IMPRECISE, Reason.GOOD, Reason.OUT_OF_RANGE, Reason.LATE]
    times = [start + minute * 60 for minute in range(6)]
    series = {
        "time": [iso(one) for one in times],
        "value": [1.0, 2.0, 3.0, 4.0, None, 6.0],
        "quality": [one.slug for one in slugs],
    }
    drawn = chart.drawing(series, [], Aggregation.GAUGE, frame(start, start + HOUR))

    assert [one[:3] for one in drawn["shades"]] == [
        [times[1], times[3], "doubt"],
        [times[4], times[5], "doubt"],
    ]


def test_a_state_ends_where_a_silence_begins():
    """A state goes on until the next one, but not across a time in which nothing was heard."""
    start = at(2026, 11, 1)
    series = {
        "time": [iso(start), iso(start + 600), iso(start + 2400)],
        "state": ["on", "off", "on"],
        "quality": ["good"] * 3,
    }
    gap = {
        "from": iso(start + 1200),
        "to": iso(start + 1800),
        "reason": "silent",
        "meaning": "x",
        "words": "",
    }
    drawn = chart.drawing(series, [gap], Aggregation.STATE, frame(start, start + HOUR))

    assert [one[:3] for one in drawn["stretches"]] == [
        [start, start + 600, "on"],
        [start + 600, start + 1200, "off"],
        [start + 2400, start + HOUR, "on"],
    ]


@pytest.mark.parametrize(
    ("gaps", "quality", "letter"),
    [
        ([], [], "f"),
        ([0, 0], [Reason.GOOD, Reason.LATE], "f"),
        ([0, 0], [Reason.GOOD, Reason.IMPRECISE], "u"),
        ([0, Reason.SILENT], [Reason.GOOD, Reason.GOOD], "u"),
        ([Reason.LINK_DOWN] * 2, [Reason.GOOD] * 2, "s"),
        ([0], [Reason.NOT_HEARD_YET], "s"),
    ],
)
def test_how_a_device_stands(gaps, quality, letter):
    """Silent where nothing is heard, uncertain where something is missing or doubtful, fine otherwise."""
    own = np.ones(len(gaps), bool)
    between = ([Reason.SILENT, 0], [Reason.GOOD, Reason.GOOD], [True, True])
    rows = [np.concatenate([*pair]) for pair in zip(between, (gaps, quality, own), between, strict=True)]
    found = places._standings(
        rows[0].astype(np.uint8), rows[1].astype(np.uint8), rows[2].astype(bool), np.array([2, len(gaps), 2])
    )

    assert found == f"u{letter}u"


def test_a_device_is_silent_whatever_is_computed_of_it():
    """A computed point that still has a value does not hide that nothing is heard of the device."""
    gaps = np.array([Reason.NO_ANSWER, Reason.NO_ANSWER, 0], np.uint8)
    own = np.array([True, True, False])

    assert places._standings(gaps, np.zeros(3, np.uint8), own, np.array([3])) == "s"


def test_a_hull_goes_around_all():
    """The shape around places has only its corners; fewer than three are themselves."""
    square = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)]

    assert sorted(places._hull([*square, (2.0, 2.0), (4.0, 2.0), (0.0, 0.0)])) == sorted(square)
    assert places._hull([(1.0, 1.0), (1.0, 1.0)]) == [(1.0, 1.0)]


@pytest.mark.parametrize(
    ("latest", "en", "es"),
    [
        ({"value": None, "unit": "Cel"}, "no value", "sin valor"),
        ({"value": 0.0, "unit": "Cel"}, "0 °C", "0 °C"),
        ({"value": 1234567.0, "unit": "kW.h"}, "1,234,567 kWh", "1\u202f234\u202f567 kWh"),
        ({"value": 21.456, "unit": "1"}, "21.456", "21,456"),
        ({"value": "off", "unit": ""}, "off", "apagado"),
        ({"value": "of_their_own", "unit": ""}, "of their own", "of their own"),
    ],
)
def test_values_as_people_read_them(latest, en, es):
    """Units as on paper, states in words, numbers as the language writes them; zero is a value."""

    assert (shown.value(latest, "en"), shown.value(latest, "es")) == (en, es)


def test_a_window_without_readings_is_not_called_bad():
    """Nothing is wrong with a point whose first quarter hour is not over: it has no value yet."""
    quality = {"level": "bad", "reason": "input_missing", "meaning": "an input has no usable value"}
    windowed = {"gap": None, "quality": quality, "resolution": "15m"}
    zone = ZoneInfo("UTC")

    assert shown.quality(windowed, zone, "en") == "no reading in the last full 15m"
    assert shown.quality(windowed, zone, "es") == "sin lecturas en los últimos 15m completos"
    assert shown.quality(windowed | {"resolution": "raw"}, zone, "en").startswith("bad: ")
