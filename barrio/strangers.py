"""Who spoke without being configured: listed for the integrator, never read as if it were a device of ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from barrio.terminal import plain

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_KNOWN = 1_000
_LONGEST = 300


@dataclass(slots=True)
class Stranger:
    """Somebody who spoke to a link; times are ns UTC."""

    link: str
    identity: str
    words: str
    first: int
    last: int
    times: int = 1


class Strangers:
    """The strangers of this process, bounded; `unlisted` counts those who came when the list was full."""

    def __init__(self, note: Callable[[str, int, str, str], object]) -> None:
        self._note = note
        self._known: dict[tuple[str, str], Stranger] = {}
        self.unlisted = 0

    def seen(self, link: str, identity: str, words: str, at: int) -> None:
        """Note that somebody spoke; the ledger hears of it the first time."""
        identity, words = plain(identity[:_LONGEST]), plain(words[:_LONGEST])
        known = self._known.get((link, identity))
        if known is not None:
            known.words, known.last, known.times = words, at, known.times + 1
        elif len(self._known) >= MOST_KNOWN:
            self.unlisted += 1
        else:
            self._known[link, identity] = Stranger(link, identity, words, at, at)
            self._note("stranger", at, words, identity)

    def listed(self) -> list[Stranger]:
        """Return who spoke, the newest first."""
        return sorted(self._known.values(), key=lambda one: -one.last)
