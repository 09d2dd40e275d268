"""What the platform says of itself: the numbers behind the live view, `/api/v1/status`, `/metrics` and `--json`."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from barrio.moments import rfc3339
from twin.quality import FIRST_BAD, Reason

if TYPE_CHECKING:
    from barrio.facts.teller import Teller
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
        "spool_bytes": platform.spool.used_bytes,
        "links": {
            "configured": len(platform.supervisor.links),
            "up": sum(status.up for status, _ in platform.supervisor.links),
        },
        "gaps": _gaps(platform),
        "strangers": [
            asdict(one) | {"first": rfc3339(one.first), "last": rfc3339(one.last)}
            for one in platform.supervisor.strangers.listed()
        ],
        "device_events": {"taken": platform.desk.taken, "lost": platform.desk.lost},
        "store": {"kind": _without_secret(platform.settings.store), "words": store_words(platform)},
        "rollups": platform.rollups.snapshot(),
        "alarms": [asdict(alarm) | {"since": rfc3339(alarm.since)} for alarm in alarms(platform)],
        "seconds": round(platform.clock.monotonic_s() - platform.started_s, 3),
        **({} if platform.facts is None else {"facts": _facts(platform.facts)}),
    }


def links(platform: Platform) -> list[dict[str, Any]]:
    """Return what is known of every link; `since` is the last change."""
    return [
        {
            "link": status.name,
            "protocol": status.protocol,
            "up": status.up,
            "since": rfc3339(status.since),
            "words": status.words,
            "drops": status.drops,
            "security": link.security,
            "devices": list(status.devices),
        }
        for status, link in platform.supervisor.links
    ]


def unready(platform: Platform) -> str:
    """Why readings are not taken or not stored now; empty when they are."""
    if platform.stopping:
        return "barrio is stopping"
    if platform.at_rest:
        return "barrio does not run with this data folder"
    if platform.intake.tally.words:
        return f"the spool takes nothing: {platform.intake.tally.words}"
    words = store_words(platform)
    return f"the store takes nothing: {words}" if words else ""


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
    if platform.ledger_words:
        found.append(Alarm("ledger refuses", "ledger", platform.ledger_words))
    if platform.clock_steps:
        found.append(Alarm("clock stepped", "clock", f"{platform.clock_steps} times since the start"))
    if (bugs := platform.supervisor.bugs).count:
        words = f"{bugs.count} since the start, the newest in {bugs.words}; the log says more"
        found.append(Alarm("fault of barrio", "barrio", words, bugs.since))
    found += [
        Alarm("link down", status.name, status.words, status.since)
        for status, _ in platform.supervisor.links
        if not status.up and status.drops
    ]
    return found


def heard_mask(platform: Platform) -> np.ndarray:
    """Return a boolean per series id: a usable value came in since this process started."""
    live = platform.live
    mask: np.ndarray = np.isfinite(live.heard_s) & (live.quality < FIRST_BAD)
    return mask


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


def _facts(teller: Teller) -> dict[str, Any]:
    """Return what the database was told beside readings, and why it is not told more now."""
    state = teller.state
    last = rfc3339(state.last) if state.last else None
    return {
        "told": state.rows,
        "waiting": state.waiting,
        "folded": state.folded,
        "lost": state.lost,
        "last": last,
        "words": state.words,
    }


def _without_secret(url: str) -> str:
    """Return a URL without the user and password that somebody may have put into it."""
    return re.sub(r"//[^/@]*@", "//", url)


def _gaps(platform: Platform) -> dict[str, Any]:
    codes = Counter(platform.gaps.reason[platform.catalogue.ids].tolist())
    by_reason = {Reason(code).slug: count for code, count in sorted(codes.items()) if code}
    return {"open": sum(by_reason.values()), "by_reason": by_reason}


def _readings(platform: Platform) -> dict[str, int]:
    """Return where the readings of this process are; those that waited when it began are settled first."""
    tally, books, before = platform.intake.tally, platform.spool.books(), platform.books_before
    stored, quarantined = books.stored - before.stored, books.quarantined - before.quarantined
    inherited = min(before.waiting, stored + quarantined)
    # Which of the inherited ones the store refused is not told apart: as few as can be.
    refused = max(0, inherited - stored)
    return {
        "received": tally.received,
        "unchanged": tally.unchanged,
        "stored": stored - (inherited - refused),
        "quarantined": quarantined - refused,
        "dropped": tally.dropped,
        "waiting": books.waiting - (before.waiting - inherited),
        "pending": platform.intake.pending,
    }


def _balanced(platform: Platform) -> bool:
    """Whether every reading is in one place; between two flushes only the spool's own books can be compared."""
    readings = _readings(platform)
    settled = sum(readings[key] for key in ("unchanged", "stored", "quarantined", "dropped", "waiting"))
    at_rest = not readings["pending"]
    return platform.spool.books().balanced and (not at_rest or readings["received"] == settled)
