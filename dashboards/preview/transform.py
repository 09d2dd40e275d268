"""Transformations: what Grafana's browser does to frames before a panel shows them, as far as our dashboards use it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from dashboards.preview.frames import Column, Frame, kind_of
from dashboards.preview.reduce import reduced
from dashboards.preview.units import moment_text

Options = Mapping[str, Any]


class NotKnown(ValueError):
    """Raised for a transformation that is none of ours."""


def transformed(frames: Sequence[Frame], transformations: Sequence[Options]) -> list[Frame]:
    """Return frames after all transformations, in order; NotKnown for one that is none of ours."""
    found = list(frames)
    for one in transformations:
        if one.get("disabled"):
            continue
        kind = str(one["id"])
        if kind not in _KNOWN:
            raise NotKnown(f"the transformation {kind!r} is not drawn")
        found = _KNOWN[kind](found, one.get("options") or {})
    return found


def name_of(column: Column) -> str:
    """Return the name by which transformations know a column."""
    return str(column.config.get("displayName") or column.title or column.name)


def picked(frame: Frame, rows: Sequence[int]) -> Frame:
    """Return only these rows, in this order."""
    columns = [one.with_values([one.values[row] for row in rows]) for one in frame.columns]
    return replace(frame, columns=columns)


def _organize(frames: list[Frame], options: Options) -> list[Frame]:
    hidden, places = options.get("excludeByName") or {}, options.get("indexByName") or {}
    names, wanted = options.get("renameByName") or {}, options.get("includeByName") or {}
    found = []
    for frame in frames:
        shown = [one for one in frame.columns if not hidden.get(name_of(one)) and _wanted(one, wanted)]
        shown.sort(key=lambda one: places.get(name_of(one), len(places)))
        columns = [_renamed(one, str(names.get(name_of(one)) or "")) for one in shown]
        found.append(replace(frame, columns=columns))
    return found


def _wanted(column: Column, wanted: Options) -> bool:
    return not wanted or bool(wanted.get(name_of(column)) or wanted.get(column.name))


def _renamed(column: Column, name: str) -> Column:
    return replace(column, config={**column.config, "displayName": name}) if name else column


def _sort(frames: list[Frame], options: Options) -> list[Frame]:
    for one in reversed(options.get("sort") or ()):
        frames = [_sorted(frame, str(one.get("field", "")), bool(one.get("desc"))) for frame in frames]
    return frames


def _sorted(frame: Frame, name: str, desc: bool) -> Frame:  # noqa: FBT001 -- as Grafana calls it
    column = next((one for one in frame.columns if name in (name_of(one), one.name)), None)
    if column is None:
        return frame
    there = [row for row, value in enumerate(column.values) if value is not None]
    missing = [row for row, value in enumerate(column.values) if value is None]
    there.sort(key=lambda row: column.values[row], reverse=desc)
    return picked(frame, [*there, *missing])


def _limit(frames: list[Frame], options: Options) -> list[Frame]:
    most = int(options.get("limitField") or 10)
    return [picked(frame, range(min(most, frame.rows))) for frame in frames]


def _merge(frames: list[Frame], _: Options) -> list[Frame]:
    """Join all frames to one table: rows that agree in all columns that they share become one."""
    frames = [frame for frame in frames if frame.columns]
    if len(frames) <= 1:
        return frames
    names = list(dict.fromkeys(name_of(one) for frame in frames for one in frame.columns))
    rows: list[dict[str, Any]] = []
    for frame in frames:
        for number in range(frame.rows):
            row = {name_of(one): one.values[number] for one in frame.columns}
            fits = (
                other
                for other in rows
                if all(other.get(key, value) == value for key, value in row.items()) and set(other) & set(row)
            )
            match = next(fits, None)
            if match is None:
                rows.append(row)
            else:
                match.update(row)
    return [_of_rows(frames, names, rows)]


def _of_rows(frames: Sequence[Frame], names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Frame:
    first = {name_of(one): one for frame in reversed(frames) for one in frame.columns}
    columns = [first[name].with_values([row.get(name) for row in rows]) for name in names]
    return Frame(frames[0].name, frames[0].ref, columns)


def _join(frames: list[Frame], options: Options) -> list[Frame]:
    """Join frames by the values of one column (`joinByField`), the time where none is named."""
    by = str(options.get("byField") or "")
    sides = []
    for frame in frames:
        key = next(
            (
                one
                for one in frame.columns
                if (by and by in (name_of(one), one.name)) or (not by and one.kind == "time")
            ),
            None,
        )
        if key is not None:
            sides.append((frame, key))
    if not sides:
        return frames
    values: dict[Any, None] = {}
    for _, key in sides:
        values.update(dict.fromkeys(key.values))
    keys = list(values)
    if options.get("mode") == "inner":
        keys = [one for one in keys if all(one in set(key.values) for _, key in sides)]
    columns = [sides[0][1].with_values(keys)]
    for frame, key in sides:
        place = {value: row for row, value in enumerate(key.values)}
        rows = [place.get(value) for value in keys]
        columns += [
            one.with_values([None if row is None else one.values[row] for row in rows])
            for one in frame.columns
            if one is not key
        ]
    return [Frame(sides[0][0].name, sides[0][0].ref, _told_apart(columns))]


def _told_apart(columns: Sequence[Column]) -> list[Column]:
    """Number names that occur twice, as Grafana does: `Time 1`, `Time 2`."""
    names = [name_of(one) for one in columns]
    seen: dict[str, int] = {}
    found = []
    for column, name in zip(columns, names, strict=True):
        seen[name] = seen.get(name, 0) + 1
        twice = names.count(name) > 1
        found.append(replace(column, name=f"{name} {seen[name]}", title="") if twice else column)
    return found


def _filter_values(frames: list[Frame], options: Options) -> list[Frame]:
    keep = options.get("type", "include") == "include"
    joined = all if options.get("match") == "all" else any
    tests = options.get("filters") or ()
    found = []
    for frame in frames:
        by_name = {name_of(one): one for one in frame.columns} | {one.name: one for one in frame.columns}
        here = [
            (by_name[one["fieldName"]], one.get("config") or {})
            for one in tests
            if one.get("fieldName") in by_name
        ]
        if not here:
            found.append(frame)
            continue
        rows = [
            row
            for row in range(frame.rows)
            if joined(_passes(column.values[row], test) for column, test in here) is keep
        ]
        found.append(picked(frame, rows))
    return found


def _passes(value: Any, test: Options) -> bool:
    kind, limit = str(test.get("id")), (test.get("options") or {}).get("value")
    if kind in ("isNull", "isNotNull"):
        return (value is None) is (kind == "isNull")
    if kind == "regex":
        return value is not None and re.search(str(limit), str(value)) is not None
    if kind in ("equal", "notEqual"):
        same = str(value) == str(limit) or _number(value) == _number(limit) is not None
        return same is (kind == "equal")
    one, other = _number(value), _number(limit)
    if one is None or other is None:
        return False
    return {
        "greater": one > other,
        "greaterOrEqual": one >= other,
        "lower": one < other,
        "lowerOrEqual": one <= other,
    }.get(kind, True)


def _number(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return None


def _filter_names(frames: list[Frame], options: Options) -> list[Frame]:
    include, exclude = options.get("include"), options.get("exclude")
    return [
        replace(
            frame,
            columns=[
                one
                for one in frame.columns
                if _named(one, include, default=True) and not _named(one, exclude, default=False)
            ],
        )
        for frame in frames
    ]


def _named(column: Column, rule: Options | None, *, default: bool) -> bool:
    if not rule:
        return default
    pattern = rule.get("pattern")
    name = name_of(column)
    return name in (rule.get("names") or ()) or (
        bool(pattern) and re.search(str(pattern).strip("/"), name) is not None
    )


def _reduce(frames: list[Frame], options: Options) -> list[Frame]:
    calcs = options.get("reducers") or ["max"]
    columns = [one for frame in frames for one in frame.columns if one.kind in {"number", "string"}]
    if options.get("mode") == "reduceFields":
        return [
            replace(
                frame,
                columns=[
                    one.with_values([reduced(one.values, calcs[0])])
                    for one in frame.columns
                    if one.kind != "time"
                ],
            )
            for frame in frames
        ]
    names = Column("Field", "string", [name_of(one) for one in columns])
    results = [
        Column(_CALCS.get(calc, calc), "number", [reduced(one.values, calc) for one in columns])
        for calc in calcs
    ]
    labels = (
        [Column(key, "string", [one.labels.get(key, "") for one in columns]) for key in _labels(columns)]
        if options.get("labelsToFields")
        else []
    )
    return [Frame("", frames[0].ref if frames else "", [names, *labels, *results])]


_CALCS = {
    "lastNotNull": "Last *",
    "last": "Last",
    "max": "Max",
    "min": "Min",
    "mean": "Mean",
    "sum": "Total",
    "count": "Count",
}


def _labels(columns: Sequence[Column]) -> list[str]:
    return list(dict.fromkeys(key for one in columns for key in one.labels))


def _group(frames: list[Frame], options: Options) -> list[Frame]:
    """Group the rows of each frame by some columns, and reduce others (`groupBy`)."""
    rules = options.get("fields") or {}
    found = []
    for frame in frames:
        known = {name_of(one): one for one in frame.columns}
        keys = [
            known[name]
            for name, rule in rules.items()
            if rule.get("operation") == "groupby" and name in known
        ]
        groups: dict[tuple[Any, ...], list[int]] = {}
        for row in range(frame.rows):
            groups.setdefault(tuple(one.values[row] for one in keys), []).append(row)
        columns = [one.with_values([key[place] for key in groups]) for place, one in enumerate(keys)]
        for name, rule in rules.items():
            for calc in (
                rule.get("aggregations") or ()
                if rule.get("operation") == "aggregate" and name in known
                else ()
            ):
                values = [
                    reduced([known[name].values[row] for row in rows], calc) for rows in groups.values()
                ]
                columns.append(Column(f"{name} ({calc})", kind_of(values), values))
        found.append(replace(frame, columns=columns))
    return found


def _labels_to_fields(frames: list[Frame], options: Options) -> list[Frame]:
    """Make columns of labels; rows of all frames stand under one another (`labelsToFields` and a merge)."""
    found = []
    for frame in frames:
        labels = {key: value for one in frame.columns for key, value in one.labels.items()}
        name = labels.pop(str(options.get("valueLabel") or ""), "")
        extra = [Column(key, "string", [value] * frame.rows) for key, value in labels.items()]
        columns = [
            replace(one, labels={}, title=name or one.name) if one.kind != "time" else one
            for one in frame.columns
        ]
        found.append(replace(frame, columns=[*columns[:1], *extra, *columns[1:]]))
    return _merge(found, {})


def _rows_of_series(frames: list[Frame], _: Options) -> list[Frame]:
    """Stack series as rows with a column that names them (`seriesToRows`)."""
    rows = [
        (time, name_of(one), value)
        for frame in frames
        for one in frame.columns
        if one.kind != "time" and frame.time is not None
        for time, value in zip(frame.time.values, one.values, strict=True)
    ]
    rows.sort(key=lambda row: -row[0])
    columns = [
        Column("Time", "time", [row[0] for row in rows]),
        Column("Metric", "string", [row[1] for row in rows]),
    ]
    return [Frame("", "", [*columns, Column("Value", "number", [row[2] for row in rows])])]


def _convert(frames: list[Frame], options: Options) -> list[Frame]:
    by_name = {str(one.get("targetField")): one for one in options.get("conversions") or ()}
    return [
        replace(frame, columns=[_converted(one, by_name.get(name_of(one))) for one in frame.columns])
        for frame in frames
    ]


def _converted(column: Column, how: Options | None) -> Column:
    if how is None:
        return column
    kind = how.get("destinationType")
    if kind == "string" and column.kind == "time" and how.get("dateFormat"):
        zone = ZoneInfo(str(how.get("timezone") or "UTC"))
        texts = [
            None if ms is None else moment_text(float(ms), str(how["dateFormat"]), zone)
            for ms in column.values
        ]
        return replace(column, kind="string", values=texts)
    if kind == "string":
        return replace(
            column, kind="string", values=[None if one is None else str(one) for one in column.values]
        )
    if kind == "number":
        return replace(column, kind="number", values=[_number(one) for one in column.values])
    return replace(column, kind=kind or column.kind)


def _extract(frames: list[Frame], options: Options) -> list[Frame]:
    """Make columns of texts such as `day=1 hour=07` (`extractFields` in the format `kvp`)."""
    if options.get("format") != "kvp":
        raise NotKnown(f"fields are not extracted from {options.get('format')!r}")
    found = []
    for frame in frames:
        source = next(
            (one for one in frame.columns if options.get("source") in (name_of(one), one.name)), None
        )
        if source is None:
            found.append(frame)
            continue
        rows = [
            dict(part.split("=", 1) for part in str(text or "").split() if "=" in part)
            for text in source.values
        ]
        names = dict.fromkeys(key for row in rows for key in row)
        made = [Column(name, "string", [row.get(name) for row in rows]) for name in names]
        found.append(replace(frame, columns=made if options.get("replace") else [*frame.columns, *made]))
    return found


def _matrix(frames: list[Frame], options: Options) -> list[Frame]:
    """Make a row for each value of one column and a column for each of another (`groupingToMatrix`)."""
    wanted = [str(options.get(key) or "") for key in ("rowField", "columnField", "valueField")]
    found = []
    for frame in frames:
        known = {name_of(one): one for one in frame.columns} | {one.name: one for one in frame.columns}
        if not all(name in known for name in wanted):
            found.append(frame)
            continue
        row_of, column_of, value_of = (known[name] for name in wanted)
        rows, across = (list(dict.fromkeys(one.values)) for one in (row_of, column_of))
        cells = dict(zip(zip(row_of.values, column_of.values, strict=True), value_of.values, strict=True))
        head = Column(f"{wanted[0]}\\{wanted[1]}", row_of.kind, rows)
        body = [
            replace(value_of, name=str(one), title="", values=[cells.get((row, one)) for row in rows])
            for one in across
        ]
        found.append(replace(frame, columns=[head, *body]))
    return found


_KNOWN: Mapping[str, Callable[[list[Frame], Options], list[Frame]]] = {
    "organize": _organize,
    "sortBy": _sort,
    "limit": _limit,
    "merge": _merge,
    "joinByField": _join,
    "filterByValue": _filter_values,
    "filterFieldsByName": _filter_names,
    "reduce": _reduce,
    "groupBy": _group,
    "labelsToFields": _labels_to_fields,
    "seriesToRows": _rows_of_series,
    "convertFieldType": _convert,
    "extractFields": _extract,
    "groupingToMatrix": _matrix,
    "prepareTimeSeries": lambda frames, _: frames,
}
