from __future__ import annotations

import sqlite3

import pytest

from twin.errors import StartError
from twin.sqlite import Database, DatabaseBusy

SCHEMA = "CREATE TABLE IF NOT EXISTS t (n INTEGER NOT NULL CHECK (n < 100)) STRICT;"


@pytest.fixture
def database(tmp_path):
    result = Database(tmp_path / "t.sqlite", SCHEMA)
    result.open()
    yield result
    result.close()


def numbers(database):
    with database.reading() as connection:
        return [n for (n,) in connection.execute("SELECT n FROM t ORDER BY n")]


def fill(database, *values):
    with database.transaction() as connection:
        connection.executemany("INSERT INTO t VALUES (?)", [(value,) for value in values])


def test_a_transaction_holds_or_does_not(database):
    """Either all rows of a transaction are there afterwards or none."""
    fill(database, 1, 2)

    with pytest.raises(sqlite3.IntegrityError):
        fill(database, 3, 100)

    assert numbers(database) == [1, 2]


def test_a_locked_file_is_busy(database, tmp_path):
    """Another writer makes the transaction fail in a way that is worth another try."""
    other = sqlite3.connect(tmp_path / "t.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    database.connection.execute("PRAGMA busy_timeout = 0")
    with pytest.raises(DatabaseBusy, match=r"t\.sqlite: database is locked"):
        fill(database, 1)
    other.execute("ROLLBACK")
    other.close()

    fill(database, 1)
    assert numbers(database) == [1]


@pytest.mark.parametrize("damage", [b"no database at all", b"\xa5" * 9000])
def test_damaged_files_get_free_names(tmp_path, damage):
    """Each damaged file is kept under a name of its own, and the platform starts."""
    path = tmp_path / "t.sqlite"
    for number in (1, 2):
        path.write_bytes(damage)
        database = Database(path, SCHEMA)
        database.open()
        assert database.set_aside == tmp_path / f"t.sqlite.damaged-{number}"
        assert (tmp_path / f"t.sqlite.damaged-{number}").read_bytes() == damage
        fill(database, 1)
        database.close()
        path.unlink()


def test_every_flipped_page_byte_leaves_a_usable_file(tmp_path):
    """A file with a damaged byte opens, either as it is or anew, and takes rows."""
    path = tmp_path / "t.sqlite"
    database = Database(path, SCHEMA, wal=False)
    database.open()
    fill(database, *range(50))
    database.close()
    whole = path.read_bytes()
    for at in [*range(0, 110, 3), *range(4096, len(whole), 257)]:
        data = bytearray(whole)
        data[at] ^= 0xFF
        path.write_bytes(data)
        database = Database(path, SCHEMA, wal=False)
        database.open()
        database.close()

    assert len(list(tmp_path.glob("*.damaged-*"))) > 5


def test_a_folder_is_no_database(tmp_path):
    """What cannot be opened at all is a start error with the system's words."""
    with pytest.raises(StartError, match=r"cannot open .*: unable to open database file"):
        Database(tmp_path, SCHEMA).open()


def test_use_before_open_is_a_bug(tmp_path):
    """A database that was not opened says so."""
    with pytest.raises(RuntimeError, match="is not open"):
        numbers(Database(tmp_path / "t.sqlite", SCHEMA))
