"""What the tests of alarms share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.twin.alarms.stage import Stage, staged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def stage(tmp_path) -> Iterator[Callable[..., Stage]]:
    """A function that makes a stage of `alarms.yaml`; everything is closed afterwards."""
    made: list[Stage] = []

    def make(*given) -> Stage:
        made.append(staged(tmp_path, *given))
        return made[-1]

    yield make
    for one in made:
        one.close()
