"""Batches for the tests of the spool."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from twin.frame import Batch

START = 1_790_000_000_000_000_000


def batch(rows: int, seed: int = 0) -> Batch:
    """Return a batch that can be told from others by its values."""
    rng = np.random.default_rng(seed)
    time = START + np.arange(rows, dtype=np.int64) * 1_000_000
    return Batch(
        np.arange(1, rows + 1, dtype=np.int32),
        time,
        time.copy(),
        np.zeros(rows, np.int64),
        rng.random(rows) + seed,
        np.zeros(rows, np.uint8),
    )


def same(one: Batch, other: Batch) -> bool:
    """Whether two batches hold the same bytes (the number apart)."""
    names = ("ids", "time", "received", "device", "value", "quality")
    return all(getattr(one, name).tobytes() == getattr(other, name).tobytes() for name in names)


def alike(some: Sequence[Batch], others: Sequence[Batch]) -> bool:
    """Whether two lists hold the same batches in the same order."""
    return len(some) == len(others) and all(same(*pair) for pair in zip(some, others, strict=True))
