"""Who sees what on the pages, and who may do something: nothing that the API would not allow."""

import json
import re
import subprocess
import sys

import pytest
import websockets.sync.client
from playwright.sync_api import expect

from tests import ROOT
from tests.barrio.console.conftest import visit
from twin.access.tokens import TokenBook

HTML = {"Accept": "text/html,application/xhtml+xml"}


def test_the_public_sees_what_is_open(desk):
    """Without a token there is the open point and nothing else: no second device, no alarm, no other district."""
    page = desk.open("/")
    expect(page.locator(".marks a")).to_have_count(1)
    visit(page, "/console/device?path=little/probe")
    points = page.locator("tbody th").all_inner_texts()
    page.goto("/?district=secret")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no such thing")
    for path in (
        "device?path=little/meter",
        "point?path=little/probe/energy",
        "point?path=secret/safe/temperature",
    ):
        visit(page, f"/console/{path}")
        expect(page.get_by_role("heading", level=1)).to_have_text("There is no such thing")

    assert points == ["temperature"]


def test_another_district_is_invisible(desk, city):
    """A token of one district finds no trace of the other: not on the map, in lists, in suggestions or in answers."""
    page = desk.open("/", token=city.tokens["reader"])
    for path in (
        "/",
        "/console/devices",
        "/console/alarms",
        "/console/why",
        "/console/why?point=secret/safe/temperature",
    ):
        visit(page, path)
        text = page.locator("main").inner_text().replace("secret/safe/temperature", "")
        assert "secret" not in text.lower(), path
    page.get_by_label("Path of a point").fill("saf")
    page.wait_for_timeout(600)

    assert page.locator("datalist option").count() == 0
    page.get_by_label("Path of a point").fill("prob")
    expect(page.locator("datalist option")).to_have_count(3)
    expect(page.get_by_label("Path of a point")).to_have_value("prob")


def test_the_operator_sees_both(desk, city):
    """What is hidden from others is there for the operator, who chooses between districts."""
    page = desk.open("/", token=city.operator)
    page.get_by_role("link", name="Secreto").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Secreto")


def test_signing_in_and_out(desk, city):
    """A token opens a session, a wrong one says so; signing out ends it. No page and no script has the token."""
    desk.watch.expected = ("401",)
    page = desk.open("/console/sign-in")
    page.get_by_label("Token").fill("barrio_000000000000_wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("The token is not known, was revoked, or has expired.")
    page.get_by_label("Token").fill(city.tokens["reader"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".who")).to_contain_text("reader")
    expect(page.locator(".marks a")).to_have_count(3)
    everything = page.content() + page.evaluate(
        "document.cookie + JSON.stringify({...localStorage, ...sessionStorage})"
    )
    page.get_by_role("button", name="Sign out").click()

    expect(page.locator(".who")).to_contain_text("open data")
    assert city.tokens["reader"] not in everything
    assert page.context.cookies() == []


def test_a_login_link_signs_in_once(desk, city):
    """`barrio console` prints a link: it holds no token, leaves no code in the address, and works once."""
    command = [sys.executable, "-m", "barrio", "console", "--data", str(city.folder / "data")]
    link = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()
    desk.watch.expected = ("401",)
    page = desk.open("/console/sign-in")
    page.goto("about:blank")
    page.goto(link)
    expect(page.locator(".who")).to_contain_text("operator")
    other = desk.open("/console/sign-in")
    other.goto("about:blank")
    other.goto(link)
    expect(other.get_by_role("alert")).to_contain_text("not known")

    assert city.operator not in link
    assert "code" not in page.url + other.url
    assert link.partition("=")[2] not in (city.folder / "err").read_text()


def test_a_revoked_token_ends_its_pages(desk, city):
    """A page that stands open shows what is open, and nothing more, within seconds of the revocation."""
    page = desk.open("/", token=city.tokens["leaver"])
    expect(page.locator(".marks a")).to_have_count(3)
    book = TokenBook(city.folder / "data" / "tokens.sqlite")
    book.open()
    book.revoke("leaver", "a test", 1)
    book.close()

    expect(page.locator(".marks a")).to_have_count(1, timeout=12_000)
    expect(page.locator(".who")).to_contain_text("open data")


@pytest.mark.parametrize("path", ["/console/alarms", "/console/devices", "/console/device?path=little/probe"])
def test_a_session_that_ends_ends_what_its_pages_say(desk, city, path):
    """A page is for who opened it: when that session is over it opens anew for whoever it is now."""
    page = desk.open(path, token=city.tokens["keeper"])
    expect(page.locator(".who")).to_contain_text("keeper")
    ended = page.context.request.delete("/api/v1/session", headers={"Origin": city.url})
    assert ended.ok

    expect(page.locator(".who")).to_contain_text("open data", timeout=20_000)
    expect(page.get_by_role("button", name=re.compile("Acknowledge|Shelve"))).to_have_count(0)


def test_an_alarm_is_acknowledged(desk, city):
    """Who may, says who they are and why; it is on record, and the page says so. Who may not has no button."""
    reader = desk.open("/console/alarms", token=city.tokens["reader"])
    expect(reader.locator(".alarms li").first).to_be_visible()
    assert reader.get_by_role("button", name=re.compile("Acknowledge")).count() == 0
    page = desk.open("/console/alarms", token=city.tokens["keeper"])
    page.get_by_role("button", name=re.compile("Acknowledge: ")).first.click()
    page.get_by_label("Your name").fill("Ana <b>López</b>")
    page.get_by_label("Comment").fill("opened a window")
    page.get_by_role("dialog").get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_text("acknowledged by Ana <b>López</b>: opened a window")).to_be_visible()
    found = city.get("/api/v1/alarms", city.operator).json()["alarms"]

    expect(reader.get_by_text("opened a window")).to_be_visible(timeout=12_000)
    assert [one["comment"] for one in found if one["state"] == "acknowledged"] == ["opened a window"]


