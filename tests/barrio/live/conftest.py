"""A served platform for the tests of what is live."""

import pytest

from tests.barrio.live.serving import served


@pytest.fixture
async def live(tmp_path, monkeypatch):
    """The small district, served on loopback."""
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)
    async with served(tmp_path) as found:
        yield found
