"""The examples of `docs/utilities.md`: taken from the page, run as one script a language, and what each printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PAGE = Path(__file__).parents[3] / "docs" / "utilities.md"
ADDRESS = "http://127.0.0.1:8080"
"""Where barrio answers on the page."""
COMMANDS: Mapping[str, Sequence[str]] = {
    "sh": ["bash", "-euo", "pipefail"],
    "python": [sys.executable],
    "r": ["Rscript", "--vanilla"],
}
BETWEEN: Mapping[str, str] = {
    "sh": "printf '\\n%s\\n' '{}'",
    "python": "print('\\n{}', flush=True)",
    "r": "cat('\\n{}\\n')",
}
MARK = "---- the next example of the page ----"
KEPT = '\nprintf %s "$TOKEN" >token\n'
WITHIN_S = 120.0
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Example:
    """A fenced block in a language at a line of the page, and the output that stands below it, None where none does."""

    language: str
    text: str
    shown: str | None
    line: int


def examples(page: str) -> list[Example]:
    """Return the examples of a page in their order; ValueError for an output without one."""
    found: list[Example] = []
    for match in _FENCE.finditer(page):
        language, body = match.groups()
        line = page.count("\n", 0, match.start()) + 1
        if language != "text":
            found.append(Example(language, body, None, line))
        elif not found or found[-1].shown is not None:
            raise ValueError(f"line {line}: an output without an example")
        else:
            last = found.pop()
            found.append(Example(last.language, last.text, body, last.line))
    return found


def of(language: str) -> list[Example]:
    """Return the examples of the page in one language."""
    return [one for one in examples(PAGE.read_text(encoding="utf-8")) if one.language == language]


def run(language: str, url: str, folder: Path, token: str = "") -> list[str]:
    """Run the examples in one language, as one script in a folder; returns what each printed.

    Those of the shell make the token, which is in the file `token` afterwards. AssertionError with all that was said
    when the script fails.
    """
    between = "\n" + BETWEEN[language].format(MARK) + "\n"
    script = between.join(one.text for one in of(language)).replace(ADDRESS, url)
    file = folder / f"examples.{language}"
    file.write_text(script + (KEPT if language == "sh" else ""), encoding="utf-8")
    done = subprocess.run(
        [*COMMANDS[language], str(file)],
        cwd=folder,
        env=_environment(folder, token),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return [one.strip("\n") for one in done.stdout.split(f"\n{MARK}\n")]


def _environment(folder: Path, token: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{own.get('PATH', '')}"
    further = {"PATH": path, "BARRIO_DATA": str(folder / "data"), "TZ": "UTC", "LC_ALL": "C.UTF-8"}
    return own | further | ({"TOKEN": token} if token else {})


def same(shown: str, printed: str) -> bool:
    """Whether an output is as shown; `…` stands for anything, blanks at the end of a line for nothing."""
    parts = [re.escape(one) for one in _trimmed(shown).split("…")]
    return re.fullmatch(".*?".join(parts), _trimmed(printed), re.DOTALL) is not None


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")
