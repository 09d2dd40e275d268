"""A file is whole or not there, whatever fails on the way."""

import errno

import pytest

from barrio.exports import file
from barrio.tables.forms import Form
from tests.barrio.tables.stage import part, table
from twin.files import Files


class Failing(Files):
    """Files of which the n-th operation fails."""

    def __init__(self, at: int) -> None:
        self.left = at

    def _count(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise OSError(errno.ENOSPC, "No space left on device")

    def open(self, path, *, create=False):
        self._count()
        return super().open(path, create=create)

    def write_at(self, descriptor, data, offset):
        self._count()
        return super().write_at(descriptor, data, offset)

    def sync(self, descriptor):
        self._count()
        super().sync(descriptor)

    def rename(self, source, target):
        self._count()
        super().rename(source, target)


@pytest.mark.parametrize("form", [Form.CSV, Form.PARQUET])
def test_each_operation_fails_once(tmp_path, form):
    """Until everything succeeds there is no file at all, and then it is whole."""
    path = tmp_path / "out"
    for at in range(1, 100):
        try:
            found = file.write(table(iter([part(20)])), form, path, lambda _rows, _size: None, Failing(at))
        except OSError:
            assert list(tmp_path.iterdir()) == []
        else:
            break

    assert at > 4
    assert (found.rows, found.bytes) == (20, path.stat().st_size)
    assert [one.name for one in tmp_path.iterdir()] == ["out"]


def test_stopped_on_the_way(tmp_path):
    """Whoever watches may stop it, and nothing is left."""

    def stop(rows, size):
        assert rows
        assert size
        raise InterruptedError

    with pytest.raises(InterruptedError):
        file.write(table(iter([part(20)])), Form.NDJSON, tmp_path / "out", stop)

    assert list(tmp_path.iterdir()) == []
