"""Draw the pictures of `docs/console.md` anew: `.venv/bin/python tools/console_pictures.py`.

Puts a simulated week of the demo district into a data folder, runs the demo with it until what goes wrong has raised
alarms, and looks at the console with Chromium, into `docs/pictures/console-*.png`. Takes about two minutes.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, ViewportSize

OUT = ROOT / "docs" / "pictures"
LARGEST = 200_000
DISTRICT = "ciudad-maderas"
FAULTS = ("drain:cistern-b1@10s=110", "fails:cabinet-1@22s")
"""As in the story of the demo (docs/story.md), but nobody comes to help."""
WATCHED_S = 60.0
CISTERN = f"{DISTRICT}/cistern-b1"


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: which page, how wide, in which light and language."""

    name: str
    path: str
    width: int = 1180
    height: int = 800
    scheme: Literal["light", "dark"] = "light"
    lang: str = "en-GB"


PICTURES = (
    Picture("alarms", "/console/alarms", height=760),
    Picture("why", f"/console/why?point={DISTRICT}/cabinet-1/active_power", height=760),
    Picture("map", "/", height=760),
    Picture("phone", "/", width=390, height=1280, scheme="dark", lang="es-MX"),
    Picture("device", f"/console/device?path={CISTERN}", height=760),
    Picture("point", f"/console/point?path={CISTERN}/level&from=-7d", height=700),
    Picture(
        "dark", f"/console/point?path={DISTRICT}/met-1/air_temperature&from=-24h", height=700, scheme="dark"
    ),
    Picture("api", "/console/api", height=900),
)


async def fill(folder: Path) -> None:
    """Put a week that ends now into a data folder."""
    import numpy as np

    from barrio.assembly import load_all, profiles_folder
    from barrio.platform import Platform
    from barrio.settings import Settings
    from connectors.registry import Connectors
    from tests.dashboards.week import batches, demo, simulate
    from twin.clock import SystemClock
    from twin.model.quantities import Aggregation

    week = simulate(demo(), time.time() - 60)
    connectors = Connectors()
    districts = load_all([DISTRICT], Path(), connectors, profiles_folder())
    async with Platform(districts, Settings(data=folder), connectors, SystemClock()) as platform:
        own = {path: item.id for path, item in platform.catalogue.points.items()}
        number = np.zeros(max(one.id for one in week.series) + 1, np.int32)
        for one in week.series:
            if one.quantity.aggregation is not Aggregation.STATE:
                number[one.id] = own.get(one.path, 0)
        for batch in batches(week, 600):
            kept = batch.take(number[batch.ids] > 0)
            await platform.in_thread("store", platform.store.write, replace(kept, ids=number[kept.ids]))


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Run the demo on a data folder; yield its address when it answers."""
    command = [sys.executable, "-m", "barrio", "demo", "--data", str(folder), "--listen", "127.0.0.1:0"]
    command += ["--no-story", "--json", *(word for one in FAULTS for word in ("--fault", one))]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        found: dict[str, Any] = {}
        while "http" not in found:
            time.sleep(0.2)
            file = folder / "platform.json"
            found = json.loads(file.read_text() or "{}") if file.exists() else {}
        yield found["http"]
    finally:
        process.terminate()
        process.wait(30)


def draw(browser: Browser, url: str, token: str, one: Picture) -> int:
    """Draw one picture and return its size in bytes."""
    size: ViewportSize = {"width": one.width, "height": one.height}
    context = browser.new_context(base_url=url, viewport=size, color_scheme=one.scheme, locale=one.lang)
    context.request.post("/api/v1/session", data={"token": token})
    page = context.new_page()
    page.goto(one.path)
    page.wait_for_function("window.did_handshake === true")
    page.wait_for_timeout(600)
    if one.name == "api":
        page.get_by_label("Question").select_option("GET /api/v1/points/{path}/latest")
        page.locator("#ask-path").fill(f"{CISTERN}/level")
        page.get_by_role("button", name="Try it").click()
        page.wait_for_timeout(500)
    found = page.screenshot(path=OUT / f"console-{one.name}.png")
    context.close()
    return len(found)


def main() -> int:
    """Fill, run, draw, say what was drawn; 1 when a picture is too large for a page."""
    from playwright.sync_api import sync_playwright

    from tests.servers import need

    too_large = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "data"
        asyncio.run(fill(folder))
        with running(folder) as url, sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=str(need("chromium")))
            time.sleep(WATCHED_S)
            token = (folder / "operator.token").read_text("utf-8")
            for one in PICTURES:
                size = draw(browser, url, token, one)
                too_large += size > LARGEST
                print(f"docs/pictures/console-{one.name}.png  {size // 1000} kB")
            browser.close()
    return int(too_large > 0)


if __name__ == "__main__":
    sys.exit(main())
