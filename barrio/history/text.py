"""The history of points as text for a terminal: tables, sparklines, CSV."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from barrio.moments import local

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from twin.frame import Values

FORMATS = ("table", "json", "csv", "spark")
_BARS = "▁▂▃▄▅▆▇█"
_SPARK_WIDTH = 100
_READABLE, _UNREADABLE = 1e6, 1e15


def render(body: Mapping[str, Any], form: str) -> str:
    """Return the parsed answer of `/api/v1/history` as a table, a sparkline or CSV."""
    zone = ZoneInfo(body["tz"])
    if form == "csv":
        return _csv(body["series"], zone)
    parts = [_table(series, zone, body["every"], form) for series in body["series"]]
    return "\n\n".join(parts)


def sparkline(values: Sequence[float | None], width: int = _SPARK_WIDTH) -> str:
    """Return one character per value, at most `width` (means of neighbours beyond that); a dot where there is none."""
    column = np.array([np.nan if value is None else value for value in values], float)
    if len(column) > width:
        column = np.array([_mean(part) for part in np.array_split(column, width)])
    known = column[np.isfinite(column)]
    if not len(known):
        return "·" * len(column)
    low, span = float(known.min()), float(known.max() - known.min())
    scaled = (column - low) / span * (len(_BARS) - 1) if span else np.zeros(len(column))
    return "".join(
        _BARS[round(float(level))] if np.isfinite(value) else "·"
        for value, level in zip(column, scaled, strict=True)
    )


def _mean(part: Values) -> float:
    known = part[np.isfinite(part)]
    return float(known.mean()) if len(known) else np.nan


def _table(series: Mapping[str, Any], zone: ZoneInfo, every: str | None, form: str) -> str:
    unit = f" in {series['unit']}" if series["unit"] not in {"", "1"} else ""
    lines = [f"{series['point']}  {series['quantity']}{unit}{f', every {every}' if every else ''}"]
    drawn = _drawn(series)
    if drawn is not None:
        lines.append(_sparkline_with_range(*drawn))
    if form == "spark":
        return "\n".join(lines)
    names = [name for name, column in series.items() if isinstance(column, list)]
    rows = [_cells(row, zone, every) for row in zip(*(series[name] for name in names), strict=True)]
    if not rows:
        return "\n".join([*lines, "no readings in this time"])
    heads = [f"time ({zone.key})", *names[1:]]
    return "\n".join([*lines, *aligned([heads, *rows], numbers=True)])


def _drawn(series: Mapping[str, Any]) -> tuple[str, Sequence[float | None]] | None:
    """The first column of numbers that is there to be looked at."""
    for name, column in series.items():
        if not isinstance(column, list) or name in {"time", "start", "quality"}:
            continue
        if all(value is None or isinstance(value, (int, float)) for value in column):
            return name, column
    return None


def _sparkline_with_range(name: str, column: Sequence[float | None]) -> str:
    known = [value for value in column if value is not None]
    span = f"{shown(min(known))} to {shown(max(known))}" if known else "no values"
    return f"{sparkline(column)}  {name} {span}"


def _cells(row: Sequence[Any], zone: ZoneInfo, every: str | None) -> list[str]:
    when = local(_ns(row[0]), zone, seconds=every is None or every.endswith("s"))
    return [when, *("–" if value is None else shown(value) for value in row[1:])]


def shown(value: object, unit: str = "") -> str:
    """Return a value for a person: six digits, no exponent for what people can read, no unit where it is 1."""
    if not isinstance(value, float):
        text = str(value)
    elif _READABLE <= abs(value) < _UNREADABLE:
        text = f"{value:.0f}"
    else:
        text = f"{value:.6g}"
    return text if unit in {"", "1"} else f"{text} {unit}"


def _ns(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return round(moment.timestamp() * 1_000_000) * 1000


def aligned(rows: Sequence[Sequence[str]], *, numbers: bool = False) -> list[str]:
    """Return rows as lines of columns; with `numbers` all columns but the first are flush right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if numbers and at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _csv(found: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> str:
    """RFC 4180 with one header for all series: time with its offset from UTC, point, unit, then the columns."""
    names = list(dict.fromkeys(n for one in found for n, column in one.items() if isinstance(column, list)))[
        1:
    ]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["time", "point", "unit", *names])
    for one in found:
        times = one.get("start") or one.get("time") or []
        for at, text in enumerate(times):
            when = datetime.fromisoformat(text).astimezone(zone).isoformat(timespec="milliseconds")
            writer.writerow(
                [when, one["point"], one["unit"], *(one[n][at] if n in one else None for n in names)]
            )
    return out.getvalue().rstrip("\r\n")
