"""The pages, each a module that says what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from barrio.console.pages import alarms, device, devices, district, explorer, point, sign_in, why

if TYPE_CHECKING:
    from barrio.console.front import Console

RESPONSE_S = 15.0
"""Longest that a page takes to be made, on a busy machine with a store far away."""


def add(console: Console) -> None:
    """Register the pages."""
    for one in (district, devices, device, point, alarms, why, explorer, sign_in):
        one.add(console)
