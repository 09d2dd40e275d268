"""A real browser in front of a real process; whatever a page does that it must not do fails its test."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests import ROOT
from tests.barrio.processes import environment
from tests.servers import need

START_WITHIN_S = 60
PATIENCE_MS = 30_000
"""How long a page may take to show what is expected, on a machine that does other things beside it."""
WIDTH, HEIGHT = 1280, 900
QUIET = ("--disable-background-networking", "--disable-component-update", "--no-first-run", "--disable-sync")


@dataclass
class City:
    """The process of `serving`: where it answers, and the tokens of READERS."""

    process: subprocess.Popen[str]
    folder: Path
    url: str
    tokens: dict[str, str]

    @property
    def operator(self) -> str:
        return (self.folder / "data" / "operator.token").read_text()

    def get(self, path: str, token: str = "", **headers: str) -> httpx.Response:
        shown = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.get(f"{self.url}{path}", headers=shown | headers, timeout=20, trust_env=False)

    def stop(self) -> int:
        """Ask it to end and return with what it did."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


def begun(folder: Path, lamps: int = 0, pages: int = 0) -> City:
    """Start the process, with so many lamps more and pages at most, and return when it answers."""
    with (folder / "err").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.barrio.console.serving", str(folder), str(lamps), str(pages)],
            cwd=ROOT,
            env=environment(BARRIO_LOG_LEVEL="info", HOME=str(folder / "home")),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, (folder / "err").read_text()
    city = City(process, folder, **json.loads(line))
    city.get("/healthz")
    return city


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """A Chromium without a window."""
    program = need("chromium")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(program), args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def city(tmp_path_factory) -> Iterator[City]:
    """The process that most tests look at."""
    found = begun(tmp_path_factory.mktemp("city"))
    yield found
    found.process.kill()
    found.process.communicate()


@dataclass
class Watch:
    """What a browser asked for and complained about."""

    urls: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def foreign(self) -> list[str]:
        """What was asked of anything but this machine."""
        return [one for one in self.urls if urlsplit(one).hostname not in {"127.0.0.1", None}]

    def wrong(self) -> list[str]:
        """What a page complained about that nobody expects."""
        return [one for one in self.complaints if not any(words in one for words in self.expected)]


class Desk:
    """Makes browsers that know nothing yet: of any language, width and token."""

    def __init__(self, chromium: Browser, city: City) -> None:
        self.chromium = chromium
        self.city = city
        self.watch = Watch()
        self._contexts: list[BrowserContext] = []

    def open(self, path: str = "/", token: str = "", lang: str = "en-GB", width: int = WIDTH, **more) -> Page:
        """Return a page that stands, signed in with the token."""
        context = self.chromium.new_context(
            base_url=self.city.url, locale=lang, viewport={"width": width, "height": HEIGHT}, **more
        )
        self._contexts.append(context)
        context.on("request", lambda request: self.watch.urls.append(request.url))
        if token:
            begun = context.request.post("/api/v1/session", data={"token": token})
            assert begun.ok, begun.text()
        page = context.new_page()
        page.on("websocket", lambda one: self.watch.urls.append(one.url))
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.watch.complaints.append(str(error)))
        visit(page, path)
        return page

    def _said(self, message) -> None:
        if message.type in {"error", "warning"}:
            self.watch.complaints.append(message.text)

    def close(self) -> None:
        for one in self._contexts:
            one.close()


def visit(page: Page, path: str) -> None:
    """Go to a page and return when it is drawn and connected."""
    page.goto(path)
    page.wait_for_selector("h1")
    page.wait_for_function("window.did_handshake === true")


@pytest.fixture
def desk(chromium, city) -> Iterator[Desk]:
    """Opens pages; at the end nothing left this machine, and no page complained."""
    found = Desk(chromium, city)
    yield found
    found.close()
    assert found.watch.foreign() == []
    assert found.watch.wrong() == []
