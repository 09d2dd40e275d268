"""A query as an InfluxDB gets it from Grafana: variables, time and interval put in.

The browser computes the interval of a panel and puts dashboard variables in; Grafana's server then replaces
`$timeFilter`, `$interval`, `$__interval_ms` and `$__interval` in this order, as plain text, and says the interval in
the largest unit that fits, cut to whole ones. (Grafana 11 to 13: `rangeutil.ts` and `templateSrv`, the InfluxDB data
source's `models/query.go`, `gtime`.)
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from dashboards.preview.span import Span

Value = str | Sequence[str]

DEFAULT_POINTS = 1500
"""What Grafana's server takes for `maxDataPoints` where a query says nothing."""

_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000
# Below each limit, the interval that is taken instead. The browser counts the limit to what comes after it.
_LIMITS: tuple[tuple[float, int], ...] = (
    (10, 1),
    (15, 10),
    (35, 20),
    (75, 50),
    (150, 100),
    (350, 200),
    (750, 500),
    (1.5 * _SECOND, _SECOND),
    (3.5 * _SECOND, 2 * _SECOND),
    (7.5 * _SECOND, 5 * _SECOND),
    (12.5 * _SECOND, 10 * _SECOND),
    (17.5 * _SECOND, 15 * _SECOND),
    (25 * _SECOND, 20 * _SECOND),
    (45 * _SECOND, 30 * _SECOND),
    (1.5 * _MINUTE, _MINUTE),
    (3.5 * _MINUTE, 2 * _MINUTE),
    (7.5 * _MINUTE, 5 * _MINUTE),
    (12.5 * _MINUTE, 10 * _MINUTE),
    (17.5 * _MINUTE, 15 * _MINUTE),
    (25 * _MINUTE, 20 * _MINUTE),
    (45 * _MINUTE, 30 * _MINUTE),
    (1.5 * _HOUR, _HOUR),
    (2.5 * _HOUR, 2 * _HOUR),
    (4.5 * _HOUR, 3 * _HOUR),
    (9 * _HOUR, 6 * _HOUR),
    (24 * _HOUR, 12 * _HOUR),
    (7 * _DAY, _DAY),
    (21 * _DAY, 7 * _DAY),
    (42 * _DAY, 30 * _DAY),
)
_BOUNDS = tuple(limit for limit, _ in _LIMITS)
_ROUNDED = (*(rounded for _, rounded in _LIMITS), 365 * _DAY)
_UNITS = ((365 * _DAY, "y"), (_DAY, "d"), (_HOUR, "h"), (_MINUTE, "m"), (_SECOND, "s"), (1, "ms"))
_DURATION = re.compile(r"^[<>]?(\d+(?:\.\d+)?)(ms|[smhdwMy])?$")
_MS = {
    "ms": 1,
    "s": _SECOND,
    "m": _MINUTE,
    "h": _HOUR,
    "d": _DAY,
    "w": 7 * _DAY,
    "M": 30 * _DAY,
    "y": 365 * _DAY,
}
_NAMED = re.compile(r"\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.[^:^}]+)?(?::([^}]+))?\}")
_SPECIAL = re.compile(r"[\\^$*+?.()|[\]{}/]")


def round_interval(ms: float) -> int:
    """Return the interval in ms that Grafana's browser takes for an exact one."""
    return _ROUNDED[bisect_right(_BOUNDS, ms)]


def panel_interval(span: Span, points: int, least: str = "") -> int:
    """Return `$__interval_ms` of a panel with `maxDataPoints` and a minimum interval ("" for none), in ms.

    The minimum is the panel's own, else that of its data source; a panel on mixed data sources knows only its own.
    """
    return max(round_interval(span.length_ms / max(points, 1)), duration_ms(least) if least else 1)


