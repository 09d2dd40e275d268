"""`completeness` and `gaps --worst`: what is missing, as text."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from barrio import history
from barrio.commands.ask import as_json, ask
from barrio.errors import AskError
from barrio.moments import lasted
from twin.model.source import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from barrio.settings import Settings

PAGE = 10_000
FORMATS = ("table", "csv", "json")
_GROUPS = ("point", "device", "site", "district")
_SHORT = ("late", "backfilled", "uncertain", "estimated", "bad", "held", "missing")
_REASONS = 2

Body = dict[str, Any]


def completeness(settings: Settings, districts: Sequence[str], query: Mapping[str, Any], form: str) -> str:
    """Return what was expected and received."""
    if form not in FORMATS:
        raise AskError("--format", f"{form!r} is none of {', '.join(FORMATS)}{suggest(form, FORMATS)}")
    body = ask(settings, districts, "/api/v1/completeness", {**query, "limit": PAGE})
    while len(body["rows"]) < body["total"]:
        more = ask(
            settings,
            districts,
            "/api/v1/completeness",
            {**query, "from": body["from"], "to": body["to"], "limit": PAGE, "offset": len(body["rows"])},
        )
        if not more["rows"]:
            break
        body["rows"] += more["rows"]
    if form == "json":
        return as_json(body)
    return _csv(body) if form == "csv" else "\n".join(_table(body))


def worst(settings: Settings, districts: Sequence[str], query: Mapping[str, Any], *, machine: bool) -> str:
    """Return the points that were not heard for longest."""
    body = ask(settings, districts, "/api/v1/gaps", query)
    if machine:
        return as_json(body)
    rows = [
        [
            one["point"],
            lasted(one["missing_s"], 1),
            f"{one['gaps']:,}",
            lasted(one["longest_s"], 1),
            one["reason"] or "–",
            lasted(one["filled_s"], 1) if one["filled_s"] else "–",
        ]
        for one in body["worst"]
    ]
    head = ["point", "missing", "gaps", "longest", "mostly", "filled later"]
    return "\n".join(history.aligned([head, *rows])) if rows else "no gaps in this time"


def _table(body: Body) -> Iterator[str]:
    rows = body["rows"]
    if not rows:
        yield "nothing was expected in this time: no whole slot of any point has passed"
        return
    by_window = "day" in body["by"]
    group = next(name for name in _GROUPS if name in rows[0])
    shown = [name for name in _SHORT if any(row[name] for row in rows)]
    head = [
        group,
        *(["from"] if by_window else []),
        "expected",
        "received",
        "complete",
        *shown,
        "longest gap",
    ]
    zone = ZoneInfo(body["tz"])
    lines = [[*head, "not heard because"]]
    for row in rows:
        when = [_local(row["from"], zone, body["every"])] if by_window else []
        numbers = [f"{row[name]:,}" for name in ("expected", "received")]
        rest = [f"{row[name]:,}" for name in shown]
        longest = lasted(row["longest_gap_s"], 1)
        lines.append([row[group], *when, *numbers, _share(row), *rest, longest, _reasons(row)])
    yield from _aligned(lines, 2 if by_window else 1)
    if body["waiting"]:
        yield f"not counted yet: {body['waiting']:,} readings wait in the spool: {body['words']}"


def _aligned(lines: Sequence[Sequence[str]], texts: int) -> list[str]:
    """Align lines: `texts` columns at the beginning and the last one flush left, numbers flush right."""
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    last = len(widths) - 1
    return [
        "  ".join(
            cell.ljust(width) if at < texts or at == last else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


def _share(row: Body) -> str:
    """Return the share in percent, never rounded up to a whole that it is not."""
    share = 100 * row["complete"]
    return "100 %" if row["complete"] == 1 else f"{min(share, 99.99):.2f} %"


def _reasons(row: Body) -> str:
    found = list(row["reasons"].items())
    words = [f"{slug} {lasted(time, 1)}" for slug, time in found[:_REASONS]]
    words += [f"{len(found) - _REASONS} more"] if len(found) > _REASONS else []
    words += [f"filled later {lasted(row['filled_s'], 1)}"] if row["filled_s"] else []
    return ", ".join(words)


def _local(text: str, zone: ZoneInfo, every: str) -> str:
    moment = datetime.fromisoformat(text).astimezone(zone)
    return moment.strftime("%Y-%m-%d" if every[-1] in "dwoy" else "%Y-%m-%d %H:%M:%S %z")


def _csv(body: Body) -> str:
    """RFC 4180: a column for each number, the seconds of each reason in one of its own."""
    rows, zone = body["rows"], ZoneInfo(body["tz"])
    reasons = sorted({slug for row in rows for slug in row["reasons"]})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    names = [name for name in rows[0] if name not in {"from", "to", "reasons"}] if rows else []
    writer.writerow(["from", "to", *names, *(f"{slug}_s" for slug in reasons)])
    for row in rows:
        span = [datetime.fromisoformat(row[name]).astimezone(zone).isoformat() for name in ("from", "to")]
        times = [row["reasons"].get(slug, 0) for slug in reasons]
        writer.writerow([*span, *(row[name] for name in names), *times])
    return out.getvalue().rstrip("\r\n")
