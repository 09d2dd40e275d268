"""Everything by keyboard, at phone width, without the internet, in the reader's language and light."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.barrio.console.conftest import HEIGHT, visit

PHONE = 360
PAGES = (
    "/",
    "/console/devices",
    "/console/device?path=little/meter",
    "/console/point?path=little/probe/temperature&from=-7d",
    "/console/point?path=little/probe/pump&from=-1h",
    "/console/alarms",
    "/console/why",
    "/console/why?point=little/meter/energy",
    "/console/api",
    "/console/sign-in",
)
HERE = Path(__file__).parent
FAULTS = (HERE / "faults.js").read_text("utf-8")
CONTRAST = (HERE / "contrast.js").read_text("utf-8")
FOCUS = """() => {
  const one = document.activeElement, style = getComputedStyle(one);
  const words = one.textContent.trim(), role = one.getAttribute('role') || '';
  return [one.tagName.toLowerCase(), words, parseFloat(style.outlineWidth), style.outlineStyle, role];
}"""
MOVING = """() => [...document.querySelectorAll('#app *')]
  .filter((one) => parseFloat(getComputedStyle(one).transitionDuration) > 0).length"""


@pytest.mark.parametrize("path", PAGES)
def test_every_page_fits_a_phone(desk, city, path):
    """At 360 pixels nothing reaches beyond the width of the page."""
    page = desk.open(path, token=city.tokens["keeper"], width=PHONE, has_touch=True, is_mobile=True)
    page.wait_for_timeout(200)

    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
    assert page.evaluate("window.innerWidth") == PHONE


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_can_be_read_by_all(desk, city, path, scheme):
    """Names, labels, headings, landmarks and ids are there, and the contrast of text is enough, by day and by night."""
    page = desk.open(path, token=city.tokens["keeper"], color_scheme=scheme)
    page.wait_for_timeout(200)

    assert page.evaluate(FAULTS) == []
    assert page.evaluate(CONTRAST) == []


def test_the_keyboard_is_enough(desk, city):
    """Past the menu, into the list, to a device, its chart and along it: with Tab, Enter and arrows only."""
    page = desk.open("/", token=city.tokens["reader"])
    press = page.keyboard.press
    press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    assert page.get_by_role("link", name="Skip to the content").bounding_box()["y"] >= 0
    press("Enter")
    reached(page, "summary", "Casa Uno")
    press("Enter")
    expect(page.locator(".listside").get_by_role("link", name="Sonda")).to_be_visible()
    reached(page, "a", "Sonda")
    press("Enter")
    page.wait_for_url(re.compile("device"))
    page.wait_for_function("window.did_handshake === true")
    reached(page, "a", "temperature")
    press("Enter")
    page.wait_for_url(re.compile("point"))
    page.wait_for_function("window.did_handshake === true")
    reached(page, "svg", "")
    press("ArrowLeft")

    expect(page.locator("[role=slider]")).to_have_attribute("aria-valuetext", re.compile("°C"))


def reached(page, tag: str, text: str) -> None:
    """Press Tab until an element has the focus; each that has it on the way shows so."""
    for _ in range(60):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUS)
        assert found[2] >= 2, found
        assert found[3] != "none", found
        if found[0] == tag and text in found[1] and (tag != "svg" or found[4] == "slider"):
            return
    raise AssertionError(f"{tag} {text!r} was not reached")


def test_the_map_moves_by_keyboard(desk, city):
    """Plus, minus and arrows move the map; 0 shows all of it again."""
    page = desk.open("/", token=city.tokens["reader"])
    page.locator("svg.map").focus()
    where = lambda: page.locator(".marks a").first.get_attribute("transform")  # noqa: E731 - asked again and again
    first = where()
    page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    moved = where()
    page.keyboard.press("0")

    assert moved != first
    assert where() == first


def test_spanish_is_spoken_to_whoever_reads_it(desk, city):
    """The language is that of the browser, on the page and of the page."""
    page = desk.open("/console/alarms", token=city.tokens["keeper"], lang="es-MX")

    assert page.locator("html").get_attribute("lang") == "es"
    expect(page.get_by_role("heading", level=1)).to_have_text("Alarmas")
    expect(page.get_by_role("button", name=re.compile("Reconocer")).first).to_be_visible()
    visit(page, "/console/why?point=little/meter/energy")
    expect(page.locator(".note.no")).to_contain_text("Se detiene en: enlace")


def test_nothing_moves_for_whoever_wants_it_still(desk, city):
    """Where less motion is asked for there is none."""
    page = desk.open("/", token=city.tokens["reader"], reduced_motion="reduce")

    assert page.evaluate(MOVING) == 0
    assert page.viewport_size == {"width": 1280, "height": HEIGHT}


def test_no_request_leaves_the_machine(desk, city):
    """All pages together ask this address and no other; the fonts are those of the machine."""
    page = desk.open("/", token=city.tokens["keeper"])
    for path in PAGES:
        visit(page, path)
        page.wait_for_timeout(100)

    assert len(desk.watch.urls) > 50
    assert desk.watch.foreign() == []
    assert not [one for one in desk.watch.urls if "font" in one]
