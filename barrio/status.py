"""What the platform says of itself: the numbers behind the live view, `/api/v1/status`, `/metrics` and `--json`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.quality import FIRST_BAD

if TYPE_CHECKING:
    from barrio.platform import Platform

SPOOL_ALARM = 0.8


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something of the platform itself that a person should look at. `since` is ns UTC, 0 when not known."""

    kind: str
    subject: str
    words: str
    since: int = 0


def snapshot(platform: Platform) -> dict[str, Any]:
    """Return counts of devices, points, readings and links, as plain data for JSON.

    `readings` are of this process: received = unchanged + stored + quarantined + dropped + waiting, at rest. `books`
    are those of the data folder since it was made. `heard` means: a usable value came in since this process started.
    """
    return {
        "devices": _devices(platform),
        "points": _points(platform),
        "readings": _readings(platform),
        "first_stored_s": dict(sorted(platform.first_stored_s.items())),
        "balanced": _balanced(platform),
        "books": asdict(platform.spool.books()),
        "links": {
            "configured": len(platform.supervisor.links),
            "up": sum(status.up for status, _ in platform.supervisor.links),
        },
        "gaps": {"open": int(np.count_nonzero(platform.gaps.reason[platform.catalogue.ids]))},
        "store": {"kind": platform.settings.store, "words": store_words(platform)},
        "alarms": [asdict(alarm) for alarm in alarms(platform)],
        "seconds": round(platform.clock.monotonic_s() - platform.started_s, 3),
    }


def store_words(platform: Platform) -> str:
    """Why the store does not take readings now; empty when it does."""
    return platform.store_words or platform.writer.state.words


def alarms(platform: Platform) -> list[Alarm]:
    """Return what is wrong with the platform itself, the gravest first."""
    found: list[Alarm] = []
    words = store_words(platform)
    if words:
        found.append(Alarm("store denied" if platform.writer.state.denied else "store away", "store", words))
    if platform.intake.tally.words:
        found.append(Alarm("spool refuses", "spool", platform.intake.tally.words))
    used = platform.spool.used_bytes / platform.settings.spool_bytes
    if used > SPOOL_ALARM:
        found.append(Alarm("spool filling", "spool", f"{used:.0%} full"))
    books = platform.spool.books()
    if books.damaged:
        found.append(Alarm("spool damaged", "spool", f"{books.damaged} readings were in damaged records"))
    if books.quarantined:
        found.append(
            Alarm("dead letters", "store", f"{books.quarantined} readings were refused by the store")
        )
    if platform.clock_steps:
        found.append(Alarm("clock stepped", "clock", f"{platform.clock_steps} times since the start"))
    found += [
        Alarm("link down", status.name, status.words, status.since)
        for status, _ in platform.supervisor.links
        if not status.up and status.drops
    ]
    return found


def heard_mask(platform: Platform) -> np.ndarray:
    """Return a boolean per series id: a usable value came in since this process started."""
    live = platform.live
    return np.isfinite(live.heard_s) & (live.quality < FIRST_BAD)


def _devices(platform: Platform) -> dict[str, int]:
    heard = heard_mask(platform)
    devices = platform.catalogue.devices
    return {
        "configured": len(devices),
        "heard": sum(any(heard[item.id] for item in bound.points) for bound in devices),
    }


def _points(platform: Platform) -> dict[str, int]:
    ids = platform.catalogue.ids
    return {"configured": len(ids), "heard": int(np.count_nonzero(heard_mask(platform)[ids]))}


def _readings(platform: Platform) -> dict[str, int]:
    tally, books, before = platform.intake.tally, platform.spool.books(), platform.books_before
    return {
        "received": tally.received,
        "unchanged": tally.unchanged,
        "stored": books.stored - before.stored,
        "quarantined": books.quarantined - before.quarantined,
        "dropped": tally.dropped,
        "waiting": books.waiting - before.waiting,
        "pending": platform.intake.pending,
    }


def _balanced(platform: Platform) -> bool:
    readings = _readings(platform)
    settled = sum(
        readings[key] for key in ("unchanged", "stored", "quarantined", "dropped", "waiting", "pending")
    )
    return readings["received"] == settled and platform.spool.books().balanced
