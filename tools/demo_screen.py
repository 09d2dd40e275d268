"""Writes docs/demo-screen.txt: the live view of a real demo, as it stands after a while.

Run it with the Python that barrio is installed in: .venv/bin/python tools/demo_screen.py [SECONDS]
"""

import io
import sys
from pathlib import Path

from rich.console import Console

from barrio.demo.command import Asked, demo
from barrio.demo.view import View

TARGET = Path(__file__).parent.parent / "docs" / "demo-screen.txt"
WIDTH, HEIGHT = 110, 60


def main() -> None:
    """Run a demo whose view is drawn into memory, and keep the last picture."""
    seconds = sys.argv[1] if len(sys.argv) > 1 else "25"
    console = Console(file=io.StringIO(), force_terminal=True, width=WIDTH, height=HEIGHT)
    pictures: list[str] = []
    draw = View.draw

    def kept(view: View) -> object:
        found = draw(view)
        paper = Console(file=io.StringIO(), record=True, width=WIDTH)
        paper.print(found)
        pictures.append(paper.export_text())
        return found

    View.draw = kept  # type: ignore[method-assign, assignment]
    as_json = False
    asked = Asked("ciudad-maderas", f"{seconds}s", as_json, None, None, None, None, 1, 1.0, [])
    demo(asked, console)
    TARGET.write_text(pictures[-1], encoding="utf-8")
    print(pictures[-1])


if __name__ == "__main__":
    main()
