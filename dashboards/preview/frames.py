"""Frames: what an InfluxDB answers, as Grafana's server makes tables of it.

As in the InfluxDB data source's `response_parser.go` (Grafana 11 to 13): a target in the format `time_series` gives one
frame a series and column, one in the format `table` gives one frame with a column a tag.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from dashboards.preview.interpolate import interval_text

Kind = Literal["time", "number", "string", "boolean"]
Row = dict[str, Any]
_ALIAS = re.compile(r"\$(\w+)|\[\[(.+?)\]\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a frame; `title` is the name that the data source gave it, "" where it gave none. Times are in ms."""

    name: str
    kind: Kind
    values: Sequence[Any]
    labels: Mapping[str, str] = field(default_factory=dict)
    title: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)

    def with_values(self, values: Sequence[Any]) -> Column:
        """Return it with other values."""
        return replace(self, values=values)


@dataclass(frozen=True, slots=True)
class Frame:
    """A table of columns of one length; `ref` is the letter of the query that gave it."""

    name: str
    ref: str
    columns: Sequence[Column]

    @property
    def rows(self) -> int:
        """How many rows."""
        return len(self.columns[0].values) if self.columns else 0

    @property
    def time(self) -> Column | None:
        """The first column of times."""
        return next((one for one in self.columns if one.kind == "time"), None)

    @property
    def has_values(self) -> bool:
        """Whether anything but times and nothing stands in it."""
        return any(value is not None for one in self.columns if one.kind != "time" for value in one.values)


def frames_of(series: Sequence[Row], target: Mapping[str, Any], interval_ms: int) -> list[Frame]:
    """Return the frames of the series of one statement's result."""
    ref = str(target.get("refId", ""))
    if not series:
        return []
    if target.get("resultFormat") == "table":
        return [_table(series, ref)]
    return [
        _of_series(row, number, column, target, interval_ms)
        for row in series
        for number, column in enumerate(row["columns"])
        if column != "time"
    ]


def kind_of(values: Sequence[Any]) -> Kind:
    """Return what a column holds, by the first value that is there; a number where there is none."""
    first = next((value for value in values if value is not None), None)
    if isinstance(first, bool):
        return "boolean"
    return "string" if isinstance(first, str) else "number"


def _of_series(row: Row, number: int, column: str, target: Mapping[str, Any], interval_ms: int) -> Frame:
    values = [one[number] for one in row["values"]]
    times = [one[0] for one in row["values"]]
    tags = row.get("tags", {})
    name = _name(str(target.get("alias") or ""), row["name"], column, tags, interval_ms)
    columns = (Column("Time", "time", times), Column("Value", kind_of(values), values, tags, name))
    return Frame(name, str(target.get("refId", "")), columns)


def _name(alias: str, measurement: str, column: str, tags: Mapping[str, str], interval_ms: int) -> str:
    if not alias:
        shown = f" {{ {', '.join(f'{key}: {value}' for key, value in tags.items())} }}" if tags else ""
        return f"{measurement}.{column}{shown}"
    known = {
        "m": measurement,
        "measurement": measurement,
        "col": column,
        "__interval": interval_text(interval_ms),
        "__interval_ms": str(interval_ms),
        **{str(number): part for number, part in enumerate(measurement.split("."))},
        **{f"tag_{key}": value for key, value in tags.items()},
    }
    return _ALIAS.sub(lambda found: known.get(found[1] or found[2], found[0]), alias)


def _table(series: Sequence[Row], ref: str) -> Frame:
    first = series[0]
    has_time = first["columns"][0] == "time"
    columns = [_cells(series, 0, "Time", "time")] if has_time else [_cells(series, 0, first["columns"][0])]
    for key in sorted(first.get("tags", {})):
        values = [row.get("tags", {}).get(key, "") for row in series for _ in row["values"]]
        columns.append(Column(key, "string", values, title=key))
    columns += [_cells(series, number, name) for number, name in enumerate(first["columns"]) if number]
    return Frame(first["name"], ref, columns)


def _cells(series: Sequence[Row], number: int, name: str, kind: Kind | None = None) -> Column:
    values = [one[number] for row in series for one in row["values"]]
    return Column(name, kind or kind_of(values), values, title="" if kind else name)
