"""A table as a file that is whole or not there.

- It is written under another name (`.draft`), with its SHA-256 counted on the way.
- It gets its name when all of it is on the disk, and the name is on the disk before anybody is told.
- Whatever goes wrong before that, the draft is removed; one that a killed process left is removed at the next start.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from barrio import memory
from twin.files import Files, write_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from barrio.tables.forms import Form
    from barrio.tables.table import Part, Table

DRAFT = ".draft"
_GIVE_BACK = 200_000
"""Rows; after so many, what making them has left in memory is given back."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file that is whole: rows, bytes, and the SHA-256 of it in hex."""

    rows: int
    bytes: int
    sha256: str


def write(
    table: Table, form: Form, path: Path, watch: Callable[[int, int], None], files: Files | None = None
) -> Written:
    """Write a table to `path`; blocks. `watch` is told rows and bytes after each piece, and may raise to stop it.

    Raises what the parts of the table raise, and OSError.
    """
    files = files or Files()
    draft = path.with_name(path.name + DRAFT)
    with suppress(FileNotFoundError):
        files.unlink(draft)
    descriptor = files.open(draft, create=True)
    try:
        try:
            found = _write(table, form, descriptor, watch, files)
            files.sync(descriptor)
        finally:
            files.close(descriptor)
        files.rename(draft, path)
    except BaseException:
        with suppress(OSError):
            files.unlink(draft)
        raise
    files.sync_folder(path.parent)
    return found


def _write(
    table: Table, form: Form, descriptor: int, watch: Callable[[int, int], None], files: Files
) -> Written:
    counted, digest = _Counted(table.parts), hashlib.sha256()
    size = due = 0
    for piece in form.write(replace(table, parts=counted)):
        write_all(files, descriptor, piece, size)
        digest.update(piece)
        size += len(piece)
        watch(counted.rows, size)
        if counted.rows >= due:
            due = counted.rows + _GIVE_BACK
            memory.give_back()
    return Written(counted.rows, size, digest.hexdigest())


class _Counted:
    """Parts, and how many rows went through."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self._parts = parts
        self.rows = 0

    def __iter__(self) -> Iterator[Part]:
        for part in self._parts:
            self.rows += len(part)
            yield part
