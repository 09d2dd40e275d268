"""What people do about alarms, requests and services: done when it is on the disk, and not answered before."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from twin.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from barrio.platform import Platform

T = TypeVar("T")

WITHIN_S = 5.0


async def on_record(platform: Platform, change: Callable[[], T]) -> T:
    """Make a change and return what came of it once it is on the disk.

    TransientError when the disk takes nothing: then nothing was changed; or not in time: then it was, and it is said.
    """
    if platform.ledger_words:
        raise TransientError("data folder", f"{platform.ledger_words}: nothing was changed")
    found = change()
    if words := await platform.recorded(WITHIN_S):
        raise TransientError("data folder", f"{words}: it holds, and is not on record yet")
    return found
