"""A platform on stage for the tests of what looks at it."""

from collections.abc import AsyncIterator

import pytest

from tests.barrio.scripted import Stage, staged


@pytest.fixture
async def stage(tmp_path, monkeypatch) -> AsyncIterator[Stage]:
    """A running platform whose two devices, probe and meter, say what a test gives them."""
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)
    async with staged(tmp_path) as found:
        yield found
