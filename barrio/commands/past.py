"""`twin` and `models`: the twin at a moment, what changed, and which models there were, as text."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from barrio import history
from barrio.commands.ask import as_json, ask
from barrio.moments import lasted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from barrio.settings import Settings

PAGE = 10_000
SHOWN_POINTS = 60
SHOWN_REASONS = 15
SHOWN_CHANGES = 200
_DIGEST = 12

Body = dict[str, Any]


def twin(
    settings: Settings, districts: Sequence[str], query: Mapping[str, Any], *, machine: bool, everything: bool
) -> str:
    """Return the twin at a moment, or with `compare` what changed between two."""
    name = "points" if query.get("compare") is None else "changes"
    body = _whole(settings, districts, query, name)
    if machine:
        return as_json(body)
    lines = _changes(body, everything=everything) if name == "changes" else _twin(body, everything=everything)
    return "\n".join(lines)


def models(settings: Settings, districts: Sequence[str], *, machine: bool) -> str:
    """Return every version of every district that ran."""
    body = ask(settings, districts, "/api/v1/models")
    if machine:
        return as_json(body)
    rows = [
        [
            one["district"],
            one["digest"][:_DIGEST],
            _utc(one["since"]),
            _utc(one["until"]) if one["until"] else "now",
            f"{one['devices']:,}",
            f"{one['points']:,}",
            f"{one['rules']:,}",
        ]
        for one in body["models"]
    ]
    head = ["district", "model", "since (UTC)", "until (UTC)", "devices", "points", "rules"]
    return "\n".join(history.aligned([head, *rows])) if rows else "no platform has run with this folder yet"


def _whole(settings: Settings, districts: Sequence[str], query: Mapping[str, Any], name: str) -> Body:
    """Return the answer with all its pages; the moments of the first are those of the others."""
    body: Body = ask(settings, districts, "/api/v1/twin", {**query, "limit": PAGE})
    first, second = (body, body) if name == "points" else (body["before"], body["after"])
    fixed = {"at": first["at"], "compare": None if name == "points" else second["at"], "limit": PAGE}
    while len(body[name]) < body["total"]:
        offset = len(body[name])
        more = ask(settings, districts, "/api/v1/twin", {**query, **fixed, "offset": offset})
        if not more[name]:
            break
        body[name] += more[name]
    return body


# --- one moment ---------------------------------------------------------------------------------------------


def _twin(body: Body, *, everything: bool) -> Iterator[str]:
    zone = ZoneInfo(body["districts"][0]["tz"])
    yield from _head(body)
    yield from _alarms(body["alarms"], zone)
    yield from _unusable(body["points"], zone)
    points = body["points"]
    shown = points if everything else points[:SHOWN_POINTS]
    yield f"points       {len(points):,}"
    yield from _points(shown)
    if more := len(points) - len(shown):
        yield f"… {more:,} more: name a site or a device, or --all"


def _head(body: Body) -> Iterator[str]:
    """Say which districts, when on their clocks, and which models they had."""
    for one in body["districts"]:
        zone, model = ZoneInfo(one["tz"]), one["model"]
        yield f"{one['district']}  {_local(body['at'], zone)}  ({one['tz']})"
        since = f"since {_local(model['since'], zone)}"
        if model["assumed"]:
            since = (
                f"of {_local(model['since'], zone)}: the first that was kept, it may have been another then"
            )
        yield f"model        {model['digest'][:_DIGEST]} {since}"
        if one["kept_from"]:
            yield f"not kept     readings from before {_local(one['kept_from'], zone)}, by the district's retention"


def _alarms(alarms: Sequence[Body], zone: ZoneInfo) -> Iterator[str]:
    yield f"alarms       {len(alarms):,} standing"
    rows = [
        [f"  {one['priority']}", one["state"], f"since {_local(one['since'], zone)}", _said(one)]
        for one in alarms
    ]
    yield from history.aligned(rows) if rows else ()


def _said(one: Body) -> str:
    """Return the words of an alarm, with how many others it stands for."""
    below = len(one["below"])
    return f"{one['what']}: {one['words']}{f' (with {below} below it)' if below else ''}"


def _unusable(points: Sequence[Body], zone: ZoneInfo) -> Iterator[str]:
    """Say what could not be relied upon: what has one reason in the same words is one line, the largest first."""
    groups: dict[tuple[str, str], list[Body]] = defaultdict(list)
    for one in points:
        if not one["usable"]:
            groups[_why(one), _words(one)].append(one)
    yield f"not usable   {sum(map(len, groups.values())):,} of {len(points):,} points"
    found = sorted(groups.items(), key=lambda group: -len(group[1]))
    rows = [[f"  {why}", _which(some), _since(some, zone), words] for (why, words), some in found]
    yield from history.aligned(rows[:SHOWN_REASONS]) if rows else ()
    if len(rows) > SHOWN_REASONS:
        yield f"  … {len(rows) - SHOWN_REASONS:,} more reasons"


def _why(one: Body) -> str:
    if one["gap"] is not None and not one["gap"]["filled"]:
        return str(one["gap"]["reason"])
    return "stale" if one["stale"] else str(one["quality"]["reason"])


def _which(found: Sequence[Body]) -> str:
    devices = dict.fromkeys(one["device"] for one in found)
    where = next(iter(devices)) if len(devices) == 1 else f"{len(devices):,} devices"
    return f"{where}/{_name(found[0])}" if len(found) == 1 else f"{where}, {len(found):,} points"


def _since(found: Sequence[Body], zone: ZoneInfo) -> str:
    starts = [one["gap"]["since"] if one["gap"] else one["time"] for one in found]
    known = sorted(start for start in starts if start)
    return f"since {_local(known[0], zone)}" if known else "never heard"


def _words(one: Body) -> str:
    gap = one["gap"]
    return (gap["words"] or gap["meaning"]) if gap else ("" if one["stale"] else one["quality"]["meaning"])


def _points(points: Iterable[Body]) -> Iterator[str]:
    """Return points as a table, those of a device under its name."""
    rows: list[list[str]] = []
    heads: dict[int, str] = {}
    for owner, found in groupby(points, key=lambda one: (one["path"].rpartition("/")[0], one["kind"])):
        heads[len(rows)] = f"  {owner[0]}  {owner[1]}"
        rows += [_row(one) for one in found]
    for number, line in enumerate(history.aligned(rows) if rows else ()):
        if number in heads:
            yield heads[number]
        yield line


def _row(one: Body) -> list[str]:
    return [f"    {_name(one)}", _value(one), _desired(one), _age(one), _remarks(one)]


def _name(one: Body) -> str:
    return str(one["path"]).rpartition("/")[2]


def _value(one: Body) -> str:
    return "–" if one["value"] is None else history.shown(one["value"], one["unit"])


def _desired(one: Body) -> str:
    wanted = one.get("desired")
    if wanted is None:
        return ""
    text = history.shown(wanted["value"], one["unit"])
    return "" if text == _value(one) else f"desired {text}"


def _age(one: Body) -> str:
    """Say how old the value was at the moment."""
    age = one["age_s"]
    if age is None:
        return "never"
    return f"{lasted(age)} old"


def _remarks(one: Body) -> str:
    words = [] if one["quality"]["reason"] == "good" else [one["quality"]["reason"]]
    if one["gap"] is not None and one["gap"]["reason"] not in words:
        words.append(f"{one['gap']['reason']}{', filled since' * one['gap']['filled']}")
    words += ["stale"] * one["stale"] + ["came later"] * one["came_later"]
    return "; ".join(words)


# --- two moments --------------------------------------------------------------------------------------------


def _changes(body: Body, *, everything: bool) -> Iterator[str]:
    before, after = body["before"], body["after"]
    for one in after["districts"] or before["districts"]:
        zone = ZoneInfo(one["tz"])
        yield f"{one['district']}  {_local(before['at'], zone)} -> {_local(after['at'], zone)}  ({one['tz']})"
    changes = body["changes"]
    shown = changes if everything else changes[:SHOWN_CHANGES]
    yield f"changes      {body['total']:,}"
    rows = [[f"  {one['subject']}", *_change(one)] for one in shown]
    yield from history.aligned(rows) if rows else ()
    if more := len(changes) - len(shown):
        yield f"… {more:,} more: name a site or a device, or --all"


def _change(one: Body) -> list[str]:
    if one["kind"] == "point":
        before, after = _states(one["before"], one["after"])
        return [f"{before} -> {after}"]
    if one["kind"] == "alarm":
        words = (one["after"] or one["before"])["words"]
        return [f"alarm {_stands(one['before'])} -> {_stands(one['after'])}: {words}"]
    if one["kind"] == "desired":
        before, after = (_wanted(one[name], one["unit"]) for name in ("before", "after"))
        return [f"desired {before} -> {after}"]
    words = f": {one['words']}" if one["words"] else ""
    return [f"{one['kind']} {one['what'][0]}{words}"]


def _states(before: Body, after: Body) -> tuple[str, str]:
    """Return what a point was and what it became, in as many digits as it takes to see the difference."""
    values = _value(before), _value(after)
    if values[0] == values[1] and before["value"] != after["value"]:
        values = _exact(before), _exact(after)
    return _remarked(values[0], before), _remarked(values[1], after)


def _exact(one: Body) -> str:
    return f"{one['value']:.12g} {one['unit']}".rstrip()


def _remarked(text: str, one: Body) -> str:
    remarks = _remarks(one)
    return f"{text} ({remarks})" if remarks else text


def _stands(one: Body | None) -> str:
    return "normal" if one is None else str(one["state"])


def _wanted(one: Body | None, unit: str) -> str:
    return "nothing" if one is None else history.shown(one["value"], unit)


def _local(text: str, zone: ZoneInfo) -> str:
    return datetime.fromisoformat(text).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %z")


def _utc(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
