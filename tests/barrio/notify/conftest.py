"""What the tests of notifications share."""

from __future__ import annotations

import pytest

from tests.barrio.notify.stage import outbox_at
from tests.moved import MovedClock


@pytest.fixture
def clock():
    """A clock that a test moves."""
    return MovedClock()


@pytest.fixture
def outbox(tmp_path, clock):
    """An open outbox."""
    with outbox_at(tmp_path, clock) as found:
        yield found


@pytest.fixture(autouse=True)
def looks_often(monkeypatch):
    """The notifier looks at a clock that a test moves many times a second."""
    monkeypatch.setattr("barrio.notify.notifier.LOOK_S", 0.01)
