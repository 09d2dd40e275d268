"""The contract of the store, on each adapter."""

import uuid

import pytest

from tests.contract.history import HistoryContract
from tests.contract.rollups import RollupContract
from tests.contract.store import StoreContract
from twin.store.duckdb import DuckDBStore
from twin.store.influx import InfluxStore


@pytest.fixture
def district():
    return f"d-{uuid.uuid4().hex}"


class TestDuckDB(StoreContract, RollupContract, HistoryContract):
    examples = 60

    @pytest.fixture
    def new_store(self, tmp_path):
        made = []

        def new():
            made.append(DuckDBStore(tmp_path / "history.duckdb"))
            return made[-1]

        yield new
        for store in made:
            store.close()


class TestInfluxDB(StoreContract, RollupContract, HistoryContract):
    examples = 12

    @pytest.fixture
    def new_store(self, influxdb):
        made = []

        def new():
            made.append(InfluxStore(influxdb.url))
            return made[-1]

        yield new
        for store in made:
            store.close()
