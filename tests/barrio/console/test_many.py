"""A district of many devices: the map puts marks together, the list opens so many rows and no more."""

import pytest
from playwright.sync_api import expect

from tests.barrio.console.conftest import Desk, begun

LAMPS = 1_600
EVERY = LAMPS + 3
MOST_MARKS, MOST_ROWS = 400, 100
STANDS_FOR = "(all) => all.reduce((sum, one) => sum + Number(one.querySelector('text')?.textContent || 1), 0)"


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """A process with many lamps."""
    found = begun(tmp_path_factory.mktemp("town"), LAMPS)
    yield found
    found.process.kill()
    found.process.communicate()


@pytest.fixture
def page(chromium, town):
    """The map of it."""
    desk = Desk(chromium, town)
    yield desk.open("/", token=town.tokens["reader"])
    desk.close()
    assert desk.watch.wrong() == []


def test_marks_that_lie_together_are_one(page):
    """All are counted in few marks, the gravest is what a heap looks like, and nearer by each has its own."""
    marks = page.locator(".marks a")
    expect(page.locator(".heap").first).to_be_attached()

    assert marks.count() <= MOST_MARKS
    assert marks.evaluate_all(STANDS_FOR) == EVERY
    expect(page.locator(".marks .is-a")).to_have_count(1)
    before = page.locator(".scale text").text_content()
    page.locator(".heap.is-s").first.dispatch_event("click")
    expect(page.locator(".scale text")).not_to_have_text(before)
    page.locator("svg.map").focus()
    for _ in range(4):
        page.keyboard.press("+")
    expect(page.locator(".heap")).to_have_count(0)


def test_a_state_that_thousands_have_opens_no_thousands_of_rows(page):
    """What is too much stays closed until somebody opens it, then a part is shown with the way to all of it."""
    page.locator(".chip.is-s").click()
    expect(page.locator(".listside [role=status]")).to_have_text(f"{LAMPS + 1} / {EVERY}")
    expect(page.locator(".listside details[open]")).to_have_count(0)
    page.locator(".listside summary").first.focus()
    page.keyboard.press("Enter")
    rows = page.locator(".listside details[open] li")

    expect(rows).to_have_count(MOST_ROWS + 1)
    expect(rows.last).to_have_text(f"{LAMPS + 1 - MOST_ROWS} more")
    page.locator(".listside summary").first.press("Enter")
    expect(rows).to_have_count(0)


def test_a_word_opens_what_it_finds(page):
    """Few rows are opened by themselves."""
    page.get_by_label("Filter").fill("lamp-159")

    expect(page.locator(".listside details[open] li")).to_have_count(11)
