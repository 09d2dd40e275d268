"""Changes reach the journal in order, also when the disk takes none for a while."""

from typing import Any

import pytest

from twin.alarms import scribe as module
from twin.alarms.journal import Journal
from twin.alarms.scribe import Scribe
from twin.sqlite import DatabaseBusy


def changes(*numbers):
    """Return what stands for changes."""
    found: list[Any] = list(numbers)
    return found


class Disk(Journal):
    """Takes what is put, unless it is full."""

    def __init__(self):
        self.kept: list[Any] = []
        self.full = False

    def put(self, changes):
        if self.full:
            raise DatabaseBusy("alarms.sqlite", "disk is full")
        self.kept += changes


def test_what_came_while_the_disk_was_full_is_written_in_order():
    """A write that failed is done again with all that came meanwhile."""
    disk = Disk()
    asked: list[Any] = []
    scribe = Scribe(disk, asked.append)
    disk.full = True
    scribe.put(changes(1, 2))
    with pytest.raises(DatabaseBusy):
        asked[0]()
    scribe.put(changes(3))
    disk.full = False
    asked[0]()

    assert (disk.kept, scribe.lost) == ([1, 2, 3], 0)


def test_one_write_takes_all_that_waits():
    """A flood is one transaction."""
    disk = Disk()
    asked: list[Any] = []
    scribe = Scribe(disk, asked.append)
    for number in range(1000):
        scribe.put(changes(number))

    assert len(asked) == 1
    asked[0]()
    assert disk.kept == list(range(1000))


def test_what_finds_no_room_is_counted(monkeypatch):
    """Memory is bounded."""
    monkeypatch.setattr(module, "MOST_WAITING", 3)
    disk = Disk()
    asked: list[Any] = []
    scribe = Scribe(disk, asked.append)
    scribe.put(changes(1, 2))
    scribe.put(changes(3, 4, 5))
    asked[0]()

    assert (disk.kept, scribe.lost) == ([1, 2, 3], 2)