def duration_ms(text: str) -> int:
    """Return `10s`, `>1m` or `5` (seconds) in ms; ValueError for anything else."""
    found = _DURATION.match(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no duration such as 10s")
    return round(float(found[1]) * _MS[found[2] or "s"])


def interval_text(ms: int) -> str:
    """Return an interval as Grafana's server writes it: 90 s is `1m`."""
    return next((f"{ms // unit}{name}" for unit, name in _UNITS if ms >= unit), "1ms")


def regex_escaped(text: str) -> str:
    """Return text that a regular expression takes as it is, the way Grafana escapes it."""
    return _SPECIAL.sub(lambda found: "\\" + found[0], text)


def formatted(value: Value, form: str = "") -> str:
    """Return the value of a variable in a format: none, regex, pipe, csv, raw, text, singlequote or doublequote."""
    values = [value] if isinstance(value, str) else list(value)
    if form == "regex":
        escaped = [regex_escaped(one) for one in values]
        return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"
    if form == "pipe":
        return "|".join(values)
    if form in ("csv", "raw"):
        return ",".join(values)
    if form == "text":
        return " + ".join(values)
    if form in ("singlequote", "doublequote"):
        mark = "'" if form == "singlequote" else '"'
        return ",".join(f"{mark}{one.replace(mark, chr(92) + mark)}{mark}" for one in values)
    return values[0] if len(values) == 1 else "{" + ",".join(values) + "}"


def built_in(span: Span) -> dict[str, Value]:
    """Return the variables that every dashboard has: `__from`, `__to`, `__range`, `__range_s`, `__range_ms`."""
    seconds = round(span.length_ms / 1000)
    return {
        "__from": str(span.start_ms),
        "__to": str(span.stop_ms),
        "__range": f"{seconds}s",
        "__range_s": str(seconds),
        "__range_ms": str(span.length_ms),
    }


def with_variables(text: str, variables: Mapping[str, Value]) -> str:
    """Return text with `$name`, `${name}`, `${name:format}` and `[[name]]` replaced; unknown names stay."""

    def value_of(found: re.Match[str]) -> str:
        name = found[1] or found[2] or found[4]
        if name not in variables:
            return found[0]
        form = found[3] or found[5] or ""
        if form.startswith("date"):
            return _date(str(variables[name]), form)
        value = variables[name]
        return str(value) if isinstance(value, Everything) else formatted(value, form)

    return _NAMED.sub(value_of, text)


class Everything(str):
    """The pattern that a variable stands for while "All" is chosen: put in as it is, in any format."""

    __slots__ = ()


def interpolate(
    query: str, span: Span, interval_ms: int, variables: Mapping[str, Value] | None = None
) -> str:
    """Return a query as the database gets it."""
    text = with_variables(query, {**built_in(span), **(variables or {})})
    when = f"time >= {span.start_ms}ms and time <= {span.stop_ms}ms"
    for name, value in (
        ("$timeFilter", when),
        ("$interval", interval_text(interval_ms)),
        ("$__interval_ms", str(interval_ms)),
        ("$__interval", interval_text(interval_ms)),
    ):
        text = text.replace(name, value)
    return text


def chosen(dashboard: Mapping[str, object]) -> dict[str, Value]:
    """Return what the variables of a dashboard stand for when it is opened, by its `templating.list`."""
    templating = dashboard.get("templating")
    listed = templating.get("list", ()) if isinstance(templating, Mapping) else ()
    return {str(one["name"]): _current(one) for one in listed}


def _current(variable: Mapping[str, object]) -> Value:
    current = variable.get("current")
    value = current.get("value") if isinstance(current, Mapping) else None
    if value is None:
        value = variable.get("query", "")
    values = [str(one) for one in value] if isinstance(value, list) else [str(value)]
    if values == ["$__all"]:
        pattern = variable.get("allValue")
        return Everything(pattern) if isinstance(pattern, str) and pattern else _options(variable)
    return values[0] if len(values) == 1 and not variable.get("multi") else values


def _options(variable: Mapping[str, object]) -> list[str]:
    """Return every value of a variable: its options, else what its `query` lists (`text : value, value`)."""
    options = variable.get("options")
    if isinstance(options, list) and options:
        return [str(one["value"]) for one in options if one.get("value") != "$__all"]
    parts = re.split(r"(?<!\\),", str(variable.get("query", "")))
    return [part.replace("\\,", ",").split(" : ", 1)[-1].strip() for part in parts if part.strip()]


def _date(ms: str, form: str) -> str:
    when = datetime.fromtimestamp(int(ms) / 1000, UTC)
    if form.endswith(":seconds"):
        return str(int(ms) // 1000)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
