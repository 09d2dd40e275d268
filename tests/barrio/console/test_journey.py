"""The first five minutes of a person with a browser and nothing else."""

import re

from playwright.sync_api import expect

from tests.barrio.console.conftest import visit
from tests.barrio.console.serving import HOSTILE


def test_from_the_map_to_a_point_and_back_to_the_reason(desk, city):
    """From the map to a device in alarm, to its chart over an hour and over months, to why another is empty."""
    page = desk.open("/", token=city.tokens["reader"])
    expect(page.get_by_role("heading", level=1)).to_have_text("Little")
    expect(page.locator(".chip.is-a b")).to_have_text("1")
    page.locator("summary", has_text="Casa Uno").click()
    page.locator(".listside").get_by_role("link", name="Sonda").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sonda")
    expect(page.locator("dd").first).to_have_text("alarm")
    page.get_by_role("link", name="temperature", exact=True).click()
    page.get_by_role("link", name="1 hour").click()
    expect(page.locator(".line").first).to_be_visible()
    page.get_by_role("link", name="3 months").click()
    expect(page.locator(".band").first).to_be_visible()
    expect(page.locator(".shade-none").first).to_be_attached()
    page.get_by_role("link", name="Why empty?").click()
    page.get_by_role("link", name="little/meter/energy").click()

    expect(page.locator(".note.no")).to_contain_text("It stops at: ")
    expect(page.locator("ol.steps")).to_contain_text("no route to host")


def test_the_map_keeps_what_it_says_up_to_date(desk, city):
    """Marks stand where things are, each in the shape of how it stands; the words beside say the same."""
    page = desk.open("/", token=city.tokens["reader"])
    expect(page.locator(".marks a")).to_have_count(3)
    counts = [page.locator(f".chip.is-{letter} b").inner_text() for letter in "asuf"]
    shapes = {page.locator(f".marks .is-{letter} .mark").first.get_attribute("d") for letter in "asu"}
    page.locator(".chip.is-s").click()

    assert counts == ["1", "1", "1", "0"]
    assert len(shapes) == 3
    expect(page.locator(".marks a")).to_have_count(1)


def test_a_doubtful_reading_is_shaded_with_its_reason(desk, city):
    """A stretch of readings that are not good has a shade of its own, and the cursor says why."""
    page = desk.open("/console/point?path=little/far/energy&from=-1m", token=city.tokens["reader"])
    shade = page.locator(".shade-doubt title").first
    expect(shade).to_have_text(re.compile("uncertain"))
    page.locator(".chart svg").focus()
    page.keyboard.press("End")

    expect(page.locator(".reading")).to_contain_text("5 kWh")
    expect(page.locator(".reading")).to_contain_text("uncertain")


def test_a_gap_is_shaded_with_its_reason(desk, city):
    """What was not heard is no line and no empty place: it is hatched, and a table says why and since when."""
    page = desk.open("/console/point?path=little/meter/temperature&from=-1m", token=city.tokens["reader"])

    expect(page.locator(".shade-gap title").last).to_have_text("link down: no route to host")
    page.locator("summary", has_text="Gaps").click()
    expect(page.locator("details[open] tbody tr").last).to_contain_text("still")


def test_states_are_drawn_as_stretches(desk, city):
    """A point of states shows which, from when to when."""
    page = desk.open("/console/point?path=little/probe/pump&from=-1m", token=city.tokens["reader"])

    expect(page.locator(".stretch title").first).to_have_text("off")


def test_a_part_of_a_chart_is_looked_at_closely(desk, city):
    """Dragging across the chart opens that time, and its address can be sent to somebody."""
    page = desk.open("/console/point?path=little/probe/temperature&from=-7d", token=city.tokens["reader"])
    box = page.locator(".chart svg").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 60, steps=4)
    page.mouse.up()
    page.wait_for_url(re.compile("to="))

    expect(page.locator(".line").first).to_be_visible()


def test_a_young_district_is_shown_an_hour(desk, city):
    """A day of which barrio ran a minute is all gap; the first look is at what there is."""
    page = desk.open("/console/point?path=little/probe/temperature", token=city.tokens["reader"])

    expect(page.locator("nav .pill[aria-current=true]")).to_have_text("1 hour")


def test_names_are_text_wherever_they_are_shown(desk, city):
    """A name that is HTML is shown as it is written, on every page that shows names, and does nothing."""
    page = desk.open("/", token=city.tokens["reader"])
    shown = []
    for path in ("/", "/console/devices", "/console/device?path=little/meter", "/console/alarms"):
        visit(page, path)
        shown.append(HOSTILE in page.locator("body").inner_text() or HOSTILE in page.title())
        assert page.evaluate("window.hacked") is None
        assert page.locator("img").count() == 0
    visit(page, f"/console/why?point={HOSTILE}")

    assert shown == [True, True, True, False]
    assert page.evaluate("window.hacked") is None


def test_devices_are_filtered(desk, city):
    """A word and a state leave those that fit both."""
    page = desk.open("/console/devices", token=city.tokens["reader"])
    page.get_by_label("Filter").fill("thing")
    page.get_by_label("State").select_option("s")

    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label("Filter").fill("nothing like it")
    expect(page.get_by_text("nothing matches")).to_be_visible()


def test_what_programs_ask_is_tried(desk, city):
    """The explorer lists the API, asks with the visitor's rights, and shows the line for a terminal."""
    page = desk.open("/console/api", token=city.tokens["reader"])
    page.get_by_label("Question").select_option("GET /api/v1/history")
    page.get_by_label("point", exact=True).fill("little/probe/temperature")
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("section .note")).to_contain_text("200 OK")
    expect(page.get_by_label("Question")).to_have_value("GET /api/v1/history")
    expect(page.get_by_label("point", exact=True)).to_have_value("little/probe/temperature")

    expect(page.get_by_label("curl")).to_contain_text("point=little%2Fprobe%2Ftemperature")
    expect(page.get_by_label("Answer").locator("pre")).to_contain_text('"air_temperature"')
    page.get_by_label("Question").select_option("GET /api/v1/why/{path}")
    page.locator("[name=path]").fill("secret/safe/temperature")
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("section .note.no")).to_contain_text("404")


def test_an_address_that_means_nothing_is_a_page(desk, city):
    """A device or a time that does not exist is said in words, never with an error of ours."""
    page = desk.open("/console/device?path=little/nobody", token=city.tokens["reader"])
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no such thing")
    for times in ("from=yesterday", "from=now&to=-1d", "from=1970-01-01&to=2200-01-01", "from=%00"):
        visit(page, f"/console/point?path=little/probe/temperature&{times}")
        expect(page.get_by_role("heading", level=1)).to_have_text("temperature")
