"""Waiting for what must happen, on a machine that has other things to do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from connectors.conformance.recording import RecordingSink

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_S = 60.0


async def until(predicate: Callable[[], object]) -> None:
    """Return as soon as `predicate` holds, which no sink is told of: what a server counts in its own thread."""
    async with asyncio.timeout(PATIENCE_S):
        while not predicate():  # noqa: ASYNC110 - who counts is another thread
            await asyncio.sleep(0.01)


class PatientSink(RecordingSink):
    """A server here takes long to start, and all the longer while lines are counted: a test waits until it is done."""

    async def wait_for(self, predicate: Callable[[], object], timeout: float = PATIENCE_S) -> None:  # noqa: ASYNC109
        """Return as soon as `predicate` holds."""
        await super().wait_for(predicate, timeout)
