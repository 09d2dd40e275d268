"""Fixtures of the tests of dashboards."""

import pytest

from tests.dashboards.districts import demo
from tests.dashboards.loaded import load


@pytest.fixture(scope="session")
def maderas():
    """The demo district, loaded once."""
    return demo()


@pytest.fixture(scope="session")
def week(influxdb):
    """A simulated week of the demo district in a real InfluxDB, made once, in databases of its own."""
    return load(influxdb.url, "week-")
