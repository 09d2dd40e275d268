"""The district that tests of SensorThings ask."""

from collections.abc import AsyncIterator

import pytest

from tests.barrio.sta.town import Town, fill, town


@pytest.fixture
async def little(tmp_path, monkeypatch) -> AsyncIterator[Town]:
    """A running district with a known past."""
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)
    async with town(tmp_path) as found:
        fill(found)
        yield found
