import dataclasses
import shutil
import sqlite3
import subprocess
import sys
import threading

import duckdb
import numpy as np
import pytest

from tests.contract.store import HOUR, METER, STATES, SWITCH, T0, WARM, catalogue, ids, pairs, rows
from twin.errors import StartError
from twin.frame import Batch
from twin.resolution import Resolution
from twin.rollups.points import points_of
from twin.rollups.source import from_readings
from twin.store import duckdb_file
from twin.store.duckdb import DuckDBStore
from twin.store.port import Aggregate, NotAStore, StoreBusy


@pytest.fixture
def path(tmp_path):
    return tmp_path / "history.duckdb"


@pytest.fixture
def new_store(path):
    made = []

    def new():
        made.append(DuckDBStore(path))
        made[-1].open(catalogue("d"), STATES)
        return made[-1]

    yield new
    for store in made:
        store.close()


def copy_of(path, folder):
    """What is on disk at this moment, as after a loss of power."""
    folder.mkdir()
    for file in path.parent.glob(path.name + "*"):
        if file.is_file():
            shutil.copy(file, folder)
    return folder / path.name


def test_stored_means_on_disk(new_store, path, tmp_path):
    """What write has returned for is there after a crash, with its sequence number."""
    store = new_store()
    for seq in range(1, 4):
        store.write(rows(WARM, (T0 + seq, seq), seq=seq))
    after = DuckDBStore(copy_of(path, tmp_path / "crashed"))
    after.open(catalogue("d"), STATES)
    found, applied = pairs(after.raw(ids(WARM), T0, T0 + 9)), after.applied()
    after.close()

    assert found == [(T0 + 1, 1), (T0 + 2, 2), (T0 + 3, 3)]
    assert applied == 3


def test_a_replay_is_recognised(new_store):
    """A sequence number that is complete is not written again, not even with other readings."""
    store = new_store()
    store.write(rows(WARM, (T0, 1), seq=7))
    store.write(rows(WARM, (T0, 2), seq=7))

    assert pairs(store.latest()) == [(T0, 1)]
    assert store.applied() == 7


def test_half_a_sequence_number_is_not_applied(new_store):
    """Until its last part is in, a sequence number may come again."""
    store = new_store()
    store.write(rows(WARM, (T0, 1), seq=7), complete=False)

    assert store.applied() == 0


def test_the_file_explains_itself(new_store, path):
    """Another program that opens the file finds paths, units, states and reasons beside the numbers."""
    store = new_store()
    store.write(rows(WARM, (T0, 21.5), (T0 + 1, np.nan)))
    store.write(rows(SWITCH, (T0, 1)))
    store.close()
    with duckdb.connect(str(path), read_only=True) as connection:
        found = connection.execute(
            "SELECT path, value, unit, state, reason FROM history ORDER BY ALL"
        ).fetchall()

    assert found == [
        ("d/hall/warm", 21.5, "Cel", None, "good"),
        ("d/hall/warm", None, "Cel", None, "not_available"),
        ("d/pump/p", 1.0, "", "on", "good"),
    ]


def make_csv(path):
    path.write_text("level,volume\n1,2\n")


def make_empty(path):
    path.touch()


def make_sqlite(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE x (a)")
    connection.close()


def make_foreign(path):
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE customers (a INTEGER)")


def make_later(path):
    store = DuckDBStore(path)
    store.open([], {})
    store.close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE about SET schema = 99")


def make_damaged(path):
    make_foreign(path)
    content = bytearray(path.read_bytes())
    content[40] ^= 0x10
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (make_csv, "not a DuckDB file"),
        (make_empty, "not a DuckDB file"),
        (make_sqlite, "not a DuckDB file"),
        (make_foreign, "not one of barrio's: its tables are customers"),
        (make_later, "made by a later barrio"),
        (make_damaged, "the store cannot be opened: Corrupt database file"),
    ],
)
def test_what_is_not_a_store_is_left_alone(path, make, words):
    """A file of something else is refused in words, and not touched."""
    make(path)
    before = path.read_bytes()
    with pytest.raises((NotAStore, StartError), match=words) as raised:
        DuckDBStore(path).open(catalogue("d"), STATES)

    assert str(raised.value).startswith(f"{path}: ")
    assert "\n" not in str(raised.value)
    assert path.read_bytes() == before


