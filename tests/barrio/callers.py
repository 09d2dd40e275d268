"""Who asks, for an application with a few routes and no platform."""

from types import SimpleNamespace
from typing import Any

from barrio.access.who import Who


def inside(*, whole: bool = True, roles: tuple[str, ...] = ("operator",)) -> Any:
    """What stands for `Sights`: whoever asks is a caller who sees everything, or not."""
    sight: Any = SimpleNamespace(whole=whole)
    return SimpleNamespace(inside=lambda: Who("barrio", sight, frozenset(roles)))
