"""What happens beside readings: alarms and gaps, the newest of them, by number."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 10_000


@dataclass(frozen=True, slots=True)
class Note:
    """One of them.

    `series` is the point that it is about, 0 when it is about a device or site (`path`: `district/owner`). `on_duty` is
    what operators are told, with who did what; `data` what all others are.
    """

    number: int
    kind: str
    series: int
    data: str
    path: str = ""
    on_duty: str = ""


class Notes:
    """The newest notes. `floor` is the highest number of which something may be gone."""

    def __init__(self, floor: int, most: int = MOST) -> None:
        self.floor = floor
        self._kept: deque[Note] = deque()
        self.most = most

    def add(self, note: Note) -> None:
        """Take a note; the oldest makes room."""
        self._kept.append(note)
        if len(self._kept) > self.most:
            self.floor = self._kept.popleft().number

    def since(self, after: int, until: int) -> list[Note]:
        """Return those with `after < number <= until`, in order."""
        return list(self._between(after, until))[::-1]

    def _between(self, after: int, until: int) -> Iterator[Note]:
        for note in reversed(self._kept):
            if note.number <= after:
                return
            if note.number <= until:
                yield note
