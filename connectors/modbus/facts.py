"""What a device has refused so far, and how that is written into a note.

A note is a shortcut: one that is damaged, of another version or of other addresses is not believed, and everything is
learned anew.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connectors.modbus.registers import LAST_ADDRESS, Table

if TYPE_CHECKING:
    from collections.abc import Iterable

Address = Annotated[int, Field(ge=0, le=LAST_ADDRESS)]
Stop = Annotated[int, Field(ge=1, le=LAST_ADDRESS + 1)]
Time = Annotated[int, Field(ge=0, lt=1 << 63)]

MOST_KEPT = 5_000
"""Refusals, and borders, that a note holds; it may not be longer than a note can be. The rest is learned anew."""

SpanKey = tuple[str, int, int]
"""Table, first address and the one after the last."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why and until when a span is left alone: the exception's code, and when it is tried again, ns UTC."""

    code: int
    retry_ns: int


@dataclass(slots=True)
class Facts:
    """What one device taught: spans set aside, pairs of addresses never to be asked together, shorter limits.

    `most` maps whether a table is one of bits to the longest request of it.
    """

    aside: dict[SpanKey, Refusal] = field(default_factory=dict)
    apart: dict[Table, set[tuple[int, int]]] = field(default_factory=dict)
    most: dict[bool, int] = field(default_factory=dict)


class _Note(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1]
    digest: str
    aside: list[tuple[Table, Address, Stop, Literal[2, 3], Time]]
    apart: list[tuple[Table, Address, Address]]
    registers: Annotated[int, Field(ge=1, le=125)] | None
    bits: Annotated[int, Field(ge=1, le=2000)] | None


def digest_of(spans: Iterable[SpanKey], options: object) -> str:
    """Return the digest of a device's addresses and of what else decides which requests it gets."""
    text = repr((sorted(spans), options))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def write(facts: Facts, digest: str) -> str:
    """Return the note."""
    return _Note(
        version=1,
        digest=digest,
        aside=[
            (Table(table), start, stop, refusal.code, refusal.retry_ns)
            for (table, start, stop), refusal in islice(sorted(facts.aside.items()), MOST_KEPT)
        ],
        apart=list(
            islice(
                ((table, *pair) for table in sorted(facts.apart) for pair in sorted(facts.apart[table])),
                MOST_KEPT,
            )
        ),
        registers=facts.most.get(False),
        bits=facts.most.get(True),
    ).model_dump_json()


def read(text: str | None, digest: str) -> Facts:
    """Return what a note says; no facts when there is none, or none of these addresses."""
    facts = Facts()
    try:
        note = _Note.model_validate_json(text or "")
    except ValidationError:
        return facts
    if note.digest != digest:
        return facts
    for table, start, stop, code, retry_ns in note.aside:
        facts.aside[table.value, start, stop] = Refusal(code, retry_ns)
    for table, near, far in note.apart:
        facts.apart.setdefault(table, set()).add((near, far))
    known = {False: note.registers, True: note.bits}
    facts.most = {of_bits: most for of_bits, most in known.items() if most is not None}
    return facts
