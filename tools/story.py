"""Writes the output blocks of docs/story.md anew: runs the demo for its two minutes and asks what the page asks.

Run it with the Python that barrio is installed in: .venv/bin/python tools/story.py

A block of the page follows a line `<!-- story: WHEN: COMMAND -->` or `<!-- story: WHEN, N lines: COMMAND -->`. WHEN is
a second of the demo (`42s`) or `end`; {before} and {during} in a command are moments before and while the cabinet was
silent, on the district's clock.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo

PAGE = Path(__file__).parent.parent / "docs" / "story.md"
BARRIO = Path(sys.executable).with_name("barrio")
LASTS_S = 120
WIDEST = 150
_BLOCK = re.compile(
    r"<!-- story: (?P<when>end|\d+s)(?:, (?P<lines>\d+) lines)?: (?P<command>[^\n]+) -->\n```text\n.*?^```\n",
    re.DOTALL | re.MULTILINE,
)
_ZONE = ZoneInfo("America/Mexico_City")


@dataclass(frozen=True)
class Block:
    """One command of the page; `second` is None for those that are asked at the end."""

    second: int | None
    lines: int | None
    command: str


def blocks(page: str) -> list[Block]:
    """Return what the page asks, in its order."""
    found = []
    for match in _BLOCK.finditer(page):
        second = None if match["when"] == "end" else int(match["when"][:-1])
        found.append(Block(second, int(match["lines"]) if match["lines"] else None, match["command"]))
    return found


def main() -> None:
    """Run the demo, ask, and write the page."""
    page = PAGE.read_text(encoding="utf-8")
    asked = blocks(page)
    with tempfile.TemporaryDirectory(prefix="barrio-story-") as folder:
        answers = told(asked, Path(folder))
    found = iter([answers[block] for block in asked])
    PAGE.write_text(_BLOCK.sub(lambda match: _written(match, next(found)), page), encoding="utf-8")


def told(asked: list[Block], folder: Path) -> dict[Block, str]:
    """Return the answer to each block, from one demo in a folder of its own."""
    out = folder / "story.json"
    with out.open("w") as sink:
        demo = _demo(folder, sink)
        try:
            began = _began(folder, demo)
            answers = {block: _at(block, began, folder) for block in _live(asked)}
            code = demo.wait(LASTS_S + 60)
        finally:
            demo.kill()
    if code:
        sys.exit(f"story: the demo ended with exit code {code}\n{(folder / 'log').read_text()[-3000:]}")
    moments = _moments(folder)
    story = _story(json.loads(out.read_text()))
    for block in asked:
        if block.second is None:
            answers[block] = story if block.command == "story" else _say(block, folder, moments)
    return answers


def _demo(folder: Path, sink: IO[str]) -> subprocess.Popen[bytes]:
    words = ["demo", "--for", f"{LASTS_S}s", "--json", "--data", "data", "--listen", "127.0.0.1:0"]
    with (folder / "log").open("w") as log:
        return subprocess.Popen([BARRIO, *words], cwd=folder, stdout=sink, stderr=log)


def _began(folder: Path, demo: subprocess.Popen[bytes]) -> float:
    """Return when the platform had started, monotonic."""
    while not any((folder / "data").glob("platform*.json")):
        if demo.poll() is not None:
            sys.exit("story: the demo did not start")
        time.sleep(0.05)
    return time.monotonic()


def _live(asked: list[Block]) -> list[Block]:
    return sorted((block for block in asked if block.second is not None), key=lambda block: block.second or 0)


def _at(block: Block, began: float, folder: Path) -> str:
    time.sleep(max(0.0, began + (block.second or 0) - time.monotonic()))
    return _say(block, folder, {})


def _say(block: Block, folder: Path, moments: dict[str, str]) -> str:
    command = block.command.format(**moments)
    done = subprocess.run(
        [BARRIO, *shlex.split(command)[1:], "--data", "data"],
        check=False,
        cwd=folder,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        sys.exit(f"story: {command}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return f"$ {command} --data data\n{_cut(done.stdout, block.lines)}"


def _cut(text: str, most: int | None) -> str:
    lines = [line[: WIDEST - 1] + "…" if len(line) > WIDEST else line for line in text.rstrip().splitlines()]
    if most is not None and len(lines) > most:
        lines = [*lines[:most], "…"]
    return "\n".join(lines) + "\n"


def _moments(folder: Path) -> dict[str, str]:
    """Return moments before and while the cabinet was silent, as a person writes them."""
    words = ["alarms", "history", "--json", "--data", "data"]
    done = subprocess.run([BARRIO, *words], cwd=folder, capture_output=True, text=True, check=True)
    changes: list[dict[str, Any]] = json.loads(done.stdout)["changes"]
    raised = min(one["at"] for one in changes if one["rule"] == "cabinet-silent" and one["event"] == "raised")
    at = datetime.fromisoformat(raised).astimezone(_ZONE)
    return {
        name: (at + timedelta(seconds=after)).strftime("%Y-%m-%dT%H:%M:%S")
        for name, after in (("before", -10), ("during", 20))
    }


def _story(body: dict[str, Any]) -> str:
    """Return what the demo wrote down, a line each."""
    rows = [
        (f"{one['at_s']:5.1f}", one["kind"], one["what"].rpartition("maderas/")[2], one["words"])
        for one in body["story"]
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True)) for row in rows
    )
    return "$ barrio demo --for 2m --json --data data\n" + _cut("\n".join(lines), None)


def _written(match: re.Match[str], answer: str) -> str:
    head = match[0].partition("\n")[0]
    return f"{head}\n```text\n{answer}```\n"


if __name__ == "__main__":
    main()
