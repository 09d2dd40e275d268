"""Takes what devices report of themselves and puts it on disk, in order, in the ledger's thread.

Bounded: a storm of events beyond `MOST_WAITING` is counted, and said once it is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from twin.clock import Clock
    from twin.conditions import DeviceEvents
    from twin.events import DeviceEvent

MOST_WAITING = 10_000


class EventDesk:
    """Events on their way to the disk; used from the event loop's thread."""

    def __init__(
        self,
        events: DeviceEvents,
        submit: Callable[..., object],
        note: Callable[[str, int, str, str], object],
        clock: Clock,
    ) -> None:
        self.taken = 0
        self.lost = 0
        self._said = 0
        self._events = events
        self._submit = submit
        self._note = note
        self._clock = clock
        self._waiting: list[DeviceEvent] = []
        self._asked = False

    def take(self, event: DeviceEvent) -> None:
        """Take one event; when too many wait it is counted as lost."""
        if len(self._waiting) >= MOST_WAITING:
            self.lost += 1
            return
        self.taken += 1
        self._waiting.append(event)
        if not self._asked:
            self._asked = True
            self._submit(self._write)

    def _write(self) -> None:
        """Write what waits; in the ledger's thread, again after a failure of the disk."""
        self._asked = False
        count = len(self._waiting)
        self._events.put(self._waiting[:count])
        del self._waiting[:count]
        if self.lost > self._said:
            words = f"{self.lost - self._said} events of devices came faster than they could be kept"
            self._said = self.lost
            self._note("events_lost", self._clock.now_ns(), words, "events")
