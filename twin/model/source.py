"""What somebody wrote, as plain data with the line of everything in it, so that a fault can name its place."""

from __future__ import annotations

import difflib
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from twin.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

MAX_BYTES = 8_000_000
_LONGEST_SHOWN = 60
_LONGEST_PART = 80
_NEAR = 0.5

Key = str | int
Where = tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """Plain data of one file, and the line at which each path in it begins.

    Keys of mappings are text in paths, whatever they are in the data; numbers in paths are positions in lists. A
    table (CSV) is a list of rows and knows only the lines of its rows. Data that was laid over other data keeps in
    `inherited` the files of the paths that were written elsewhere.
    """

    path: Path
    data: Any
    lines: Mapping[Where, int]
    is_table: bool = False
    inherited: Mapping[Where, Path] = field(default_factory=dict)

    def line(self, where: Where) -> int:
        """Line of a path, or of the nearest one above it that was written."""
        return self.origin(where)[1]

    def origin(self, where: Where) -> tuple[Path, int]:
        """File and line of a path, or of the nearest one above it that was written."""
        for length in range(len(where), -1, -1):
            found = self.lines.get(where[:length])
            if found is not None:
                return self.inherited.get(where[:length], self.path), found
        return self.path, 1

    def listed(self, key: str) -> list[tuple[Where, Any]]:
        """Items of the list under a key with their places; none when there is no list."""
        found = self.data.get(key) if isinstance(self.data, dict) else None
        return [((key, index), item) for index, item in enumerate(found)] if isinstance(found, list) else []


class Place(NamedTuple):
    """Where something was written."""

    source: Source
    where: Where

    def at(self, *keys: Key) -> Place:
        """Return a place inside this one."""
        return Place(self.source, (*self.where, *keys))

    @property
    def line(self) -> int:
        """Its line, or that of the nearest place around it."""
        return self.source.line(self.where)

    @property
    def file(self) -> Path:
        """The file that the line is in."""
        return self.source.origin(self.where)[0]


@dataclass(slots=True)
class Faults:
    """Collects everything that is wrong, each thing once."""

    _found: dict[Fault, None] = field(default_factory=dict)

    @property
    def found(self) -> list[Fault]:
        """All faults so far, file by file in the order in which they were read, by line."""
        files = {
            path: number for number, path in enumerate(dict.fromkeys(fault.file for fault in self._found))
        }
        return sorted(self._found, key=lambda fault: (files[fault.file], fault.line))

    def __len__(self) -> int:
        """Number of faults so far."""
        return len(self._found)

    def add(self, place: Place, message: str) -> None:
        """Add a fault at a place in a source."""
        file, line = place.source.origin(place.where)
        self._found[Fault(file, line, dotted(place.where), message)] = None

    def add_file(self, path: Path, message: str, line: int = 1) -> None:
        """Add a fault of a file that could not be read as a whole."""
        self._found[Fault(path, line, "(file)", message)] = None


def read_text(path: Path, faults: Faults) -> str | None:
    """Return the text of a regular file of UTF-8, or None with the reason among the faults."""
    try:
        if path.exists() and not path.is_file():
            faults.add_file(path, "is not a file")
            return None
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        faults.add_file(path, f"cannot be read: {(error.strerror or 'unreadable').lower()}")
        return None
    if len(raw) > MAX_BYTES:
        faults.add_file(path, f"is larger than {MAX_BYTES:,} bytes")
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        faults.add_file(path, "is not UTF-8 text", raw[: error.start].count(b"\n") + 1)
        return None


def is_text(value: str) -> bool:
    """Whether a value can be shown and stored: no control characters but tab and new line, no half characters."""
    return value.isprintable() or not any(
        unicodedata.category(char) in {"Cc", "Cs"} and char not in "\n\t" for char in value
    )


def dotted(where: Where) -> str:
    """Return `devices[2].profile` for `("devices", 2, "profile")`."""
    text = ""
    for key in where:
        text += f"[{key}]" if isinstance(key, int) else f".{_plain(key)}" if text else _plain(key)
    return text or "(file)"


def suggest(found: str, known: Iterable[str]) -> str:
    """Return ` (did you mean X?)` with the nearest known name, or nothing."""
    if len(found) > _LONGEST_SHOWN:
        return ""
    near = difflib.get_close_matches(found, list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def suggest_path(found: str, known: Iterable[str]) -> str:
    """Return as `suggest` does the nearest of many paths, district/device/point.

    Looked for level by level: comparing with 10,000 whole paths takes a third of a second.
    """
    match: list[str] = []
    levels = dict.fromkeys(known)
    for part in found.strip("/").split("/", 2):
        names = dict.fromkeys(one.split("/", 1)[0] for one in levels)
        near = [part] if part in names else difflib.get_close_matches(part[:_LONGEST_PART], names, 1, _NEAR)
        if not near:
            return ""
        match += near
        levels = {one.partition("/")[2]: None for one in levels if one.startswith(f"{near[0]}/")}
    return f" (did you mean {'/'.join(match)}?)"


def shown(value: object) -> str:
    """Return a value as a person would write it, on one line and not too long."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, dict)):
        return f"{'a' if value else 'an empty'} {'list' if isinstance(value, list) else 'mapping'}"
    text = repr(value[: 2 * _LONGEST_SHOWN] if isinstance(value, str) else value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


def _plain(key: str) -> str:
    return key if key.isprintable() and 0 < len(key) <= _LONGEST_SHOWN else shown(key)
