"""Topics and topic filters (MQTT 3.1.1 and 5.0, section 4.7). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Section 4.7.3: a topic is a UTF-8 string of 1 to 65,535 bytes.
_MOST_BYTES = 65_535


def fault_of(topic: str) -> str:
    """Return why `topic` is no name of a topic, empty when it is one."""
    if "+" in topic or "#" in topic:
        return f"{topic!r} holds a wildcard, a point has one topic"
    return _common_fault(topic)


def filter_fault_of(text: str) -> str:
    """Return why `text` is no topic filter, empty when it is one."""
    levels = text.split("/")
    if any("#" in level and level != "#" for level in levels) or "#" in levels[:-1]:
        return f"{text!r}: # stands alone, as the last level (section 4.7.1.2)"
    if any("+" in level and level != "+" for level in levels):
        return f"{text!r}: + stands for a whole level (section 4.7.1.3)"
    return _common_fault(text)


def _common_fault(text: str) -> str:
    if not text:
        return "a topic has at least one character"
    if "\0" in text or len(text.encode("utf-8", "surrogatepass")) > _MOST_BYTES:
        return f"a topic has no null character and at most {_MOST_BYTES} bytes (section 4.7.3)"
    return ""


def join(base: str, topic: str) -> str:
    """Return `topic` below `base`; either may be empty."""
    return f"{base}/{topic}" if base and topic else base or topic


def covers(wide: str, narrow: str) -> bool:
    """Whether the filter `wide` takes every topic that `narrow`, a topic or a filter, stands for.

    Wildcards in the first level do not take topics that begin with `$` (section 4.7.2).
    """
    if narrow.startswith("$") and wide[:1] in {"+", "#"}:
        return False
    levels = narrow.split("/")
    for at, level in enumerate(wide.split("/")):
        if level == "#":
            return True
        if at >= len(levels) or levels[at] == "#" or level not in {"+", levels[at]}:
            return False
    return wide.count("/") == narrow.count("/")


def grouped(filters: Iterable[str]) -> list[str]:
    """Return the filters without those that a wildcard among them covers, so that no message comes twice."""
    wanted = list(dict.fromkeys(filters))
    wild = [wide for wide in wanted if "+" in wide or "#" in wide]
    return [one for one in wanted if not any(wide != one and covers(wide, one) for wide in wild)]
