"""What drafts of profiles are written with, whatever a device calls its things: safe scalars, and ids for points.

A draft guesses nothing: where a quantity is not certain stands `CHOOSE`, which `barrio check` refuses.
"""

from __future__ import annotations

import re

CHOOSE = "CHOOSE"

_LONGEST_ID = 56  # leaves room for a number below the 64 characters of an id
_BETWEEN = re.compile(r"[^a-z0-9]+")
# Unquoted these are no text to all who read YAML (version 1.1, https://yaml.org/type/bool.html, null.html).
_WORDS_OF_YAML = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def quoted(text: str) -> str:
    """Return any text as a scalar in double quotes on one line (YAML 1.2.2, 7.3.1 and 5.7)."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(sign: str) -> str:
    if sign in {'"', "\\"}:
        return f"\\{sign}"
    if sign.isprintable():
        return sign
    return f"\\u{ord(sign):04X}" if ord(sign) <= 0xFFFF else f"\\U{ord(sign):08X}"


def remark(text: str, longest: int = 160) -> str:
    """Return what somebody else said as words for a person: one line of what a terminal shows, not too long."""
    plain = "".join(sign if sign.isprintable() else "?" for sign in text[: longest + 1])
    return plain if len(plain) <= longest else f"{plain[: longest - 1]}…"


def as_key(name: str) -> str:
    """Return a point's id as a key, in quotes where YAML would take it for something else than a word."""
    return quoted(name) if name[0].isdigit() or name in _WORDS_OF_YAML else name


def plain_id(text: str) -> str:
    """Return what is left of a text in an id: the end of it, where what it names is told apart; may be empty."""
    return _BETWEEN.sub("_", text.lower()).strip("_")[-_LONGEST_ID:].strip("_")


class Names:
    """Ids for points, none given twice."""

    def __init__(self) -> None:
        self._given: dict[str, int] = {}

    def make(self, *texts: str) -> str:
        """Return the id of the first of `texts` that is free, else the last with a number behind it."""
        ids = [plain_id(text) or "point" for text in texts]
        name = next((one for one in ids if one not in self._given), ids[-1])
        while name in self._given:
            self._given[ids[-1]] += 1
            name = f"{ids[-1]}_{self._given[ids[-1]]}"
        self._given[name] = 1
        return name
