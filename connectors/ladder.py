"""The ladder of connectors, Bronze to Platinum: computed from what the conformance suite recorded, never claimed.

The record stands beside the connector's code and travels with it. It counts only as long as the code is the one that
was tried: other files than those recorded are `not proven`.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connectors.base import Connector

RECORD = "conformance.json"
LEAST_LINES = 0.95
PASSED = "passed"


class Rung(IntEnum):
    """How much of the contract a connector has been seen to hold."""

    NONE = 0
    BRONZE = 1
    SILVER = 2
    GOLD = 3
    PLATINUM = 4

    @property
    def slug(self) -> str:
        """Name in files and answers."""
        return self.name.lower()


CHECKS: Mapping[str, tuple[Rung, str]] = {
    "says_what_it_is": (Rung.BRONZE, "describes itself: name, schemes, frozen models"),
    "is_registered": (Rung.BRONZE, "is found by its entry point"),
    "validates_without_network": (Rung.BRONZE, "validates without network"),
    "names_mistakes": (Rung.BRONZE, "names what is wrong in a profile"),
    "shares_links_by_peer": (Rung.BRONZE, "has one link for each peer"),
    "has_readme_and_example": (Rung.BRONZE, "has a README whose example passes the check"),
    "reads_numbers_and_states": (Rung.BRONZE, "reads numbers and states"),
    "zero_is_a_value": (Rung.BRONZE, "takes zero for a value"),
    "absence_is_absence": (Rung.BRONZE, "gives a bad reading with its reason where there is no value"),
    "late_is_normal": (Rung.BRONZE, "takes a late answer for an answer"),
    "up_means_answered": (Rung.BRONZE, "says `up` only when the peer has answered"),
    "never_returns": (Rung.BRONZE, "raises TransientError when the peer is away, and never returns"),
    "probe_is_bounded": (Rung.BRONZE, "probes in bounded time"),
    "wrong_reply_gives_no_value": (Rung.BRONZE, "takes no value from a wrong reply"),
    "reads_byte_by_byte": (Rung.BRONZE, "reads replies however the stream is cut"),
    "comes_back_after": (Rung.SILVER, "comes back after every trouble"),
    "comes_back_after_garbage": (Rung.SILVER, "comes back after malformed frames"),
    "says_it_once": (Rung.SILVER, "does not log each failed try"),
    "makes_no_retry_storm": (Rung.SILVER, "does not dial again and again"),
    "links_share_no_fate": (Rung.SILVER, "keeps links apart"),
    "closes_in_time": (Rung.SILVER, "closes in bounded time in every state"),
    "waits_while_the_buffer_is_full": (Rung.SILVER, "waits while the buffer is full"),
    "leaks_nothing": (Rung.SILVER, "leaks nothing over 200 reconnects"),
    "discovers": (Rung.GOLD, "drafts a profile of an unknown device"),
    "tells_no_secret": (Rung.GOLD, "tells no secret in errors, logs and diagnostics"),
    "stands_troubles_under_load": (Rung.PLATINUM, "stands troubles under load"),
    "readme_gives_a_rate": (Rung.PLATINUM, "has a measured rate in its README"),
}
"""Checks of the suite, by name: the first rung that needs it, and what it shows."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a run of the suite gave: outcomes by check, `passed`, `failed` or `skipped: why`.

    `sources` is the digest of the files that were tried, `lines` how many lines of functions ran and how many there
    are, `properties` the number of property tests that passed.
    """

    connector: str
    kit: str
    sources: str
    checks: Mapping[str, str]
    lines: tuple[int, int] = (0, 0)
    properties: int = 0

    def text(self) -> str:
        """Return the file's content."""
        data = {
            "connector": self.connector,
            "kit": self.kit,
            "sources": self.sources,
            "lines": {"run": self.lines[0], "of": self.lines[1]},
            "properties": self.properties,
            "checks": dict(sorted(self.checks.items())),
        }
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a connector stands: its rung, and what is missing to the next.

    `proven` is whether the files that are installed are those that were tried; without that the rung is `NONE`.
    """

    rung: Rung
    proven: bool
    missing: Sequence[str]


def read_record(path: Path) -> Record | None:
    """Return the record of a file, None when there is none or it cannot be understood."""
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        lines = (int(data["lines"]["run"]), int(data["lines"]["of"]))
        checks = {str(name): str(outcome) for name, outcome in data["checks"].items()}
        return Record(
            str(data["connector"]),
            str(data["kit"]),
            str(data["sources"]),
            checks,
            lines,
            int(data["properties"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def digest(folder: Path) -> str:
    """Return the digest of a connector's code and README: names and contents of all `.py` and `.md` files."""
    total = hashlib.sha256()
    for path in sorted(path for kind in ("*.py", "*.md") for path in folder.rglob(kind)):
        content = hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
        total.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return f"sha256:{total.hexdigest()}"


def folder_of(connector: Connector) -> Path:
    """Return the folder of a connector's package."""
    return Path(str(sys.modules[type(connector).__module__].__file__)).parent


def standing(connector: Connector) -> Standing:
    """Return where an installed connector stands, by the record beside its code."""
    folder = folder_of(connector)
    return judge(read_record(folder / RECORD), connector.name, digest(folder))


def judge(record: Record | None, name: str, sources: str) -> Standing:
    """Return what a record proves of the connector `name` whose files have the digest `sources`."""
    if record is None or record.connector != name:
        return Standing(Rung.NONE, proven=False, missing=[f"no conformance record ({RECORD})"])
    if record.sources != sources:
        return Standing(Rung.NONE, proven=False, missing=["its files are not those that were tried"])
    rung = Rung.NONE
    for step in list(Rung)[1:]:
        missing = _missing(record, step)
        if missing:
            return Standing(rung, proven=True, missing=missing)
        rung = step
    return Standing(rung, proven=True, missing=[])


def _missing(record: Record, rung: Rung) -> list[str]:
    """Return what a record lacks for a rung, the ones below being climbed."""
    lacking = [_words(record, name) for name, (needed, _) in CHECKS.items() if needed is rung]
    if rung is Rung.SILVER and not _runs_enough(*record.lines):
        run, of = record.lines
        lacking.append(f"runs {LEAST_LINES:.0%} of its lines in tests ({run} of {of} ran)")
    if rung is Rung.GOLD and not record.properties:
        lacking.append("has property tests")
    return [words for words in lacking if words]


def _runs_enough(run: int, of: int) -> bool:
    return of > 0 and run >= LEAST_LINES * of


def _words(record: Record, check: str) -> str:
    """Return what is missing of one check, in all of its cases; empty when nothing is."""
    outcomes = {name: outcome for name, outcome in record.checks.items() if name.partition("[")[0] == check}
    wrong = [f"{name}: {outcome}" for name, outcome in outcomes.items() if outcome != PASSED]
    if outcomes and not wrong:
        return ""
    return f"{CHECKS[check][1]} ({'; '.join(wrong) or f'{check}: not tried'})"
