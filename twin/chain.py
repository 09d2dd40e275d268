"""Lines that are chained to one another by SHA-256, and how they are verified; see `twin.audit`."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twin.clock import rfc3339
from twin.words import storable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

NO_HASH = "0" * 64
LONGEST = 65_536
_BLOCK = 65_536


@dataclass(frozen=True, slots=True)
class Head:
    """How many lines there are, and the hash of the last one."""

    count: int = 0
    hash: str = NO_HASH

    def __bytes__(self) -> bytes:
        """Return the text of its file: always as long, so that a write is whole or does not happen."""
        return f"{self.count:020d} {self.hash}\n".encode()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify` found: `line` is the first that is wrong, 0 when all is well; `words` say what is wrong with it.

    `lines` and `head` are what is sound up to there; `remark` says what is unusual and yet not wrong.
    """

    lines: int
    head: str
    line: int = 0
    words: str = ""
    remark: str = ""

    @property
    def sound(self) -> bool:
        """Whether the log is as it was written."""
        return not self.line


def sealed(before: Head, entry: Mapping[str, Any]) -> tuple[bytes, Head]:
    """Return the line of an entry after `before`, and the head that it makes."""
    content = {**entry, "n": before.count + 1}
    digest = _digest(before.hash, _canonical(content))
    return _canonical({**content, "hash": digest}) + b"\n", Head(before.count + 1, digest)


def checked(before: Head, line: bytes) -> tuple[Head, str]:
    """Return the head after a line (without its end), and what is wrong with it, empty when nothing is."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return before, "is not JSON"
    if not isinstance(entry, dict) or entry.pop("hash", None) is None:
        return before, "is no entry"
    if entry.get("n") != before.count + 1:
        return before, f"has number {entry.get('n')!r} where {before.count + 1} belongs"
    digest = _digest(before.hash, _canonical(entry))
    if _canonical({**entry, "hash": digest}) != line:
        return before, "does not fit its hash or the line before it: it was changed"
    return Head(before.count + 1, digest), ""


def verify(path: Path, now: tuple[Head, int] | None = None) -> Verdict:
    """Read a whole log and compare each line with its hash and the one before; OSError when it cannot be read.

    `now` are the head and the length of a log that is being written: what comes after that is left alone.
    """
    name = head_of(path).name
    stood = read_head(path)
    if stood is None or (not stood.count and stood.hash != NO_HASH):
        return Verdict(0, NO_HASH, 1, f"{name} is missing or damaged")
    rest = path.stat().st_size
    if now is not None:
        stood, rest = now
    head = Head()
    with path.open("rb") as file:
        while line := file.readline(min(LONGEST + 1, rest)):
            rest -= len(line)
            found, words = _judged(head, line)
            if words:
                return Verdict(head.count, head.hash, head.count + 1, words)
            head = found
            if head.count == stood.count and head != stood:
                return Verdict(head.count - 1, head.hash, head.count, f"is not the one that {name} knows")
    if head.count < stood.count:
        words = f"is missing: {name} knows {stood.count} lines, there are {head.count}"
        return Verdict(head.count, head.hash, head.count + 1, words)
    more = head.count - stood.count
    return Verdict(
        head.count, head.hash, remark=f"the last {more} lines are not in {name} yet" if more else ""
    )


def _judged(head: Head, line: bytes) -> tuple[Head, str]:
    if line.endswith(b"\n"):
        return checked(head, line[:-1])
    return head, "is too long" if len(line) > LONGEST else "was not written to its end"


def read_head(path: Path) -> Head | None:
    """Return what the head of a log says, None when there is none or it is damaged."""
    try:
        raw = head_of(path).read_bytes()
        count, digest = raw.decode("ascii").removesuffix("\n").split(" ")
        found = Head(int(count), digest)
    except (OSError, ValueError):
        return None
    return found if raw == bytes(found) and found.count >= 0 and len(digest) == len(NO_HASH) else None


def head_of(path: Path) -> Path:
    """Return the file that keeps the head of a log."""
    return path.with_suffix(".head")


def newest(path: Path, start_ns: int, stop_ns: int, limit: int) -> list[dict[str, Any]]:
    """Return entries with `start_ns <= at < stop_ns`, the newest first, at most `limit`; none without a log."""
    found: list[dict[str, Any]] = []
    if not path.exists():
        return found
    start, stop = rfc3339(start_ns), rfc3339(stop_ns)
    for line in backwards(path):
        try:
            entry = json.loads(line)
            inside = start <= entry["at"] < stop
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
        if len(found) == limit:
            break
        if inside:
            found.append(entry)
    return found


def backwards(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file from the last to the first, each with its end; the last may have none."""
    with path.open("rb") as file:
        at = file.seek(0, os.SEEK_END)
        rest = b""
        while at:
            size = min(_BLOCK, at)
            at -= size
            file.seek(at)
            first, *lines = _lines(file.read(size) + rest)
            rest = first
            yield from reversed(lines)
        if rest:
            yield rest


def _lines(data: bytes) -> list[bytes]:
    parts = data.split(b"\n")
    whole = [part + b"\n" for part in parts[:-1]]
    return [*whole, parts[-1]] if parts[-1] else whole


def _canonical(entry: Mapping[str, Any]) -> bytes:
    text = json.dumps(entry, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return storable(text).encode()


def _digest(before: str, content: bytes) -> str:
    return hashlib.sha256(before.encode() + content).hexdigest()
