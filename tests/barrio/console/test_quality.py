"""Charts of windows say which of their readings are not good, and nothing of what they do not know."""

import re

from playwright.sync_api import expect

from barrio.console import chart
from tests.barrio.console.test_parts import DAY, HOUR, at, frame, iso
from twin.model.quantities import Aggregation

START = at(2026, 11, 1)
STARTS = [iso(START + hour * HOUR) for hour in range(6)]


def counted(*counts: int) -> dict[str, list[str] | list[int]]:
    return {"start": STARTS, "count": list(counts)}


def test_windows_with_doubtful_readings_are_shaded():
    """Windows that follow each other are one stretch, with how many readings of how many."""
    found, bad, total = chart.doubts_in_windows(
        counted(4, 4, 3, 0, 4, 4),
        counted(4, 4, 4, 0, 4, 4),
        counted(4, 3, 2, 0, 5, 0),
        frame(START, START + 5.5 * HOUR, "1h"),
    )

    assert [one[:2] for one in found] == [
        [START + HOUR, START + 3 * HOUR],
        [START + 5 * HOUR, START + 5.5 * HOUR],
    ]
    assert found[0][2:] == ["doubt", "3 of 8 readings doubtful or without a value"]
    assert (bad, total) == (7, 20)


def test_what_is_left_of_readings_says_nothing_of_rollups():
    """Where fewer readings are kept than the window was made of there is neither praise nor doubt."""
    found, bad, total = chart.doubts_in_windows(
        counted(4, 4, 4, 4, 4, 4),
        counted(0, 0, 2, 4, 4, 4),
        counted(0, 0, 1, 4, 4, 4),
        frame(START, START + DAY, "1h"),
    )

    assert found == []
    assert (bad, total) == (0, 12)


def test_nothing_is_missing_of_what_is_still_to_come():
    """A time that ends after now has no silence there, and no state lasts into it."""
    here = chart.Frame(START, START + 6 * HOUR, frame(0, 1).zone, "en", "1h", 0.0, START + 2 * HOUR)
    series = {
        "start": STARTS,
        "last_state": ["on", "on", None, None, None, None],
        "count": [1, 1, 0, 0, 0, 0],
    }
    drawn = chart.drawing(series, [], Aggregation.STATE, here)

    assert drawn["shades"] == []
    assert [one[:3] for one in drawn["stretches"]] == [[START, START + 2 * HOUR, "on"]]


def test_before_the_first_reading_there_are_none():
    """Of single readings the time before the first is shaded, unless it is as short as they usually are apart."""
    series = {"time": [iso(START + HOUR), iso(START + HOUR + 60)], "value": [1.0, 2.0]}
    early = chart.drawing(series, [], Aggregation.GAUGE, frame(START, START + 2 * HOUR))
    near = chart.drawing(series, [], Aggregation.GAUGE, frame(START + HOUR - 120, START + 2 * HOUR))

    assert early["shades"] == [[START, START + HOUR, "none", "no readings"]]
    assert near["shades"] == []


def test_doubt_is_seen_in_windows_too(desk, city):
    """A week of a point whose readings are all uncertain is shaded so; one that is good says so, over months."""
    page = desk.open("/console/point?path=little/far/energy&from=-7d", token=city.tokens["reader"])
    expect(page.locator(".shade-doubt title").first).to_have_text(
        re.compile(r"^(\d+) of \1 readings doubtful")
    )
    expect(page.locator(".card [role=status]").last).to_have_text(re.compile("readings doubtful or without"))
    page.goto("/console/point?path=little/probe/temperature&from=-90d")

    expect(page.locator(".card [role=status]").last).to_have_text(
        re.compile(r"^all [\d,]+ readings are good$")
    )
    expect(page.locator(".shade-doubt")).to_have_count(0)


def test_no_line_is_drawn_over_a_day_without_readings(desk, city):
    """Sixty days with a hole of one are two lines, and the hole is shaded between them."""
    page = desk.open("/console/point?path=little/probe/temperature&from=-62d", token=city.tokens["reader"])
    expect(page.locator(".shade-none").first).to_be_attached()
    boxes = [one.bounding_box() for one in page.locator(".line").all()]
    holes = [one.bounding_box() for one in page.locator(".shade-none").all()]
    hole = min(holes, key=lambda one: abs(one["x"] - (boxes[0]["x"] + boxes[0]["width"])))

    assert len(boxes) >= 2
    for one in boxes:
        ends = one["x"] + one["width"]
        assert ends <= hole["x"] + 2 or one["x"] >= hole["x"] + hole["width"] - 2
