"""Draw the pictures of `docs/dashboards.md` anew: `.venv/bin/python tools/dashboard_pictures.py`.

Starts an InfluxDB of its own, puts a simulated week of the demo district into it and draws every page of it, as
`barrio dashboards preview` does, into `docs/pictures/`. Takes about a minute.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
OUT = ROOT / "docs" / "pictures"
LARGEST = 400_000
CHOSEN: dict[str, dict[str, str]] = {"device": {"device": "cistern-b1"}}
"""The device that is shown on the page of a device: the one with a story."""


def main() -> int:
    """Load, draw, say what was drawn; 1 when a picture is too large for a page."""
    from dashboards.preview.ask import Asker, ask
    from dashboards.preview.draw import draw
    from tests.dashboards.loaded import boards, load
    from tests.servers import InfluxDB

    pages = boards()
    OUT.mkdir(exist_ok=True)
    too_large = 0
    with tempfile.TemporaryDirectory() as folder, InfluxDB(Path(folder)) as server:
        loaded = load(server.url)
        with Asker(loaded.sources) as asker:
            for board in pages:
                page = board.name.removeprefix("ciudad-maderas-")
                found = ask(board.json, asker, loaded.now_ms, values=CHOSEN.get(page))
                picture = draw(found, "png")
                (OUT / f"{page}.png").write_bytes(picture)
                too_large += len(picture) > LARGEST
                print(f"docs/pictures/{page}.png  {len(picture) // 1000} kB")
    return int(too_large > 0)


if __name__ == "__main__":
    sys.exit(main())
