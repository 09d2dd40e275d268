"""What is wrong in a district and since when, a few rows of it: the first thing that the map page says.

Alarms come first, the gravest and newest of them; then, site by site, the devices of which nothing is heard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from barrio.console import frame, shown, words
from barrio.moments import rfc3339
from twin.alarms.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from barrio.console.places import Places, Thing
    from barrio.console.visitor import Visitor

MOST_ROWS = 6
_OUT_OF_SIGHT = frozenset({State.SHELVED, State.SUPPRESSED})


def rows_of(
    visitor: Visitor, here: Places, alarms: Sequence[dict[str, Any]], letters: str
) -> tuple[list[list[str]], int]:
    """Return rows of a standing, a name, its page, what is wrong and since when; and how many more there are."""
    found = [*_alarms(visitor, here, alarms), *_silent(visitor, here, letters)]
    return found[:MOST_ROWS], max(0, len(found) - MOST_ROWS)


def _alarms(visitor: Visitor, here: Places, alarms: Sequence[dict[str, Any]]) -> list[list[str]]:
    lang, district = visitor.lang, here.district
    return [
        [
            "a",
            one["name"] or one["rule"],
            "/console/alarms",
            f"{words.priority_words(one['priority'], lang)}, {words.alarm_words(one['state'], lang)}: {one['words']}",
            _since(visitor, here, one["since"]),
        ]
        for one in alarms
        if one["district"] == district.id and one["state"] not in _OUT_OF_SIGHT
    ]


def _silent(visitor: Visitor, here: Places, letters: str) -> list[list[str]]:
    by_site: dict[str, list[Thing]] = {}
    for one, letter in zip(here.things, letters, strict=True):
        if letter == "s":
            by_site.setdefault(one.site, []).append(one)
    since = visitor.platform.gaps.since
    names = {one.id: one.name for one in here.sites}
    return [
        _site(visitor, here, names.get(site, site), found, since)
        for site, found in sorted(by_site.items(), key=lambda pair: -len(pair[1]))
    ]


def _site(visitor: Visitor, here: Places, site: str, found: Sequence[Thing], since: np.ndarray) -> list[str]:
    """Return one row of a site; a single device is named itself, and leads to its own page."""
    first = int(min(since[one.ids[one.own]].max() for one in found))
    when = _since(visitor, here, rfc3339(first) if first else None)
    if len(found) == 1:
        name, page = found[0].name, frame.device_page(found[0].path)
        return ["s", name, page, visitor.say(words.MEANT["s"]), when]
    said = visitor.say(words.SILENT_COUNT.fill(count=len(found)))
    name = site or visitor.say(words.NO_PLACE)
    return ["s", name, frame.address("/console/devices", state="s", filter=site), said, when]


def _since(visitor: Visitor, here: Places, text: str | None) -> str:
    if text is None:
        return ""
    clock = shown.clock(text, here.district.zone, visitor.lang)
    return f"{visitor.say(words.SINCE).lower()} {clock}"
