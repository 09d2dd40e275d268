"""`notify status` and `notify test` as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from barrio import history
from barrio.client import answers, tell
from barrio.commands.ask import as_json, ask
from barrio.service import run_loop
from barrio.terminal import plain

if TYPE_CHECKING:
    from barrio.settings import Settings

_COUNTS = ("waiting", "sent", "failed", "given_up", "folded")


def status(settings: Settings, districts: Sequence[str], *, machine: bool) -> str:
    """Return how each channel stands."""
    body = ask(settings, districts, "/api/v1/notifications")
    if machine:
        return as_json(body)
    if not body["channels"]:
        return "no district has a channel: notify in alarms.yaml, suppliers in services.yaml"
    head = ["channel", "way", *(name.replace("_", " ") for name in _COUNTS), "last words"]
    return "\n".join(history.aligned([head, *map(_row, body["channels"])]))


def test(settings: Settings, channel: str) -> tuple[str, bool]:
    """Send a test message; returns the receiver's words, and whether it was taken."""

    async def asked() -> Any:
        async with answers(settings, []) as client:
            return await tell(client, "/api/v1/notifications/test", {"channel": channel})

    body = run_loop(asked())
    verdict = "delivered" if body["delivered"] else "not delivered"
    return plain(f"{body['channel']}: {verdict}: {body['words']}"), bool(body["delivered"])


def _row(one: Mapping[str, Any]) -> list[str]:
    words = f"{one['words']} ({one['at'][:19].replace('T', ' ')} UTC)" if one["words"] else "–"
    return [one["channel"], one["way"], *(f"{one[key]:,}" for key in _COUNTS), words]
