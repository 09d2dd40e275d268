"""The port of the store: what the twin asks of a database, and nothing else.

Two adapters implement it, `twin.store.duckdb` and `twin.store.influx`; `tests/contract/store.py` runs on both. All
methods block; the twin calls them from threads that it owns: one thread writes, others may read at the same time.

Times are int ns UTC. Intervals are half open, `start <= time < stop`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from twin.errors import BarrioError, PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from twin.frame import Batch, Ids, Times, Values
    from twin.model.quantities import Quantity
    from twin.resolution import Resolution
    from twin.store.rollup import Rollups


@dataclass(frozen=True, slots=True)
class Series:
    """What the store must know of a point. `id` is stable for ever; `path` is `district/device/point`.

    `wraps_at` is the value at which a counter's register begins again at zero, None where it does not wrap.
    """

    id: int
    path: str
    district: str
    site: str
    device: str
    point: str
    quantity: Quantity
    wraps_at: float | None = None


class Aggregate(StrEnum):
    """What a window of readings is reduced to.

    `delta` is for counters (increase, resets and wraps accounted for), `state_s` for states (seconds per state);
    the others work on numbers (`first`, `last` and `count` on states too). Only readings that are good or uncertain
    count.
    """

    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    SUM = "sum"
    FIRST = "first"
    LAST = "last"
    COUNT = "count"
    DELTA = "delta"
    STATE_S = "state_s"


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Raw history of one series in the order of time, one row a time."""

    batch: Batch


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Aggregated history of one series.

    `start` is int64[n], the starts of the windows asked for (also those without readings). `columns` maps the name of
    the aggregate to float64[n], NaN where the window has nothing to say; `count` is 0 there. For `state_s` there is
    one column per state that occurs, named `state_s:<state>`. `first` and `last` of a state are its state ids.
    """

    start: Times
    columns: Mapping[str, Values]


@dataclass(frozen=True, slots=True)
class StoreStats:
    """What the store says of itself. `rows` counts readings (None where the store cannot say cheaply)."""

    kind: str
    version: str
    rows: int | None
    bytes: int | None
    facts: Mapping[str, str] = field(default_factory=dict)


class StoreBusy(TransientError):
    """Raised when the store is away, slow or busy (timeouts, 429, 5xx, answers not understood): try again."""


class StoreDenied(TransientError):
    """Raised when credentials or rights are missing (401, 403): nothing is dropped, somebody must act."""


class StoreRefused(PermanentError):
    """Raised when the store refuses the data itself (400, 422, partial write): the writer bisects the batch."""


class StoreTooLarge(StoreRefused):
    """Raised when the batch is too large for the store (413): the writer halves it."""


class NotAStore(BarrioError):
    """Raised by `open` when what answers is not a store that barrio can use."""


class Store(Protocol):
    """Port of the time-series store."""

    def open(self, series: Sequence[Series], states: Mapping[int, str]) -> None:
        """Connect, create what is missing, and take the series and states that may occur in batches.

        Called again when they grow. `StoreBusy` when the store is away, `NotAStore` when it is something else.
        """

    def write(self, batch: Batch, *, complete: bool = True) -> None:
        """Store a batch durably before returning. The same (series, time) again replaces.

        `complete` says that with this batch all of `batch.seq` is in, in the same transaction where the store has
        those; a `seq` that is complete already is a no-op. Whoever writes one `seq` in parts leaves `complete` to
        the last part.

        Raises `StoreBusy`, `StoreDenied`, `StoreRefused` or `StoreTooLarge`; anything else is a bug.
        """

    def latest(self, ids: Ids | None = None) -> Batch:
        """Return the newest reading of each series (all when None), one row each, any quality."""

    def raw(self, ids: Ids, start: int, stop: int) -> Batch:
        """Return readings ordered by (series, time), one per (series, time)."""

    def before(self, ids: Ids, moment: int) -> Batch:
        """Return the newest good or uncertain reading of each series with `time < moment`."""

    def asof(self, ids: Ids, moment: int) -> Batch:
        """Return the newest reading of each series with `time <= moment`, any quality, ordered by series.

        What happened at the very moment counts: `latest` is `asof` the end of time. The time of a reading decides, so
        one that came late stands here although nobody could have known it then; `received` tells.
        """

    def windows(self, ids: Ids, edges: Times, aggregates: Sequence[Aggregate]) -> Mapping[int, Windows]:
        """Reduce readings to the windows `[edges[i], edges[i+1])`, per series id."""

    def delete(self, ids: Ids, start: int, stop: int) -> int | None:
        """Delete readings; returns how many where the store can say."""

    def chunks(self, ids: Ids, start: int, stop: int) -> Iterator[Batch]:
        """Yield readings ordered by (series, time), whole series at a time, in portions fit for memory."""

    def counts(self, ids: Ids, start: int, stop: int) -> tuple[Ids, Times]:
        """Return which of the series have readings, and how many; a store may leave out those that are not usable."""

    def first(self, ids: Ids, since: int) -> tuple[Ids, Times]:
        """Return when each series had its first good or uncertain reading with `time >= since`; none, left out."""

    def write_rollups(self, rows: Rollups) -> None:
        """Store rollups of one district durably, in place of those that are there; a row where `count` is one.

        They hold all points of each device that occurs in them, so that what it was heard of can be told. Raises as
        `write`.
        """

    def rollups(self, resolution: Resolution, ids: Ids, edges: Times) -> Rollups:
        """Return the rollups of windows whose starts are `edges` but the last; see `twin.store.rollup`."""

    def forget_rollups(self, resolution: Resolution, district: str, before: int) -> None:
        """Delete the rollups of a district whose windows begin before a time. `StoreRefused` where it cannot."""

    def stats(self) -> StoreStats:
        """Describe the store."""

    def applied(self) -> int:
        """Return the highest spool sequence number known to be stored, 0 where the store cannot say."""

    def close(self) -> None:
        """Release everything; bounded in time."""
