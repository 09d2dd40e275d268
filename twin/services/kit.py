"""What the parts of the services have at hand: the live twin, the disk, the way out, the clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from twin.frame import Frame
from twin.quality import FIRST_BAD, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from twin.clock import Clock
    from twin.frame import Qualities
    from twin.live import Live
    from twin.services.journal import ServiceJournal

AGAIN_S = 30.0
"""An unchanged value is said again this often, so that its point is heard."""


class Outgoing(Protocol):
    """Where notifications go: `twin.outbox.Outbox`. Blocks on the disk; a key that was put before changes nothing."""

    def put(self, channel_id: str, kind: str, body: Mapping[str, Any], key: str) -> bool:
        """Keep a notification for a channel."""


class Silences(Protocol):
    """Which points are silent: `twin.gaps.Gaps`."""

    reason: Qualities
    """By series id, 0 where a point is heard."""


@dataclass(frozen=True, slots=True)
class Kit:
    """Shared by the parts; used in the event loop's thread. `submit` hands blocking calls to a thread, in order."""

    live: Live
    gaps: Silences
    journal: ServiceJournal
    submit: Callable[..., Any]
    outbox: Outgoing
    clock: Clock
    note: Callable[[str, int, str, str], object]

    def trouble(self, series: int) -> Reason | None:
        """Return why a point has no value that could be believed, None when it has one."""
        gap = int(self.gaps.reason[series])
        if gap:
            return Reason(gap)
        quality = int(self.live.quality[series])
        return Reason(quality) if quality >= FIRST_BAD or np.isnan(self.live.value[series]) else None

    def value(self, series: int) -> float:
        """Return the newest value of a point."""
        return float(self.live.value[series])


class Outlet:
    """Collects the readings of computed points; what did not change is said again now and then only."""

    def __init__(self) -> None:
        self._waiting: dict[int, tuple[float, Reason, str]] = {}
        self._said: dict[int, tuple[float, Reason, float]] = {}

    def put(
        self, series: int, value: float, monotonic_s: float, quality: Reason = Reason.GOOD, words: str = ""
    ) -> None:
        """Say a value, NaN with a bad quality where there is none; the same one is said again after a while."""
        last = self._said.get(series)
        same = last is not None and last[1] == quality and (last[0] == value or quality >= FIRST_BAD)
        if last is not None and same and 0 <= monotonic_s - last[2] < AGAIN_S:
            return
        self._said[series] = (value, quality, monotonic_s)
        self._waiting[series] = (value, quality, words)

    def frame(self, now_ns: int) -> Frame | None:
        """Return what was said since the last time, None when nothing was."""
        if not self._waiting:
            return None
        said, self._waiting = self._waiting, {}
        values, qualities, words = zip(*said.values(), strict=True)
        return Frame(
            np.fromiter(said, np.int32),
            np.array(values),
            now_ns,
            quality=np.array(qualities, np.uint8),
            details={at: text for at, text in enumerate(words) if text},
        )
