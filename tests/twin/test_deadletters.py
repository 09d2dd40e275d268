from __future__ import annotations

import math
from dataclasses import replace

import pytest

from twin.deadletters import DeadLetters, Letter

FIRST = Letter(7, 3, "d/a/x", 1_000, 1_001, 0, 21.5, 0, "400: field type conflict", 2_000)


@pytest.fixture
def letters(tmp_path):
    result = DeadLetters(tmp_path / "letters.sqlite", limit=10)
    result.open()
    yield result
    result.close()


def test_letters_come_back_newest_first(letters):
    """A letter keeps the whole reading and the store's words."""
    second = replace(FIRST, time=1_500, value=0.0)

    assert letters.put([FIRST, second]) == 2
    assert letters.list() == [second, FIRST]
    assert letters.list(limit=1) == [second]
    assert letters.newest(3) == second
    assert letters.newest(4) is None


def test_the_same_reading_is_one_letter(letters):
    """A batch that is refused again after a restart changes nothing."""
    letters.put([FIRST])

    assert letters.put([FIRST, replace(FIRST, seq=8)]) == 1
    assert letters.count() == 2


def test_a_reading_without_value_stays_without(letters):
    """Absence comes back as absence and zero as zero."""
    letters.put([replace(FIRST, value=math.nan), replace(FIRST, time=2, value=-0.0)])

    values = [letter.value for letter in letters.list()]

    assert values[0] == 0
    assert math.isnan(values[1])


def test_the_oldest_leave_and_stay_counted(letters):
    """The table is bounded, the count is not."""
    for time in range(25):
        letters.put([replace(FIRST, time=time)])

    assert (letters.count(), letters.kept()) == (25, 10)
    assert [letter.time for letter in letters.list()] == list(range(24, 14, -1))


def test_letters_survive_a_kill(letters, tmp_path):
    """What put has returned for is there for the next process."""
    letters.put([FIRST])
    again = DeadLetters(tmp_path / "letters.sqlite")

    assert again.open() is None
    assert again.list() == [FIRST]
    again.close()


def test_damaged_file_is_set_aside(tmp_path):
    """A damaged table gets another name and an empty one takes its place."""
    path = tmp_path / "letters.sqlite"
    path.write_bytes(b"\xa5" * 8192)
    letters = DeadLetters(path)

    assert letters.open() == tmp_path / "letters.sqlite.damaged-1"
    assert letters.put([FIRST]) == 1
    letters.close()
