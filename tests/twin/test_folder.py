from __future__ import annotations

import os
import subprocess
import sys

import pytest

from twin.errors import StartError
from twin.folder import DataFolder

HOLDER = """
import sys, pathlib
from twin.folder import DataFolder
folder = DataFolder(pathlib.Path(sys.argv[1]))
folder.open()
folder.write_platform({"pid": 1, "http": "http://127.0.0.1:8080"})
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that has the data folder."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "data")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process
        process.kill()


def test_folder_is_made(tmp_path):
    """A data folder that does not exist yet is made with its parents."""
    folder = DataFolder(tmp_path / "a" / "b")

    folder.open()

    assert (tmp_path / "a" / "b").stat().st_mode & 0o007 == 0
    assert (tmp_path / "a" / "b" / "lock").read_text() == f"{os.getpid()}\n"
    folder.close()


def test_second_process_refuses(tmp_path, holder):
    """A folder that another process has is refused with that process's number."""
    folder = DataFolder(tmp_path / "data")

    with pytest.raises(StartError, match=f"data is in use by process {holder.pid}$"):
        folder.open()

    assert folder.read_platform() is not None


def test_killed_process_gives_the_folder_back(tmp_path, holder):
    """After kill -9 the folder can be taken at once, and nothing of the dead platform is left."""
    folder = DataFolder(tmp_path / "data")
    holder.kill()
    holder.wait()
    assert folder.running() is None

    folder.open()

    assert folder.read_platform() is None
    folder.close()


def test_running_platform_can_be_asked(tmp_path, holder):
    """A command finds the address of the platform that has the folder."""
    assert DataFolder(tmp_path / "data").running() == {"pid": 1, "http": "http://127.0.0.1:8080"}


def test_running_tells_the_process_before_it_answers(tmp_path):
    """A platform that has not yet said where it answers is running all the same."""
    folder = DataFolder(tmp_path)
    folder.open()

    assert DataFolder(tmp_path).running() == {"pid": os.getpid()}
    folder.close()
    assert DataFolder(tmp_path).running() is None


def test_nothing_runs_where_there_is_no_folder(tmp_path):
    """Asking does not make a folder."""
    assert DataFolder(tmp_path / "data").running() is None
    assert not (tmp_path / "data").exists()


def test_close_twice(tmp_path):
    """Closing again does nothing, and the folder can be taken again."""
    folder = DataFolder(tmp_path)
    folder.open()
    folder.write_platform({"pid": 1})
    folder.close()
    folder.close()

    assert not folder.platform.exists()
    folder.open()
    folder.close()


def test_a_file_is_no_folder(tmp_path):
    """A file in the folder's place is named as the fault."""
    (tmp_path / "data").write_text("")

    with pytest.raises(StartError, match="data: there is a file of that name, not a folder"):
        DataFolder(tmp_path / "data").open()


def test_unwritable_folder(tmp_path):
    """A folder in which nothing can be written is named with the system's reason."""
    with pytest.raises(StartError, match="data folder /proc/self/barrio cannot be used: no such file"):
        DataFolder(tmp_path.__class__("/proc/self/barrio")).open()


@pytest.mark.parametrize("text", ["", "[1]", "{", "\ud800".encode("utf-8", "surrogatepass")])
def test_unreadable_platform_file_is_none(tmp_path, text):
    """A damaged platform file is the same as none."""
    folder = DataFolder(tmp_path)
    folder.platform.write_bytes(text if isinstance(text, bytes) else text.encode())

    assert folder.read_platform() is None


def test_paths_stand_in_the_folder(tmp_path):
    """Every part of the platform has its own name in the folder."""
    folder = DataFolder(tmp_path)
    paths = [folder.spool, folder.series, folder.ledger, folder.letters, folder.duckdb, folder.platform]

    assert len(set(paths)) == 6
    assert {path.parent for path in paths} == {tmp_path}