def test_a_folder_that_is_missing(tmp_path):
    """A path in no folder, and a folder in the place of a file, are said in words."""
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "nowhere" / "h.duckdb", tmp_path / "folder"):
        with pytest.raises(StartError, match=str(path)):
            DuckDBStore(path).open(catalogue("d"), STATES)


def test_another_process_has_it(new_store, path):
    """A second process on the same file is told so."""
    new_store()
    code = (
        "import sys; from pathlib import Path; from twin.store.duckdb import DuckDBStore\n"
        "try: DuckDBStore(Path(sys.argv[1])).open([], {})\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60, check=True
    )

    assert ran.stdout.startswith(f"StartError {path}: another process has the store open")


def crash_with_log(new_store, path, tmp_path):
    store = new_store()
    for seq in range(1, 40):
        store.write(rows(WARM, (T0 + seq, seq), seq=seq))
    copy = copy_of(path, tmp_path / "crashed")
    return copy, copy.with_name(copy.name + ".wal")


def test_a_torn_log(new_store, path, tmp_path):
    """After a loss of power in the middle of a write, all whole batches are there."""
    copy, log = crash_with_log(new_store, path, tmp_path)
    log.write_bytes(log.read_bytes()[:-7])
    store = DuckDBStore(copy)
    store.open(catalogue("d"), STATES)
    found = store.raw(ids(WARM), T0, T0 + 99).value.tolist(), store.applied()
    store.close()

    assert found == (list(map(float, range(1, 39))), 38)


def test_a_damaged_log(new_store, path, tmp_path):
    """A flipped bit in the log is said, with a way on."""
    copy, log = crash_with_log(new_store, path, tmp_path)
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 0x10
    log.write_bytes(content)
    with pytest.raises(StartError, match=r"its log is damaged: .*Moving history.duckdb.wal elsewhere"):
        DuckDBStore(copy).open(catalogue("d"), STATES)


