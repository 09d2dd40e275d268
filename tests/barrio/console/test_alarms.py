"""Alarms are shelved and taken back from the page, by whoever may, and it says until when, by whom and why."""

import re
from datetime import datetime, timedelta

from playwright.sync_api import expect

REASON = "cable works <b>today</b>"
SHELVE, BACK = re.compile("^Shelve: "), re.compile("^Take back: ")


def standing(city):
    """The alarm of the probe, as the API has it."""
    every = city.get("/api/v1/alarms", city.operator).json()["alarms"]
    [found] = [one for one in every if one["what"] == "little/probe/temperature"]
    return found


def test_an_alarm_is_shelved_and_taken_back(desk, city):
    """It moves to the shelved ones with time, name and reason, for everybody, and comes back when it is taken back."""
    reader = desk.open("/console/alarms", token=city.tokens["reader"])
    page = desk.open("/console/alarms", token=city.tokens["keeper"])
    page.get_by_role("button", name=SHELVE).click()
    dialog = page.get_by_role("dialog", name="Shelve")
    dialog.get_by_label("For how long").select_option("4 hours")
    dialog.get_by_label("Your name").fill("Ana")
    dialog.get_by_label("Reason").fill(REASON)
    dialog.get_by_label("Reason").press("Enter")
    aside = page.get_by_role("region", name="Shelved")
    expect(aside.locator("li")).to_contain_text(
        re.compile(r"shelved until .* by Ana: cable works <b>today</b>")
    )
    expect(page.get_by_text("No alarm stands. · 1 shelved")).to_be_visible()
    expect(page.get_by_text("Done: Shelve")).to_be_focused()
    shelved = standing(city)

    lasts = datetime.fromisoformat(shelved["until"]) - datetime.fromisoformat(shelved["at"])
    assert (shelved["state"], shelved["who"], shelved["comment"]) == ("shelved", "Ana", REASON)
    assert abs(lasts - timedelta(hours=4)) < timedelta(minutes=5)
    expect(reader.get_by_role("region", name="Shelved")).to_contain_text("shelved until", timeout=20_000)
    assert reader.get_by_role("main").get_by_role("button").count() == 0
    aside.get_by_role("button", name=BACK).click()
    page.get_by_role("dialog", name="Take back").get_by_role("button", name="Take back").click()
    expect(aside).to_be_hidden()
    expect(page.get_by_text("1 standing · 1 not acknowledged")).to_be_visible(timeout=20_000)
    assert standing(city)["state"] == "active"


def test_nothing_is_shelved_without_a_reason(desk, city):
    """The field is asked for, and the dialog is left with Escape, the focus back where it was."""
    page = desk.open("/console/alarms", token=city.tokens["keeper"])
    button = page.get_by_role("button", name=SHELVE)
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Shelve")
    expect(dialog).to_be_visible()
    dialog.get_by_label("Reason").fill("  ")
    dialog.get_by_label("Reason").fill("")
    dialog.get_by_label("Reason").press("Enter")

    assert dialog.get_by_label("Reason").evaluate("(one) => one.validity.valueMissing")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()
    assert standing(city)["state"] != "shelved"


def test_what_the_state_does_not_allow_is_said(desk, city):
    """An order that came too late is refused in the words of the API; the page stands as before."""
    late = desk.open("/console/alarms", token=city.tokens["keeper"])
    late.get_by_role("button", name=SHELVE).click()
    number = standing(city)["id"]
    late.evaluate("document.querySelector('[name=for]').append(new Option('a year', '365d'))")
    late.get_by_label("For how long").select_option("a year")
    late.get_by_label("Reason").fill("never again")
    late.get_by_role("dialog").get_by_role("button", name="Shelve").click()

    expect(late.locator(".note.no")).to_contain_text(
        f"Not done: alarm {number} cannot be shelved for more than 30 days"
    )
    assert standing(city)["state"] != "shelved"
