"""The words of an alarm: the texts of rules with what they stand for filled in, and those that need no text.

Only whole names in braces are replaced, and only with what stands in a mapping: nothing that a text says can reach an
attribute of an object, as it could with `str.format`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from twin.alarms.rule import Frozen, InStates, Limits, Silent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from twin.alarms.rule import Subject

PLACEHOLDERS = ("name", "value", "limit", "unit", "device", "site", "count", "since")
OF_GROUPS = ("count", "total", "name", "device", "site", "since")
OF_ADVICE = ("name", "device", "site")
OF_LINKS = ("device", "site")
_NAMED = re.compile(r"\{([a-zA-Z_][a-zA-Z0-9_.]{0,40})\}")
_SECONDS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def placeholders(text: str) -> Iterator[str]:
    """Yield the names in braces of a text."""
    for match in _NAMED.finditer(text):
        yield match[1]


def filled(text: str, known: Mapping[str, str]) -> str:
    """Return a text with the names in braces replaced; what is not known stays as it stands."""
    return _NAMED.sub(lambda match: known.get(match[1], match[0]), text)


def number(value: float, unit: str) -> str:
    """Return a value with its unit, in as many digits as a person reads."""
    return f"{value:.4g} {unit}".rstrip() if abs(value) < 10_000 else f"{value:,.0f} {unit}".rstrip()


def duration(seconds: float) -> str:
    """Return `90 s`, `5 min` or `2 h`: in the largest unit that leaves it whole, or nearly so."""
    for size, unit in _SECONDS:
        if seconds >= 2 * size or (seconds >= size and seconds % size == 0):
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def by_default(subject: Subject) -> str:
    """Return the text of a rule that has none."""
    condition, what = subject.condition, _what(subject)
    if isinstance(condition, Limits):
        return f"{what} of {{name}} is {{value}}, the limit is {{limit}}"
    if isinstance(condition, InStates):
        return f"{what} of {{name}} is {{value}}"
    if isinstance(condition, Frozen):
        return f"{what} of {{name}} has not changed for {duration(condition.after_s)}: {{value}}"
    if isinstance(condition, Silent):
        return "{name} is not heard"
    return f"{{name}}: {subject.expression.text if subject.expression else 'the condition holds'}"


def _what(subject: Subject) -> str:
    if subject.point is not None:
        return subject.point.name
    return subject.expression.text if subject.expression else "value"
