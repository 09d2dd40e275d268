"""A platform on stage for the tests of what looks at it."""

import logging
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog

from tests.barrio.scripted import Stage, staged


@pytest.fixture
async def stage(tmp_path, monkeypatch) -> AsyncIterator[Stage]:
    """A running platform whose two devices, probe and meter, say what a test gives them."""
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)
    async with staged(tmp_path) as found:
        yield found


@pytest.fixture
def logs_as_before() -> Iterator[None]:
    """Leave logging as it was, for tests that set it up in their own process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
