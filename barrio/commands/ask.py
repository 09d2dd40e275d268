"""`history`, `latest`, `why`, `status`, `gaps`: questions, and their answers as text."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from barrio import history
from barrio.client import answers, fetch, tell
from barrio.errors import AskError
from barrio.moments import lasted
from barrio.service import run_loop
from barrio.terminal import plain
from twin.model.source import suggest

if TYPE_CHECKING:
    from barrio.settings import Settings

_MARKS = {"passes": "ok", "stops": "NO", "unseen": "--"}
_MOST = 10_000
_SHOWN = 10


def ask(
    settings: Settings, districts: Sequence[str], path: str, query: Mapping[str, Any] | None = None
) -> Any:
    """Return the answer of one question to the data folder of the settings."""

    async def asked() -> Any:
        async with answers(settings, districts) as client:
            return await fetch(client, path, query)

    return _safe(run_loop(asked()))


def _safe(body: Any) -> Any:
    """Return an answer with nothing in its texts that a terminal would act upon: devices choose their words."""
    if isinstance(body, str):
        return plain(body)
    if isinstance(body, list):
        return [_safe(one) for one in body]
    return {key: _safe(one) for key, one in body.items()} if isinstance(body, dict) else body


def past(settings: Settings, districts: Sequence[str], query: Mapping[str, Any], form: str) -> str:
    """Return the history of points in one of the formats."""
    if form not in history.FORMATS:
        raise AskError(
            "--format", f"{form!r} is none of {', '.join(history.FORMATS)}{suggest(form, history.FORMATS)}"
        )
    body = ask(settings, districts, "/api/v1/history", query)
    return as_json(body) if form == "json" else history.render(body, form)


def latest(settings: Settings, districts: Sequence[str], under: str | None, *, machine: bool) -> str:
    """Return the newest reading of a point, or of every point of a device or a district."""
    body = ask(settings, districts, "/api/v1/points", {"under": under, "limit": _MOST})
    if machine:
        return as_json([point["latest"] for point in body["points"]])
    rows = [_latest_row(point["latest"]) for point in body["points"]]
    return "\n".join(history.aligned([["point", "value", "heard", "quality"], *rows]))


def why(settings: Settings, districts: Sequence[str], path: str, *, machine: bool) -> str:
    """Return the steps of the way of a reading, and the first that stops it."""
    body = ask(settings, districts, f"/api/v1/why/{path}")
    if machine:
        return as_json(body)
    lines = [f"  {_MARKS[one['verdict']]}  {one['step']:<11} {one['words']}" for one in body["steps"]]
    stopped = next((one for one in body["steps"] if one["verdict"] == "stops"), None)
    last = f"stopped at {stopped['step']}: {stopped['words']}" if stopped else "it has a value"
    return "\n".join([body["path"], *lines, last])


def status(settings: Settings, districts: Sequence[str], *, machine: bool) -> str:
    """Return what the platform says of itself."""
    body = ask(settings, districts, "/api/v1/status")
    return as_json(body) if machine else "\n".join(_status_lines(body))


def gaps(settings: Settings, districts: Sequence[str], query: Mapping[str, Any], *, machine: bool) -> str:
    """Return when points were not heard, and why."""
    body = ask(settings, districts, "/api/v1/gaps", query)
    if machine:
        return as_json(body)
    if not body["gaps"]:
        return "no gaps in this time"
    rows = [[one["point"], _short(one["from"]), _short(one["to"]), _reason(one)] for one in body["gaps"]]
    more = body["total"] - len(rows)
    tail = [f"{more:,} more; narrow it down with a point, --from and --to"] if more else []
    return "\n".join([*history.aligned([["point", "from (UTC)", "to (UTC)", "reason"], *rows]), *tail])


def events(settings: Settings, districts: Sequence[str], query: Mapping[str, Any], *, machine: bool) -> str:
    """Return what devices reported of themselves, the newest first."""
    body = ask(settings, districts, "/api/v1/device-events", query)
    if machine:
        return as_json(body)
    rows = [
        [_short(one["at"]), one["device"], str(one["severity"]), _standing(one), one["words"]]
        for one in body["events"]
    ]
    head = ["at (UTC)", "device", "severity", "stands", "words"]
    return "\n".join(history.aligned([head, *rows])) if rows else "no device reported anything in this time"


def conditions(settings: Settings, districts: Sequence[str], *, machine: bool) -> str:
    """Return the devices' conditions that are active or wait for an acknowledgement."""
    body = ask(settings, districts, "/api/v1/conditions")
    if machine:
        return as_json(body)
    rows = [
        [str(one["id"]), _short(one["at"]), one["device"], str(one["severity"]), _standing(one), one["words"]]
        for one in body["conditions"]
    ]
    head = ["id", "since (UTC)", "device", "severity", "stands", "words"]
    return "\n".join(history.aligned([head, *rows])) if rows else "no device has an alarm"


