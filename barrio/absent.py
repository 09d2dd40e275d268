"""Libraries that others look for and that are not wanted: while they are looked for, they are not there."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


@contextmanager
def absent(name: str) -> Iterator[None]:
    """Let importing a library fail, unless it is there already, for who takes that for an answer."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = cast("ModuleType", None)
    try:
        yield
    finally:
        del sys.modules[name]
