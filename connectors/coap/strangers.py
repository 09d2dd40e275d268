"""Who speaks here and was not configured, and packs that speak for somebody else."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from connectors.base import Sink
    from connectors.payloads.senml import Record

_MOST = 256
_AGAIN_S = 60.0
# RFC 8428, section 4.5.1 allows these between the parts of a name; `urn:dev:ops:32473-lamp:` has the device last.
_PARTS = re.compile(r"[:/;,]+")


class Strangers:
    """Tells the sink of strangers: each once a minute, and no more than 256 different ones a minute."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._said: OrderedDict[str, float] = OrderedDict()

    def seen(self, identity: str, words: str) -> None:
        """Take note of one."""
        now = time.monotonic()
        while self._said and next(iter(self._said.values())) < now - _AGAIN_S:
            self._said.popitem(last=False)
        if identity in self._said or len(self._said) >= _MOST:
            return
        self._said[identity] = now
        self._sink.stranger(identity, words)


def another(records: Sequence[Record], own: str, names: Container[str]) -> str | None:
    """Return the endpoint name of another device that a pack's names speak of, None when they speak of none."""
    for base in dict.fromkeys(record.name.removesuffix(record.own) for record in records):
        parts = [part for part in (base, *_PARTS.split(base)) if part in names]
        if parts and own not in parts:
            return parts[0]
    return None
