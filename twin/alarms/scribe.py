"""Takes what happens to alarms to the disk, in order, in the thread that writes the books.

Bounded: what happens while the disk takes nothing waits here, up to `MOST_WAITING`; what comes beyond is counted
in `lost`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twin.alarms.change import Change
    from twin.alarms.journal import Journal

MOST_WAITING = 200_000


class Scribe:
    """Changes on their way to the journal; used from the event loop's thread."""

    def __init__(self, journal: Journal, submit: Callable[..., object]) -> None:
        self.lost = 0
        self._journal = journal
        self._submit = submit
        self._waiting: list[Change] = []
        self._asked = False

    def put(self, changes: Sequence[Change]) -> None:
        """Keep changes; they are on disk soon."""
        room = MOST_WAITING - len(self._waiting)
        self._waiting += changes[:room] if len(changes) > room else changes
        self.lost += max(0, len(changes) - room)
        if self._waiting and not self._asked:
            self._asked = True
            self._submit(self._write)

    def _write(self) -> None:
        """Write what waits; in the thread of the books, again after a failure of the disk."""
        self._asked = False
        count = len(self._waiting)
        self._journal.put(self._waiting[:count])
        del self._waiting[:count]
