"""Dashboards as short text, for a reviewer: what stands where, in which unit, and what is asked.

`python -m tests.dashboards.shown` writes the snapshots anew.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboards.generate import Options, generate
from tests.dashboards.districts import demo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dashboards.generate import Dashboard

FOLDER = Path(__file__).parent / "snapshots"


def text_of(board: Dashboard) -> str:
    """Return a dashboard as text, one line for each thing that a person would notice."""
    return "\n".join(_lines(board)) + "\n"


def _lines(board: Dashboard) -> Iterator[str]:
    json = board.json
    yield f"{board.title} ({board.uid}), {json['timezone']}, {json['time']['from']}, every {json['refresh']}"
    for one in json["templating"]["list"]:
        yield f"choose {one['name']}: {one['query'][:100]}"
    for one in json["annotations"]["list"]:
        yield f"draw {one['name']}: {one['target']['query']}"
    for panel in json["panels"]:
        yield from _panel(panel)


def _panel(panel: dict[str, Any]) -> Iterator[str]:
    grid = panel["gridPos"]
    place = f"{grid['w']}x{grid['h']} at {grid['x']},{grid['y']}"
    yield f"\n{panel['type']} “{panel['title']}” {place} #{panel['id']}"
    defaults = panel.get("fieldConfig", {}).get("defaults", {})
    if panel.get("description"):
        yield f"  about: {panel['description']}"
    if defaults:
        steps = [f"{one['value']}:{one['color']}" for one in defaults.get("thresholds", {}).get("steps", ())]
        yield f"  unit: {defaults.get('unit')}, thresholds: {' '.join(steps)}, empty: {defaults.get('noValue')}"
        for link in defaults.get("links", ()):
            yield f"  leads to: {link['url']}"
    for one in panel.get("transformations", ()):
        yield f"  then: {one['id']}"
    for one in panel.get("targets", ()):
        yield f"  {one['refId']} [{one['datasource']['uid']}] {one['query']}"


def main() -> None:
    """Write the snapshots of the demo district."""
    FOLDER.mkdir(exist_ok=True)
    made = generate([demo()], Options())
    for old in FOLDER.glob("*.txt"):
        old.unlink()
    for board in made:
        (FOLDER / f"{board.name}.txt").write_text(text_of(board), "utf-8")
    sys.stdout.write(f"{len(made)} snapshots written\n")


if __name__ == "__main__":
    main()