def acknowledge(settings: Settings, number: int, who: str, comment: str) -> str:
    """Acknowledge a condition at its device."""

    async def asked() -> Any:
        async with answers(settings, []) as client:
            body = {"who": who, "comment": comment}
            return await tell(client, f"/api/v1/conditions/{number}/acknowledge", body)

    done = _safe(run_loop(asked()))
    return f"acknowledged: {done['device']}: {done['words']}"


def _standing(one: Mapping[str, Any]) -> str:
    if one["active"] is None:
        return "event"
    return f"{'active' if one['active'] else 'over'}, {'seen' if one['acknowledged'] else 'not acknowledged'}"


def as_json(body: Any) -> str:
    """Return JSON on one line."""
    return json.dumps(body, ensure_ascii=False)


def _latest_row(one: Mapping[str, Any]) -> list[str]:
    value = one.get("state") if "state" in one else one["value"]
    text = "–" if value is None else history.shown(value, one["unit"])
    quality = one["quality"]
    words = quality["reason"] if not one["gap"] else f"{quality['reason']}; {one['gap']['reason']} now"
    return [one["path"], text, _age(one["received"]), words]


def _age(text: str | None) -> str:
    """Return `3 s ago`."""
    if text is None:
        return "never"
    seconds = (datetime.now(UTC) - datetime.fromisoformat(text)).total_seconds()
    return f"{lasted(max(seconds, 0))} ago"


def _short(text: str | None) -> str:
    return "lasts" if text is None else text[:19].replace("T", " ")


def _reason(gap: Mapping[str, Any]) -> str:
    words = f"{gap['reason']}: {gap['words']}" if gap["words"] else str(gap["reason"])
    return f"{words} (filled from the device's history)" if gap["filled"] else words


def _status_lines(body: Mapping[str, Any]) -> list[str]:
    readings, books = body["readings"], body["books"]
    kept = f"books     {_counts(books)} (since the folder was made): {_balance(body)}"
    if not body["running"]:
        return [f"{body['words']}: nothing is read now", kept]
    up = sum(link["up"] for link in body["links"])
    lines = [
        f"links     {up} of {len(body['links'])} up",
        f"devices   {body['devices']['heard']} of {body['devices']['configured']} heard",
        f"points    {body['points']['heard']} of {body['points']['configured']} heard, {body['gaps']['open']} in a gap",
        f"readings  {_counts(readings)} (since the start, {body['seconds']:.0f} s ago)",
        kept,
        f"store     {body['store']['kind']}{_tail(body['store']['words'])}",
    ]
    if (facts := body.get("facts")) is not None:
        lines.append(f"told      {_told(facts)}{': ' * bool(facts['words'])}{facts['words']}")
    lines.append(f"rollups   {_rolled(body['rollups'])}")
    lines += [f"alarm     {one['kind']}: {one['subject']}: {one['words']}" for one in body["alarms"]]
    lines += _open_links(link["security"] for link in body["links"])
    lines += [
        f"unknown   {one['identity']} at {one['link']}: {one['words']}" for one in body["strangers"][:_SHOWN]
    ]
    if (more := len(body["strangers"]) - _SHOWN) > 0:
        lines.append(f"unknown   {more} more: barrio status --json")
    down = [link for link in body["links"] if not link["up"]]
    return lines + [f"down      {link['link']}: {link['words']}" for link in down]


def _open_links(securities: Iterable[str]) -> list[str]:
    """Say how many links anybody on the way can read or change, by the reasons that somebody gave for it."""
    found = Counter(words.partition(": ")[2] for words in securities if words.startswith("none"))
    return [
        f"open      {count} {'link is' if count == 1 else 'links are'} not encrypted{': ' * bool(why)}{why}"
        for why, count in sorted(found.items())
    ]


def _told(facts: Mapping[str, Any]) -> str:
    """Return what dashboards were told beside readings."""
    lost = f", {facts['lost']:,} REFUSED" if facts["lost"] else ""
    counts = f"{facts['told']:,} facts beside readings, {facts['waiting']:,} waiting{lost}"
    return f"{counts}, the last {_age(facts['last'])}"


def _rolled(rollups: Mapping[str, Any]) -> str:
    """Return how far quarter hours, hours and days are made, of all districts together."""
    waiting = sum(number for one in rollups["districts"] for number in one["waiting"].values())
    older = sum(one["older_days"] or 0 for one in rollups["districts"])
    until = min((one["until"]["15m"] or "" for one in rollups["districts"]), default="")
    made = f"made until {_short(until)}" if until else "none made yet"
    more = f", {older:,} days of older history to go" if older else ""
    why = f": {rollups['words']}" if rollups["words"] else ""
    return f"{made}, {waiting:,} windows waiting{more}{why}"


def _balance(body: Mapping[str, Any]) -> str:
    return "they balance" if body["balanced"] else "they DO NOT balance"


def _counts(readings: Mapping[str, int]) -> str:
    keys = ("received", "unchanged", "stored", "quarantined", "dropped", "waiting")
    return ", ".join(f"{readings[key]:,} {key}" for key in keys)


def _tail(words: str) -> str:
    return f": {words}" if words else ": takes readings"
