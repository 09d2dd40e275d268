"""The audit log: every step of every command, and what else people do, each line chained to the one before by SHA-256.

What holds of it:

- A line is JSON in one fixed form: keys sorted, no blanks. `n` counts from 1, `hash` is the SHA-256 of the hash before
  and of the line without `hash`. So one changed byte, a line that is missing, added or moved breaks the chain at a line
  that `verify` names.
- `audit.head` keeps how many lines there are and the last hash. A log that lost its end is shorter than that.
- Lines and head are on the disk before `append` returns; the log first, so that after a crash the head may be behind,
  not ahead. Lines behind the head are said by `verify` and taken over, on record, when the log is opened.
- A last line that was not written to its end, as a crash or a full disk leaves it, is moved to a file beside, and that
  is on record.
- A log whose end is otherwise wrong is moved aside as it is and a new one begins with its name and the head that it
  had. Nothing is ever repaired.

It shows that something was changed, not who did it: whoever may write both files may write both anew. A copy of the
head elsewhere (`barrio audit verify` prints it) is proof against that.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from twin.chain import NO_HASH, Head, Verdict, backwards, checked, head_of, read_head, sealed, verify
from twin.errors import StartError, TransientError
from twin.files import Files, write_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


PLATFORM = "platform"
"""`kind` of entries that are not about a command: exports, tokens, webhooks, what was acknowledged or decided …"""


class NotAudited(TransientError):
    """Raised when a step could not be put on record (disk full): then it must not be taken."""


class Audit:
    """The audit log of one data folder; methods block on the disk. `remarks` say what was found when it was opened."""

    def __init__(self, path: Path, files: Files | None = None) -> None:
        self.path = path
        self.remarks: list[str] = []
        self._files = files or Files()
        self._descriptor = -1
        self._end = (Head(), 0)
        self._broken = ""

    @property
    def head(self) -> Head:
        """Head of what is on record."""
        return self._end[0]

    def open(self, *, at_rest: bool = False) -> None:
        """Open the log, or begin one; StartError when that cannot be done. `at_rest` it is only read."""
        if at_rest:
            return
        try:
            self._open()
        except OSError as error:
            words = os.strerror(error.errno or 0).lower()
            raise StartError(f"cannot open {self.path}: {words}") from error

    def append(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Put entries on record, in order, all or none; `NotAudited` when the disk does not take them."""
        if self._broken:
            raise NotAudited(self.path.name, self._broken)
        (head, size), data = self._end, bytearray()
        for entry in entries:
            line, head = sealed(head, entry)
            data += line
        try:
            write_all(self._files, self._descriptor, bytes(data), size)
            self._files.sync(self._descriptor)
            self._write_head(head)
        except OSError as error:
            words = f"the audit log cannot be written: {os.strerror(error.errno or 0).lower()}"
            self._take_back(words)
            raise NotAudited(self.path.name, words) from error
        self._end = head, size + len(data)

    def verify(self) -> Verdict:
        """Verify what is on record, also while more is being written; OSError when it cannot be read."""
        return verify(self.path, self._end if self._descriptor >= 0 else None)

    def close(self) -> None:
        """Close the log; a second time does nothing."""
        if self._descriptor >= 0:
            self._files.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> None:
        stood = read_head(self.path)
        if self.path.exists() and (words := self._take_over(stood)):
            aside = _free_name(self.path, "damaged")
            self._files.rename(self.path, aside)
            known = f", its head was {stood.count} {stood.hash}" if stood else ""
            self.remarks.append(f"{words}; it was moved to {aside.name}{known}; this log begins anew")
        elif stood is not None and stood.count and not self.path.exists():
            self.remarks.append(f"the log before this one is gone, its head was {stood.count} {stood.hash}")
        create = not self.path.exists()
        self._descriptor = self._files.open(self.path, create=create)
        if create:
            self._end = Head(), 0
            self._write_head(Head())
        self._files.sync_folder(self.path.parent)

    def _take_over(self, stood: Head | None) -> str:
        """Take over the end of the log; returns why that cannot be done, empty when it was."""
        found = _Tail(self.path)
        if found.words:
            return found.words
        if stood is not None and found.head.count < stood.count:
            return f"the log has {found.head.count} lines, its head knows {stood.count}"
        if stood is not None and found.head.count == stood.count and found.head != stood:
            return "the last line is not the one that the head knows"
        if found.torn:
            self._set_torn_aside(found)
        name = head_of(self.path).name
        if stood is None and found.head.count:
            self.remarks.append(f"{name} was missing or damaged, the log has {found.head.count} lines")
        elif stood is not None and found.head.count > stood.count:
            more = found.head.count - stood.count
            self.remarks.append(f"the last {more} lines were not in {name} yet")
        self._end = found.head, found.size
        if stood != found.head:
            self._write_head(found.head)
        return ""

    def _set_torn_aside(self, found: _Tail) -> None:
        aside = _free_name(self.path, "torn")
        aside.write_bytes(found.torn)
        descriptor = self._files.open(self.path)
        try:
            self._files.truncate(descriptor, found.size)
            self._files.sync(descriptor)
        finally:
            self._files.close(descriptor)
        words = f"the last line was not written to its end: its {len(found.torn)} bytes are in {aside.name}"
        self.remarks.append(words)

    def _take_back(self, words: str) -> None:
        """Remove what was written by halves, so that the next line follows the last whole one."""
        try:
            self._files.truncate(self._descriptor, self._end[1])
            self._files.sync(self._descriptor)
            self._write_head(self.head)
        except OSError:
            with suppress(OSError):
                self._files.truncate(self._descriptor, self._end[1])
            self._broken = words

    def _write_head(self, head: Head) -> None:
        path = head_of(self.path)
        create = not path.exists()
        descriptor = self._files.open(path, create=create)
        try:
            write_all(self._files, descriptor, bytes(head), 0)
            self._files.truncate(descriptor, len(bytes(head)))
            self._files.sync(descriptor)
        finally:
            self._files.close(descriptor)


class _Tail:
    """The end of a log: the head that its last whole line makes, what follows that, and how long it is without."""

    def __init__(self, path: Path) -> None:
        self.size = path.stat().st_size
        self.head = Head()
        self.torn = b""
        self.words = ""
        lines = backwards(path)
        line = next(lines, b"")
        if line and not line.endswith(b"\n"):
            self.torn = line
            self.size -= len(line)
            line = next(lines, b"")
        if line:
            self._judge(line[:-1], next(lines, b"")[:-1])

    def _judge(self, line: bytes, before: bytes) -> None:
        try:
            count = int(json.loads(line)["n"])
            previous = str(json.loads(before)["hash"]) if before else NO_HASH
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            self.words = "the end of the log cannot be read"
            return
        self.head, words = checked(Head(count - 1, previous), line)
        self.words = words and f"the last line {words}"


def _free_name(path: Path, word: str) -> Path:
    number = 1
    while (found := path.with_name(f"{path.name}.{word}-{number}")).exists():
        number += 1
    return found
