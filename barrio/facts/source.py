"""What is read from a journal and told in order: a source has a cursor, and nothing before it has to be told again.

The cursor is a text that only its source understands, kept in the notes once the database has acknowledged a portion.
So what was told just before a crash may be told again; rows are keyed by tags and time, so that changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from twin.facts import Fact

    Fields = Mapping[str, float | int | str | None]

SPREAD = 1_000_000
"""Events of one moment are set apart by nanoseconds, up to a millisecond: two of them never are one row."""


@dataclass(frozen=True, slots=True)
class Portion:
    """What comes next; `cursor` is where to go on once it is told, `more` says that something follows at once.

    `waiting` is how many entries of the journal follow, `folded` how many happenings are in rows of others.
    """

    facts: Sequence[Fact]
    cursor: str
    more: bool = False
    waiting: int = 0
    folded: int = 0


class Source(Protocol):
    """A journal that is told; `thread` is the thread of the platform that may read it."""

    key: str
    thread: str

    def read(self, cursor: str, limit: int) -> Portion:
        """Return what follows a cursor (empty: everything), about `limit` entries. Blocks on the disk."""

    def told(self) -> None:
        """The last portion is in the database."""


def apart(at: int, number: int) -> int:
    """Return the time of the row of an entry: that of the happening, and the entry's number in nanoseconds."""
    return at + number % SPREAD


def sentence(text: str) -> str:
    """Return text that begins with a capital letter and ends with a full stop."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
