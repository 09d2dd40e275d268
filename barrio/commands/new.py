"""`barrio new connector NAME`: a working folder for one more protocol, with tests that pass."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

import connectors.conformance
from connectors.registry import Connectors
from twin.errors import StartError

TEMPLATE = "wordline"
"""Name that the template carries, in every file and in the names of its folders."""

_NAME = re.compile(r"[a-z][a-z0-9]{1,30}")
_SKIPPED = {"__pycache__", "conformance.json"}


def connector(name: str, folder: Path | None = None) -> list[str]:
    """Write `NAME/` into `folder` (here, when left out); returns lines that say what to do next.

    StartError when the name cannot be one, is taken, or something stands there already.
    """
    _check(name)
    target = (folder or Path()) / name
    if target.exists():
        raise StartError(f"{target} is there already: choose another name or --folder")
    for source in _files():
        path = target / _renamed(source.relative_to(template()).as_posix(), name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_renamed(source.read_text(encoding="utf-8"), name), encoding="utf-8")
    return [
        f"{target}: a connector that works; {target / 'README.md'} says what each file is for",
        f"next: cd {target} && pip install -e '.[test]' && pytest",
    ]


def template() -> Path:
    """Folder of the template."""
    return Path(str(connectors.conformance.__file__)).parent / "template"


def _files() -> list[Path]:
    files = (path for path in template().rglob("*") if path.is_file())
    return sorted(
        path for path in files if not _SKIPPED & set(path.parts) and not _hidden(path.relative_to(template()))
    )


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _renamed(text: str, name: str) -> str:
    return text.replace(TEMPLATE, name).replace(TEMPLATE.capitalize(), name.capitalize())


def _check(name: str) -> None:
    if _NAME.fullmatch(name) is None or keyword.iskeyword(name):
        meant = re.sub(r"[^a-z0-9]", "", name.lower()).lstrip("0123456789")
        hint = f" (did you mean {meant}?)" if _NAME.fullmatch(meant) and not keyword.iskeyword(meant) else ""
        words = "a connector's name is 2 to 31 of a-z and 0-9, beginning with a letter, as profiles write it"
        why = ", a word of Python" if keyword.iskeyword(name) else ""
        raise StartError(f"{words}; found {name!r}{why}{hint}")
    if name in Connectors():
        module = type(Connectors()[name]).__module__
        raise StartError(f"there is a connector {name!r} already, in {module}: a protocol has one")