# --- without a browser --------------------------------------------------------------------------------------


def test_programs_get_the_list_of_routes(city):
    """What does not ask for HTML gets plain text at /, as ever."""
    for accept in ("*/*", "application/json", "text/plain"):
        answer = city.get("/", Accept=accept)
        assert answer.headers["content-type"].startswith("text/plain")
        assert "/api/v1/points" in answer.text


def test_a_page_guards_itself(city):
    """Each page has a policy with a nonce of its own, which all of its scripts have, and may be framed by nobody."""
    first, second = (city.get("/", **HTML) for _ in range(2))
    policy = first.headers["content-security-policy"]
    [nonce] = re.findall("'nonce-([^']+)'", policy)
    [scripts] = re.findall("script-src[^;]*", policy)

    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in scripts
    assert [one for one in re.findall(r"<script\b[^>]*", first.text) if f'nonce="{nonce}"' not in one] == []
    assert nonce not in second.headers["content-security-policy"]
    assert first.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "origin", [None, "http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1.evil.example"]
)
def test_a_strangers_page_opens_no_connection(city, origin):
    """A WebSocket comes from our own pages or not at all, whatever cookies come along."""
    url = city.url.replace("http", "ws") + "/_nicegui_ws/socket.io/?EIO=4&transport=websocket&client_id=x"
    with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
        websockets.sync.client.connect(url, origin=origin, proxy=None).close()

    assert refused.value.response.status_code == 403


def test_our_own_page_opens_one(city):
    """The same address from a page of ours is taken."""
    url = city.url.replace("http", "ws") + "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
    with websockets.sync.client.connect(url, origin=city.url, proxy=None) as one:
        hello = one.recv(timeout=5)

    assert json.loads(hello[1:])["sid"]


def test_there_is_no_other_way_in(city):
    """NiceGUI's polling, its uploads and pages of its own are not there."""
    polling = city.get("/_nicegui_ws/socket.io/?EIO=4&transport=polling")
    assert polling.status_code == 405
    assert city.get("/console/other", **HTML).status_code == 404
    assert city.get("/_nicegui/3.18.0/static/../../../etc/passwd").status_code == 404
