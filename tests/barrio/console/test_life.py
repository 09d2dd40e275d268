"""The console costs nothing until it is opened, and ends with the process."""

import subprocess
import sys
import time

import httpx
import psutil
import pytest
from playwright.sync_api import expect

from barrio.console.shell import KEPT_FREE, MOST_OF_AN_ADDRESS, MOST_PAGES, NEVER_CONNECTED_S
from tests import ROOT
from tests.barrio.api.test_further import LOOKS
from tests.barrio.console.conftest import Desk, begun
from tests.barrio.processes import environment

PAGE = {"Accept": "text/html"}
ENDS_WITHIN_S = 15.0
PAGES = 20
OF_AN_ADDRESS = PAGES // 4


@pytest.fixture
def own(tmp_path):
    """A process for one test."""
    found = begun(tmp_path)
    yield found
    found.process.kill()
    found.process.communicate()


@pytest.fixture
def narrow(tmp_path):
    """A process for one test, in which few pages may be open: they are opened long before one makes room."""
    found = begun(tmp_path, pages=PAGES)
    yield found
    found.process.kill()
    found.process.communicate()


def test_nothing_of_it_is_imported_before_somebody_looks():
    """An application that was made holds neither NiceGUI nor the pages; the part that stands before it is small."""
    done = subprocess.run([sys.executable, "-c", LOOKS], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()

    assert "barrio.console.front" in loaded
    assert [
        one for one in loaded if one.startswith(("nicegui", "socketio", "jinja2", "barrio.console.shell"))
    ] == []


def _resting(process):
    """Return the memory that a process holds once it has started: then it grows by little within a second."""
    before, until = process.memory_info().rss, time.monotonic() + 20
    while time.monotonic() < until:
        time.sleep(1)
        held = process.memory_info().rss
        if abs(held - before) < 2**18:
            return held
        before = held
    return before


def test_a_program_at_the_root_starts_nothing(own):
    """Programs that ask and pages that are opened are told apart: only the latter cost memory."""
    process = psutil.Process(own.process.pid)
    before = _resting(process)
    assert own.get("/").text.startswith("barrio ")
    asked = process.memory_info().rss - before
    assert own.get("/", **PAGE).text.startswith("<!doctype html>")
    opened = process.memory_info().rss - before

    assert asked < 3e6
    assert opened < 60e6


def test_it_ends_in_time_with_pages_open(own, chromium):
    """A process that is asked to stop ends with 0, whatever stands open in browsers, and leaves no file behind."""
    desk = Desk(chromium, own)
    pages = [
        desk.open(path, token=own.tokens["reader"]) for path in ("/", "/console/alarms", "/console/devices")
    ]
    began = time.monotonic()
    ended = own.stop()
    took = time.monotonic() - began
    words = (own.folder / "err").read_text()
    expect(pages[0].locator("#popup")).to_have_attribute("aria-hidden", "false")
    desk.close()

    assert ended == 0
    assert took < ENDS_WITHIN_S
    assert "Traceback" not in words
    assert "Task was destroyed" not in words
    assert not (own.folder / "home").exists()
    assert not (own.folder / "data" / "console").exists()


def test_so_many_pages_are_open_and_no_more(narrow):
    """Pages whose browsers never came back make room after a while; until then others are asked to wait."""
    headers = PAGE | {"Authorization": f"Bearer {narrow.operator}"}
    with httpx.Client(base_url=narrow.url, headers=headers, trust_env=False, timeout=30) as client:
        codes = [client.get("/console/sign-in").status_code for _ in range(PAGES + 1)]
        last = client.get("/console/sign-in")
        assert client.get("/api/v1/points").status_code == 200
        time.sleep(NEVER_CONNECTED_S + 1)
        after = client.get("/console/sign-in").status_code

    assert codes == [200] * PAGES + [503]
    assert (last.status_code, last.headers["retry-after"]) == (503, "60")
    assert after == 200


def test_whoever_shows_no_token_keeps_nobody_out(narrow):
    """One address has so many pages, all of them together leave some to those who are known."""
    with httpx.Client(base_url=narrow.url, headers=PAGE, trust_env=False, timeout=30) as client:
        mine = [client.get("/").status_code for _ in range(OF_AN_ADDRESS + 1)]
        for number in range(1, 4):
            away = {"X-Forwarded-For": f"192.0.2.{number}"}
            theirs = [client.get("/", headers=away).status_code for _ in range(OF_AN_ADDRESS)]
        known = client.get("/", headers={"Authorization": f"Bearer {narrow.operator}"}).status_code

    assert mine == [200] * OF_AN_ADDRESS + [503]
    assert theirs[-1] == 503
    assert known == 200


def test_the_numbers_are_those_of_the_documentation():
    """So many pages are open at once, of those without a token, and from one address."""
    rest = MOST_PAGES - KEPT_FREE
    words = f"{MOST_PAGES} in all, of those who show no token {rest}, and {MOST_OF_AN_ADDRESS} from one"

    assert words in (ROOT / "docs" / "console.md").read_text("utf-8")


def test_it_can_be_switched_off(tmp_path):
    """With BARRIO_CONSOLE=off there is no page, also for browsers."""
    code = LOOKS.replace(
        "    print(*sorted(sys.modules))",
        "    app = create_app(Platform(districts, Settings(data=folder / 'other'), connectors, SystemClock()))\n"
        "    print([one.cls.__name__ for one in app.user_middleware])",
    )
    done = [
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env=environment(BARRIO_CONSOLE=state),
        ).stdout
        for state in ("on", "off")
    ]

    assert ["Front" in one for one in done] == [True, False]
