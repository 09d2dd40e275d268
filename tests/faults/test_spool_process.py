"""The spool on real disks: its process killed, its disk full."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys

import pytest

from tests.twin.ingest.batches import alike, batch
from twin.frame import Batch
from twin.ingest.spool import Limits, Spool, SpoolError, SpoolFull


@pytest.mark.timeout(120)
def test_killed_at_a_hundred_moments(tmp_path):
    """Through a hundred kills nothing acknowledged is lost, nothing is altered, and the books balance."""
    command = [sys.executable, "-m", "tests.faults.spool_killer", str(tmp_path), "100", "20261123"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=110, check=True)

    result = json.loads(run.stdout)

    assert result["faults"] == []
    assert result["rounds"] == 100
    assert result["taken"] > 300


def fill(spool: Spool) -> tuple[list[Batch], SpoolError]:
    """Append until the disk refuses."""
    given: list[Batch] = []
    for seed in range(1000):
        each = batch(500, seed)
        try:
            spool.append(each)
        except SpoolError as error:
            return given, error
        given.append(each)
    pytest.fail("the disk never became full")


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of half a megabyte; needs the right to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    options = ["-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    if subprocess.run(["mount", *options], check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_full_disk(small_disk):
    """A full disk refuses the batch, keeps all before it, lets them be settled, and takes again when there is room."""
    spool = Spool(small_disk / "spool", Limits(max_bytes=1 << 30, segment_bytes=50_000, memory_bytes=0))
    spool.open()
    given, error = fill(spool)
    assert "no space left on device" in str(error)
    assert not isinstance(error, SpoolFull)
    assert alike(spool.read(0, 1_000_000), given)
    (small_disk / "other").write_bytes(b"")

    reopened = Spool(spool.folder, spool.limits)
    spool.close()
    assert reopened.open().clean
    assert alike(reopened.read(0, 1_000_000), given)
    reopened.acknowledge(len(given))

    assert reopened.append(batch(500)) == len(given) + 1
    assert reopened.books().balanced
    assert (reopened.marks_failed, reopened.books().stored) == (0, 500 * len(given))
    reopened.close()


def test_file_size_limit(tmp_path):
    """A record that could be written only in part is cut off, and the next one goes to another segment."""
    spool = Spool(tmp_path / "spool", Limits(memory_bytes=0))
    spool.open()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        given, error = fill(spool)
        again = spool.append(batch(500, 77))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert "file too large" in str(error)
    assert again == len(given) + 1
    assert alike(spool.read(0, 1_000_000), [*given, batch(500, 77)])
    assert spool.books().balanced
    reopened = Spool(spool.folder)
    spool.close()
    assert reopened.open().clean
    assert alike(reopened.read(0, 1_000_000), [*given, batch(500, 77)])
    reopened.close()
