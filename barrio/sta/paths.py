"""Resource paths (18-088, 9.2): what the part of a URL after the service's root names."""

from __future__ import annotations

import re
from dataclasses import dataclass

from barrio.errors import AskError, UnknownName
from barrio.sta.limits import LONGEST_PATH, MOST_SEGMENTS

_SEGMENT = re.compile(r"([A-Za-z@$][A-Za-z0-9_.@]*)(?:\((.*)\))?", re.DOTALL)
_QUOTED = re.compile(r"'((?:[^']|'')*)'", re.DOTALL)
REF, VALUE = "$ref", "$value"


@dataclass(frozen=True, slots=True)
class Segment:
    """One step: a name, and an id where one stands behind it. `1` and `'1'` are one id."""

    name: str
    id: str | None

    def __str__(self) -> str:
        """Return it, short enough for an error."""
        return self.name[:60] if self.id is None else f"{self.name[:60]}({self.id[:40]})"


def parse_path(text: str) -> list[Segment]:
    """Return the steps of a path; AskError where it is too long, UnknownName where a step is none."""
    if len(text) > LONGEST_PATH:
        raise AskError("path", f"has {len(text):,} characters, at most {LONGEST_PATH:,} are taken")
    parts = _parts(text.strip("/"))
    if len(parts) > MOST_SEGMENTS:
        raise AskError("path", f"has {len(parts)} steps, at most {MOST_SEGMENTS} are taken")
    return [_segment(one) for one in parts]


def _parts(text: str) -> list[str]:
    """Return what stands between slashes; one within quotes belongs to an id."""
    parts, begin, quoted = [], 0, False
    for at, letter in enumerate(text):
        if letter == "'":
            quoted = not quoted
        elif letter == "/" and not quoted:
            parts.append(text[begin:at])
            begin = at + 1
    return [*parts, text[begin:]]


def _segment(text: str) -> Segment:
    found = _SEGMENT.fullmatch(text)
    if found is None:
        raise UnknownName(f"there is no {text[:60]!r}; a path is such as Things(1)/Datastreams")
    if found[2] is None:
        return Segment(found[1], None)
    quoted = _QUOTED.fullmatch(found[2])
    return Segment(found[1], quoted[1].replace("''", "'") if quoted else found[2])
