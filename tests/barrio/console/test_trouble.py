"""The first page says what is wrong and since when, before anything else."""

import re

from playwright.sync_api import expect

from tests.barrio.console.serving import HOSTILE

SINCE = re.compile(r"since \d\d:\d\d:\d\d|since \d{4}-\d\d-\d\d \d\d:\d\d")


def test_what_is_wrong_stands_first(desk, city):
    """An alarm and a silent device, each with what it is, since when, and a way there; then the map."""
    page = desk.open("/", token=city.tokens["reader"])
    rows = page.get_by_role("region", name="What is wrong").get_by_role("listitem")
    expect(rows).to_have_count(2)

    expect(page.locator(".wrong [role=status]")).to_have_text("1 alarm, 1 silent")
    expect(rows.nth(0)).to_contain_text("critical")
    expect(rows.nth(0)).to_contain_text(re.compile("Sonda has 3[012]"))
    expect(rows.nth(0)).to_contain_text(SINCE)
    expect(rows.nth(1)).to_contain_text("nothing is heard")
    expect(rows.nth(1)).to_contain_text(SINCE)
    assert page.locator(".wrong").bounding_box()["y"] < 300
    rows.nth(1).get_by_role("link", name=HOSTILE).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    expect(page.locator(".facts")).to_contain_text("silent")


def test_on_a_phone_too(desk, city):
    """At phone width it stands above the map."""
    page = desk.open("/", token=city.tokens["reader"], width=360)
    wrong, drawn = page.locator(".wrong"), page.locator(".mapframe")
    expect(wrong.get_by_role("listitem")).to_have_count(2)

    assert wrong.bounding_box()["y"] < drawn.bounding_box()["y"]


def test_the_public_is_told_of_nothing_that_it_does_not_see(desk):
    """Without a token there are neither alarms nor silent devices."""
    page = desk.open("/")

    expect(page.get_by_role("region", name="What is wrong")).to_contain_text("No alarm stands")
    assert page.locator(".wrong li").count() == 0


def test_devices_are_filtered_by_their_address(desk, city):
    """A link to the devices may choose state and word, and one that means nothing chooses nothing."""
    page = desk.open("/console/devices?state=s&filter=thing", token=city.tokens["reader"])
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.get_by_label("State")).to_have_value("s")
    page.goto("/console/devices?state=%3Cb%3E")

    expect(page.locator("tbody tr")).to_have_count(3)
