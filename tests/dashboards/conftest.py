"""Fixtures of the tests of dashboards."""

import pytest

from tests.dashboards.districts import demo


@pytest.fixture(scope="session")
def maderas():
    """The demo district, loaded once."""
    return demo()
