"""One listener: a place in the ring, and a few messages that wait for its socket.

Whoever keeps up is given the messages that its group shares. Whoever does not is kept no more than `MOST_WAITING`
bytes of them, or one that is longer: it is then *behind*, costs no memory, and reads from the ring on from its place as
its socket takes it. Where the ring no longer has what comes next, it is told what was lost, and the newest of each of
its points.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from barrio.access.who import Who
    from barrio.live.group import Group
    from barrio.live.hub import Hub

MOST_WAITING = 131_072
PATIENCE_S = 2.0
"""How long one that was ended may be busy with a socket that takes nothing."""


class Subscriber:
    """A listener of a hub; used from the event loop's thread.

    `place` is the number of the last event that it was given. `over` says why it ended, empty while it goes on.
    `stranger` tells one who comes back with the id of another life of the ring. `cut` ends whoever is busy with it.
    """

    def __init__(self, hub: Hub, group: Group, who: Who, place: int, *, behind: bool) -> None:
        self.group = group
        self.who = who
        self.place = place
        self.behind = behind
        self.over = ""
        self.stranger = False
        self._hub = hub
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._wake = asyncio.Event()
        self.cut: Callable[[], object] = _nothing

    @property
    def quiet(self) -> bool:
        """Whether it has all that there is for it."""
        return not self.behind and not self._waiting

    @property
    def waits(self) -> bool:
        """Whether something waits for it to be taken at once."""
        return bool(self._waiting)

    def offer(self, before: int, number: int, message: bytes) -> None:
        """Take a message with what is after event `before` until event `number`; never waits."""
        if self.behind or number <= self.place:
            return
        if self._waiting and self._size + len(message) > MOST_WAITING:
            self.fall_behind(before)
            return
        self.place = number
        self._waiting.append(message)
        self._size += len(message)
        self._wake.set()

    def fall_behind(self, number: int) -> None:
        """Read on from the ring when the socket takes more; everything until event `number` it has."""
        if not self.behind:
            self.place = max(self.place, number)
            self.behind = True
            self._wake.set()

    def beat(self, number: int, message: bytes) -> None:
        """Take a sign of life, which says that it has everything up to `number`; only when it has."""
        if self.quiet and not self.stranger:
            self.place = max(self.place, number)
            self._waiting.append(message)
            self._size += len(message)
            self._wake.set()

    def end(self, words: str) -> None:
        """End it; what waits is not given any more."""
        if not self.over:
            self.over = words
            self._wake.set()
            asyncio.get_running_loop().call_later(PATIENCE_S, self._cut)

    async def next(self) -> bytes | None:
        """Return what comes next as soon as there is something; None when it is over."""
        while not self.over:
            if self._waiting:
                return self._taken()
            if self.behind:
                if found := await self._hub.reader.catch_up(self):
                    return found
                continue
            self._wake.clear()
            await self._wake.wait()
        return None

    def close(self) -> None:
        """Leave the hub; a second time does nothing."""
        self._hub.leave(self)

    def _cut(self) -> None:
        if self in self.group.members:
            self.cut()

    def _taken(self) -> bytes:
        messages = list(self._waiting)
        self._waiting.clear()
        self._size = 0
        return messages[0] if len(messages) == 1 else self.group.dialect.join(messages)


def _nothing() -> None:
    """Nobody is busy with it."""
