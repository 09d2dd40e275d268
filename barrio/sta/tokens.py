"""The text of a filter as tokens; linear in its length, and bounded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from barrio.errors import AskError
from barrio.sta.limits import LONGEST_OPTION, MOST_TOKENS

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(
    r"""(?P<space>[ \t]+)
      | (?P<time>\d{4}-\d\d-\d\d(?:T[0-9:.]+(?:Z|[+\-]\d\d:?\d\d|[ ]\d\d:\d\d)?)?)
      | (?P<number>\d+(?:\.\d+)?(?:[eE][+\-]?\d+)?)
      | (?P<string>'(?:[^']|'')*')
      | (?P<word>@?[A-Za-z_][A-Za-z0-9_.@]*)
      | (?P<sign>[(),/\-])""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `at` is its place in the text, from 0."""

    kind: str
    text: str
    at: int


def tokens(text: str, option: str) -> list[Token]:
    """Return the tokens of a filter; AskError names the option, the limit, or the place that is not understood."""
    if len(text) > LONGEST_OPTION:
        raise AskError(option, f"has {len(text):,} characters, at most {LONGEST_OPTION:,} are taken")
    found = []
    for token in _scan(text, option):
        found.append(token)
        if len(found) > MOST_TOKENS:
            raise AskError(option, f"has more than {MOST_TOKENS} words, numbers and signs")
    return found


def _scan(text: str, option: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise AskError(option, f"{text[at : at + 20]!r} is not understood at character {at + 1}")
        if match.lastgroup != "space":
            yield Token(str(match.lastgroup), match[0], at)
        at = match.end()
