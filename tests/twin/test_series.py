from __future__ import annotations

import pytest

from twin.errors import StartError
from twin.series import SeriesRegistry


@pytest.fixture
def path(tmp_path):
    return tmp_path / "series.sqlite"


def opened(path):
    registry = SeriesRegistry(path)
    registry.open()
    return registry


def damage(path):
    data = bytearray(path.read_bytes())
    data[: len(data) // 2] = b"\xa5" * (len(data) // 2)
    path.write_bytes(data)


def test_ids_are_dense_and_stable(path):
    """Paths get small numbers once, in the order given, and keep them over restarts."""
    registry = opened(path)
    assert registry.assign(["d/a/x", "d/a/y"]) == {"d/a/x": 1, "d/a/y": 2}
    registry.close()

    registry = opened(path)

    assert registry.assign(["d/b/x", "d/a/y", "d/b/x"]) == {"d/b/x": 3, "d/a/y": 2}
    assert registry.series_paths() == {1: "d/a/x", 2: "d/a/y", 3: "d/b/x"}
    registry.close()


def test_states_have_numbers_of_their_own(path):
    """State names are numbered apart from paths."""
    registry = opened(path)
    registry.assign(["d/a/x"])

    assert registry.states(["closed", "open"]) == {"closed": 1, "open": 2}
    assert registry.state_names() == {1: "closed", 2: "open"}
    registry.close()


def test_ids_are_durable_before_use(path):
    """A process that is killed after assign has not lost the numbers."""
    registry = opened(path)
    given = registry.assign(["d/a/x", "d/a/y"])

    assert opened(path).assign(["d/a/y", "d/a/x"]) == given


def test_ten_thousand_points(path):
    """A large district is numbered in one go."""
    registry = opened(path)

    ids = registry.assign(f"d/lamp-{number}/power" for number in range(10_000))

    assert sorted(ids.values()) == list(range(1, 10_001))
    registry.close()


def test_damaged_file_is_replaced_by_its_copy(path):
    """A damaged registry comes back from its copy with the same numbers."""
    registry = opened(path)
    given = registry.assign(["d/a/x", "d/a/y"])
    registry.close()
    damage(path)

    registry = opened(path)

    assert registry.set_aside == path.with_name("series.sqlite.damaged-1")
    assert registry.set_aside.exists()
    assert registry.assign(["d/a/y", "d/a/x", "d/a/z"]) == {**given, "d/a/z": 3}
    registry.close()


def test_lost_file_is_replaced_by_its_copy(path):
    """A registry that somebody deleted comes back from its copy."""
    registry = opened(path)
    registry.assign(["d/a/x"])
    registry.close()
    path.unlink()

    assert opened(path).series_paths() == {1: "d/a/x"}


def test_no_guess_when_both_are_damaged(path):
    """When file and copy are damaged the platform does not start: other numbers would mix up the history."""
    registry = opened(path)
    registry.assign(["d/a/x"])
    registry.close()
    damage(path)
    damage(registry.copy)

    with pytest.raises(StartError, match=r"series\.sqlite is damaged"):
        opened(path)


def test_unusable_place_is_a_start_error(tmp_path):
    """A registry that cannot be made says where and why."""
    with pytest.raises(StartError, match=r"cannot open .*none/series.sqlite: unable to open"):
        opened(tmp_path / "none" / "series.sqlite")
