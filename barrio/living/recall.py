"""What the parts of the twin are given of the past when a platform starts; a store that is away leaves them without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.clock import NS
from twin.frame import empty_batch, join
from twin.store.port import Aggregate, StoreBusy, StoreDenied

if TYPE_CHECKING:
    from collections.abc import Iterable

    from barrio.platform import Platform
    from twin.frame import Batch, Ids
    from twin.services.engine import Services

AT_ONCE = 500
"""Series whose history is read at once."""


async def readings(platform: Platform, needs: Iterable[tuple[int, float]]) -> Batch:
    """Return the readings of series since so many seconds ago, each series in the order of time."""
    longest: dict[int, float] = {}
    for series, seconds in needs:
        longest[series] = max(seconds, longest.get(series, 0.0))
    found, now = [empty_batch()], platform.clock.now_ns()
    by_length = sorted(longest, key=lambda series: longest[series])
    for at in range(0, len(by_length), AT_ONCE):
        some = np.array(by_length[at : at + AT_ONCE], np.int32)
        start = now - round(longest[int(some[-1])] * NS)
        try:
            found.append(await platform.in_thread("reads", platform.store.raw, some, start, now + 1))
        except (StoreBusy, StoreDenied):
            break
    return join(found)


async def weekdays(platform: Platform, services: Services) -> None:
    """Let places recall how many people were there in the quarter hours of the last weeks."""
    from twin.services.pattern import SLOT_S

    now, slot = platform.clock.now_ns(), round(SLOT_S * NS)
    for series, pattern in services.patterns:
        edges = np.arange(now - now % slot - round(pattern.span_s * NS), now - now % slot + 1, slot)
        ids = np.array([series], np.int32)
        try:
            found = await platform.in_thread("reads", platform.store.windows, ids, edges, [Aggregate.MEAN])
        except (StoreBusy, StoreDenied):
            return
        pattern.recall(found[series].start, found[series].columns[Aggregate.MEAN], now)


async def weeks_ago(platform: Platform, counters: Ids) -> Batch:
    """Return what counters said as many days ago as their mean use is taken from."""
    from twin.services.use import DAYS

    if platform.store_words:
        return empty_batch()
    moment = platform.clock.now_ns() - DAYS * 86_400 * NS
    try:
        return await platform.in_thread("reads", platform.store.before, counters, moment)
    except (StoreBusy, StoreDenied):
        return empty_batch()
