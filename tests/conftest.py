"""Fixtures that all tests share."""

import gc
from collections.abc import Iterator

import pytest

from tests.servers import InfluxDB, VictoriaMetrics


def pytest_collection_finish() -> None:
    """Spare the garbage collector all tests that there are: it stops whatever runs while it looks through them."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Libraries look at their end for what was not collected."""
    gc.unfreeze()


@pytest.fixture(scope="session")
def influxdb(tmp_path_factory) -> Iterator[InfluxDB]:
    """A real InfluxDB, one for all tests: `url`, `stop()`, `start()`, `away()`. Use a database of your own name."""
    with InfluxDB(tmp_path_factory.mktemp("influxdb")) as server:
        yield server


@pytest.fixture(scope="session")
def victoria(tmp_path_factory) -> Iterator[VictoriaMetrics]:
    """A real VictoriaMetrics, one for all tests: `url`, `stop()`, `start()`, `away()`, `flush()`."""
    with VictoriaMetrics(tmp_path_factory.mktemp("victoria")) as server:
        yield server
