"""Messages that have arrived and wait to be delivered, as many as fit."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_WAITING = 2_000
_MOST_WAITING_BYTES = 4 << 20
_MOST_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as it came; `mid` is 0 where none waits for an acknowledgement, `skipped` its size if too large."""

    topic: str
    payload: bytes
    received: int
    mid: int = 0
    retained: bool = False
    again: bool = False
    skipped: int = 0


class Inbox:
    """What has arrived, oldest first. Nothing is refused here: whoever reads the socket stops when `is_full`."""

    def __init__(self) -> None:
        self._arrived: deque[Arrival] = deque()
        self._bytes = 0
        self._news = asyncio.Event()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._arrived)

    @property
    def is_full(self) -> bool:
        """Whether no more should be read."""
        return len(self._arrived) >= _MOST_WAITING or self._bytes >= _MOST_WAITING_BYTES

    @property
    def has_room(self) -> bool:
        """Whether it is at most half full, so that reading may go on."""
        return len(self._arrived) < _MOST_WAITING // 2 and self._bytes < _MOST_WAITING_BYTES // 2

    def put(self, arrival: Arrival) -> None:
        """Add a message."""
        self._arrived.append(arrival)
        self._bytes += len(arrival.payload)
        self.rouse()

    def take(self) -> Sequence[Arrival]:
        """Take the oldest away, not too many at once."""
        some = [self._arrived.popleft() for _ in range(min(len(self._arrived), _MOST_AT_ONCE))]
        self._bytes -= sum(len(one.payload) for one in some)
        return some

    def rouse(self) -> None:
        """Wake whoever waits for news, for whatever reason."""
        self._news.set()

    async def news(self) -> None:
        """Return when something has happened since this was called."""
        self._news.clear()
        await self._news.wait()
