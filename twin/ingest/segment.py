"""One file of the spool: records one after the other, written once, deleted as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from twin.ingest import record

if TYPE_CHECKING:
    from pathlib import Path

    from twin.ingest.record import Header

SUFFIX = ".log"


@dataclass(slots=True)
class Segment:
    """A file of records. `size` is its good length in bytes, `live` how many of its records wait."""

    number: int
    path: Path
    size: int = 0
    live: int = 0


class Found(NamedTuple):
    """A header that proved itself, at `offset` of `segment`; `whole` tells whether its payload did too."""

    segment: Segment
    offset: int
    header: Header
    whole: bool

    @property
    def size(self) -> int:
        """Length of the record in bytes."""
        return record.SIZE + self.header.length


@dataclass(slots=True)
class Scan:
    """What a segment holds: its records, and the ranges of bytes that are none (damaged payloads included)."""

    records: list[Found] = field(default_factory=list)
    junk: list[tuple[int, int]] = field(default_factory=list)


def name(number: int) -> str:
    """Return the file name of a segment."""
    return f"{number:08d}{SUFFIX}"


def number(name: str) -> int | None:
    """Return the number that a file name carries, None when it is no segment."""
    stem = name.removesuffix(SUFFIX)
    return int(stem) if stem != name and stem.isascii() and stem.isdigit() else None


def scan(segment: Segment, data: bytes) -> Scan:
    """Find every record in the bytes of a segment, also behind damage.

    A record that reaches past the end of the file is junk: its append never returned, or the ring knows better.
    """
    result = Scan()
    at = 0
    while at < len(data):
        header = record.decode_header(data, at, segment.number)
        after = at + record.SIZE
        if header is None or after + header.length > len(data):
            at = _skip(result, data, at)
            continue
        whole = record.proves(header, data, after)
        result.records.append(Found(segment, at, header, whole))
        # A damaged payload may have lost bytes, so the next record is searched for inside it as well.
        at = after + header.length if whole else _skip(result, data, at)
    return result


def _skip(result: Scan, data: bytes, at: int) -> int:
    """Note bytes that are no record; returns where the next one may begin."""
    following = data.find(record.MAGIC, at + 1)
    stop = len(data) if following < 0 else following
    if result.junk and result.junk[-1][1] == at:
        result.junk[-1] = (result.junk[-1][0], stop)
    else:
        result.junk.append((at, stop))
    return stop