def test_a_failed_commit_stores_nothing(new_store, monkeypatch):
    """When a write fails nothing of it is stored or remembered, and the next one succeeds."""
    store = new_store()
    store.write(rows(WARM, (T0, 1), seq=1))

    def fail(*_):
        raise duckdb.IOException("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(duckdb_file.Writer, "mark", fail)
        with pytest.raises(StoreBusy, match="No space left on device"):
            store.write(rows(WARM, (T0 + 1, 2), seq=2))

    assert (pairs(store.latest()), store.applied()) == ([(T0, 1)], 1)
    store.write(rows(WARM, (T0 + 1, 2), seq=2))
    assert pairs(store.raw(ids(WARM), T0, T0 + 9)) == [(T0, 1), (T0 + 1, 2)]


def test_opens_anew_after_duckdb_gave_up(new_store, monkeypatch):
    """After DuckDB declared the file unusable, the next write opens it again."""
    store = new_store()
    store.write(rows(WARM, (T0, 1), seq=1))

    def fail(*_):
        raise duckdb.FatalException("database has been invalidated")

    with monkeypatch.context() as patch:
        patch.setattr(duckdb_file.Writer, "insert", fail)
        with pytest.raises(StoreBusy, match="gave up"):
            store.write(rows(WARM, (T0 + 1, 2), seq=2))
    store.write(rows(WARM, (T0 + 1, 2), seq=2))

    assert pairs(store.raw(ids(WARM), T0, T0 + 9)) == [(T0, 1), (T0 + 1, 2)]


def test_not_open(path):
    """A store that was never opened says so."""
    with pytest.raises(StartError, match="not open"):
        DuckDBStore(path).write(rows(WARM, (T0, 1)))


def test_more_series_than_fit_a_list(new_store):
    """Hundreds of series are read in one go, late readings of all of them replaced."""
    store = new_store()
    series = [dataclasses.replace(catalogue("d")[0], id=k, device=f"d{k}") for k in range(1, 501)]
    store.open(series, STATES)
    every = np.arange(1, 501, dtype=np.int32)
    for shift in (5, 0, 5):
        times = np.full(500, T0 + shift)
        store.write(
            Batch(
                every,
                times,
                times,
                times * 0,
                every.astype(np.float64) + shift + 0.5,
                np.zeros(500, np.uint8),
            )
        )

    assert len(store.raw(every, T0, T0 + 9)) == 1000
    assert store.before(every, T0 + 5).value.tolist() == (every + 0.5).tolist()
    assert store.delete(every, T0, T0 + 1) == 500
    assert store.stats().rows is not None


def test_portions(new_store, monkeypatch):
    """Counters that do not fit memory at once are read in portions, with the same result."""
    store = new_store()
    store.write(rows(METER, *[(T0 + k, float(k)) for k in range(100)]))
    edges = np.array([T0, T0 + HOUR])
    whole = store.windows(ids(METER, WARM), edges, [Aggregate.DELTA])[METER].columns["delta"]
    monkeypatch.setattr("twin.store.duckdb._ROWS_AT_ONCE", 10)

    assert store.windows(ids(METER, WARM), edges, [Aggregate.DELTA])[METER].columns["delta"] == whole == [99]


def test_readers_in_many_threads(new_store):
    """Several readers and the writer do not disturb each other."""
    store, wrong = new_store(), []

    def read():
        for _ in range(15):
            found = store.windows(ids(WARM), np.array([T0, T0 + HOUR]), [Aggregate.COUNT, Aggregate.SUM])[
                WARM
            ]
            if found.columns["count"][0] and found.columns["sum"][0] != found.columns["count"][0]:
                wrong.append(found)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for k in range(20):
        store.write(rows(WARM, *[(T0 + k * 100 + i, 1) for i in range(100)], seq=k + 1))
    for reader in readers:
        reader.join(60)

    assert wrong == []
    assert store.windows(ids(WARM), np.array([T0, T0 + HOUR]), [Aggregate.COUNT])[WARM].columns["count"] == [
        2000
    ]


def test_a_file_of_the_first_layout_grows(path):
    """A file that was made before there were rollups keeps all of its readings, and takes rollups from then on."""
    connection = duckdb.connect(str(path))
    connection.execute(duckdb_file._TABLES)
    connection.execute("INSERT INTO about VALUES (1)")
    connection.execute("INSERT INTO readings VALUES (?, ?, ?, 0, 21.5, 0)", [WARM, T0, T0])
    connection.execute("INSERT INTO applied VALUES (41)")
    connection.close()
    for _ in range(2):
        store = DuckDBStore(path)
        store.open(catalogue("d"), STATES)
        edges = T0 + HOUR * np.arange(2)
        found = from_readings(store, points_of([(one, 60) for one in catalogue("d")]), edges, Resolution.HOUR)
        store.write_rollups(found)
        kept = store.rollups(Resolution.HOUR, ids(WARM), edges)
        seen, applied = pairs(store.raw(ids(WARM), T0, T0 + 9)), store.applied()
        store.close()

        assert (seen, applied, kept.columns["mean"].tolist()) == ([(T0, 21.5)], 41, [[21.5]])
    with duckdb.connect(str(path), read_only=True) as connection:
        shown = connection.execute(
            "SELECT path, resolution, mean, count FROM rollups WHERE count > 0"
        ).fetchall()

    assert shown == [("d/hall/warm", "1h", 21.5, 1)]
