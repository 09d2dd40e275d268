"""The tables below a chart: its gaps with their reasons, and the newest of its rows."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from barrio.console import shown, words
from barrio.console.parts import Tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo

    from barrio.console.visitor import Visitor

MOST_ROWS = 200


def add_gaps(visitor: Visitor, zone: ZoneInfo, gaps: Sequence[Mapping[str, Any]]) -> None:
    """Add a table of the gaps, with why there was nothing."""
    say, lang = visitor.say, visitor.lang
    with Tag("details", look="more"):
        Tag("summary", f"{say(words.GAPS)} ({len(gaps)})")
        with Tag("table", look="table"):
            with Tag("thead"), Tag("tr"):
                for text in (words.FROM, words.UNTIL, words.REASON):
                    Tag("th", say(text), scope="col")
            with Tag("tbody"):
                for one in gaps[:MOST_ROWS]:
                    until = say(words.STILL) if one["to"] is None else shown.clock(one["to"], zone, lang)
                    reason = words.reason_words(one["reason"], one["meaning"], lang)
                    with Tag("tr"):
                        Tag(
                            "td",
                            shown.clock(one["from"], zone, lang),
                            **{"data-label": say(words.FROM)},
                        )
                        Tag("td", until, **{"data-label": say(words.UNTIL)})
                        said = f"{reason}: {one['words']}" if one["words"] else reason
                        Tag("td", said, **{"data-label": say(words.REASON)})


def add_rows(visitor: Visitor, zone: ZoneInfo, drawing: Mapping[str, Any]) -> None:
    """Add the newest rows as a table, which a screen reader can walk through."""
    say = visitor.say
    rows = drawing.get("rows")
    if rows is None:
        rows = [[start, said, None, None] for start, _, said, _ in drawing["stretches"]]
    known = rows[-MOST_ROWS:]
    with Tag("details", look="more"):
        Tag("summary", say(words.AS_TABLE))
        heads = (words.WHEN, words.VALUE, words.LEAST, words.MOST)
        has_band = any(row[2] is not None for row in known)
        with Tag("table", look="table"):
            with Tag("thead"), Tag("tr"):
                for text in heads[: 4 if has_band else 2]:
                    Tag("th", say(text), scope="col")
            with Tag("tbody"):
                for row in reversed(known):
                    _cells(visitor, zone, row[: 4 if has_band else 2], [say(text) for text in heads])


def _cells(visitor: Visitor, zone: ZoneInfo, row: Sequence[Any], heads: Sequence[str]) -> None:
    when = datetime.fromtimestamp(row[0], zone)
    with Tag("tr"):
        Tag("th", f"{when:%Y-%m-%d %H:%M:%S}", scope="row")
        for one, head in zip(row[1:], heads[1:], strict=False):
            text = "" if one is None else one if isinstance(one, str) else shown.number(one, visitor.lang)
            Tag("td", text, **{"data-label": head})
