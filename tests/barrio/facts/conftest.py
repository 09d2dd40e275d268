"""Facts are told at once, so that tests need not wait."""

import pytest


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Look often, and begin at once."""
    monkeypatch.setenv("BARRIO_SECRET_AGUAS", "shared")
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)
    monkeypatch.setattr("barrio.facts.teller.TICK_S", 0.05)
    monkeypatch.setattr("barrio.facts.teller.FIRST_WAIT_S", 0.05)
    # A database takes long to come back where the machine is busy, and waits grow with the time that it is away.
    monkeypatch.setattr("barrio.facts.teller.MAX_WAIT_S", 0.5)
    monkeypatch.setattr("barrio.facts.teller.STANDING_S", 0.3)
    monkeypatch.setattr("barrio.facts.teller.HEALTH_S", 0.3)
    monkeypatch.setattr("barrio.facts.devices.NOT_SOONER_S", 0.05)
