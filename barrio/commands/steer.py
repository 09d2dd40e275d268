"""`command`, `confirm`, `release`, `desired`, `audit`, `schedule`: orders and what became of them, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from barrio import history
from barrio.client import answers, fetch, tell
from barrio.commands.ask import as_json, ask
from barrio.errors import AskError
from barrio.moments import parse_moment
from barrio.service import run_loop
from barrio.terminal import plain
from twin.clock import SystemClock
from twin.errors import StartError
from twin.folder import DataFolder

if TYPE_CHECKING:
    from barrio.settings import Settings
    from twin.chain import Verdict


def command(settings: Settings, body: Mapping[str, Any], *, machine: bool) -> tuple[str, bool]:
    """Ask for a value; returns what became of it, and whether nothing was refused."""
    found = _told(settings, "/api/v1/commands", body)
    every = found.get("commands", [found])
    done = all(one["state"] not in {"refused", "rejected"} for one in every)
    if machine:
        return as_json(found), done
    if "commands" not in found:
        return _said(found), done
    rows = [[str(one["id"]), one["point"], _value(one), one["state"], one["words"]] for one in every]
    table = history.aligned([["id", "point", "value", "state", "words"], *rows])
    return "\n".join([*table, f"{found['asked']} asked, {found['refused']} refused"]), done


def confirm(settings: Settings, number: int, code: str, who: str, *, machine: bool) -> str:
    """Confirm a prepared command."""
    found = _told(settings, f"/api/v1/commands/{number}/confirm", {"code": code, "who": who})
    return as_json(found) if machine else _said(found)


def cancel(settings: Settings, number: int, who: str) -> str:
    """Take a prepared command back."""
    found = _told(settings, f"/api/v1/commands/{number}/cancel", {"who": who})
    return f"command {found['id']} is {found['state']}: {found['words']}"


def release(settings: Settings, body: Mapping[str, Any], *, machine: bool) -> str:
    """Give a level of a point back."""
    found = _told(settings, "/api/v1/commands/release", body)
    if machine:
        return as_json(found)
    now = found["now"]
    if now is None:
        return f"released: {found['released']}; nobody holds it"
    return f"released: {found['released']}; now {_value(now)} by {now['who']} (priority {now['priority']})"


def commands(settings: Settings, districts: Sequence[str], query: Mapping[str, Any], *, machine: bool) -> str:
    """Return commands, the newest first."""
    body = ask(settings, districts, "/api/v1/commands", query)
    if machine:
        return as_json(body)
    rows = [
        [
            str(one["id"]),
            _short(one["asked"]),
            one["point"],
            _value(one),
            one["who"],
            _state(one),
            one["words"],
        ]
        for one in body["commands"]
    ]
    head = ["id", "asked (UTC)", "point", "value", "who", "state", "words"]
    return "\n".join(history.aligned([head, *rows])) if rows else "nothing was asked for"


def desired(settings: Settings, districts: Sequence[str], under: str | None, *, machine: bool) -> str:
    """Return what is desired of points beside what they show."""
    body = ask(settings, districts, "/api/v1/desired", {"under": under})
    if machine:
        return as_json(body)
    rows = [
        [
            *(one["point"], _value(one), _shown(one), str(one["priority"]), one["who"]),
            *(_short(one["until"]) if one["until"] else "released", one["owed"]),
        ]
        for one in body["desired"]
    ]
    head = ["point", "desired", "reported", "priority", "who", "until (UTC)", "owed"]
    return "\n".join(history.aligned([head, *rows])) if rows else "nothing is desired of any point"


def schedule(settings: Settings, districts: Sequence[str], hours: int, *, machine: bool) -> str:
    """Return what programmes want now and next."""
    body = ask(settings, districts, "/api/v1/schedules", {"hours": hours})
    if machine:
        return as_json(body)
    lines = []
    for one in body["schedules"]:
        points, unit = one["points"], one["unit"]
        more = f" and {len(points) - 1} more" if len(points) > 1 else ""
        lines.append(f"{one['schedule']} (priority {one['priority']}): {points[0]}{more}")
        lines.append(f"  now               {_plain_value(one['now']['value'], unit)}")
        lines += [
            f"  {_there(step['at'], one['tz'])}  {_plain_value(step['value'], unit)}" for step in one["next"]
        ]
        lines.append(f"  (clock of {one['tz']})")
    return "\n".join(lines) if lines else "no district has a schedule"


def verify(settings: Settings) -> tuple[str, bool]:
    """Verify the audit log of a data folder, whether a platform runs with it or not."""
    from twin.chain import verify as verified

    folder = DataFolder(settings.data)
    if folder.running() is not None:
        body = _asked(settings, "/api/v1/audit/verify")
        return _verdict(body), bool(body["sound"])
    if not folder.audit.exists():
        raise StartError(f"there is no audit log in {settings.data}: nothing was ever asked for")
    found = verified(folder.audit)
    return _verdict(_as_body(found)), found.sound


def audit(settings: Settings, start: str, to: str, limit: int, *, machine: bool) -> str:
    """Return entries of the audit log, oldest first."""
    from twin.chain import newest

    folder = DataFolder(settings.data)
    if folder.running() is not None:
        entries = _asked(settings, "/api/v1/audit", {"from": start, "to": to, "limit": limit})["entries"]
    else:
        now, zone = SystemClock().now_ns(), ZoneInfo("UTC")
        span = parse_moment(start, "--from", now, zone), parse_moment(to, "--to", now, zone)
        if span[0] >= span[1]:
            raise AskError("--from", f"{start!r} is not before --to {to!r}")
        entries = newest(folder.audit, *span, limit)
    if machine:
        return as_json({"entries": entries})
    rows = [
        [
            *(str(one["n"]), one["at"][:19].replace("T", " "), one["step"], str(one.get("id", ""))),
            *(one.get("path", ""), str(one.get("value", "")), one.get("who", ""), _words(one)),
        ]
        for one in reversed(entries)
    ]
    head = ["n", "at (UTC)", "step", "id", "point", "value", "who", "words"]
    return (
        plain("\n".join(history.aligned([head, *rows])), keep="\n")
        if rows
        else "nothing happened in this time"
    )


def _told(settings: Settings, path: str, body: Mapping[str, Any]) -> Any:
    async def told() -> Any:
        async with answers(settings, []) as client:
            given = {key: value for key, value in body.items() if value is not None}
            return await tell(client, path, given)

    return run_loop(told())


def _asked(settings: Settings, path: str, query: Mapping[str, Any] | None = None) -> Any:
    async def asked() -> Any:
        async with answers(settings, []) as client:
            return await fetch(client, path, query)

    return run_loop(asked())


def _said(one: Mapping[str, Any]) -> str:
    lines = [f"command {one['id']}: {one['point']} to {_value(one)}: {_state(one)}"]
    if one["words"]:
        lines.append(f"  {one['words']}")
    if one["before"] is not None:
        lines.append(f"  before: {_plain_value(one['before'], one['unit'])}")
    if one["until"]:
        lines.append(f"  until {_short(one['until'])} UTC")
    if one.get("code"):
        lines.append(f"  to confirm: barrio confirm {one['id']} {one['code']}")
    return plain("\n".join(lines), keep="\n")


def _state(one: Mapping[str, Any]) -> str:
    return f"{one['state']} ({one['result']})" if one["result"] else str(one["state"])


def _value(one: Mapping[str, Any]) -> str:
    return _plain_value(one["value"], one["unit"])


def _plain_value(value: float | str | None, unit: str) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else history.shown(value, unit)


def _shown(one: Mapping[str, Any]) -> str:
    text = _plain_value(one["reported"], one["unit"])
    if not one["differs"]:
        return text if one["differs"] is False else f"{text} (old)" if one["reported"] is not None else "–"
    since = f" since {_short(one['differs_since'])}" if one["differs_since"] else ""
    return f"{text} DIFFERS{since}"


def _short(text: str) -> str:
    return text[:19].replace("T", " ")


def _there(text: str, zone: str) -> str:
    """Return a time as the clock of a district shows it."""
    return datetime.fromisoformat(text).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


def _words(one: Mapping[str, Any]) -> str:
    parts = [str(one.get("words", "")), f"why: {one['why']}" if one.get("why") else ""]
    return "; ".join(part for part in parts if part)


def _verdict(body: Mapping[str, Any]) -> str:
    if body["sound"]:
        remark = f"\n{body['remark']}" if body["remark"] else ""
        return f"sound: {body['lines']:,} lines, head {body['head']}{remark}"
    return f"NOT SOUND: line {body['line']:,} {body['words']}\n{body['lines']:,} lines before it are sound"


def _as_body(found: Verdict) -> dict[str, Any]:
    return {
        "sound": found.sound,
        "lines": found.lines,
        "head": found.head,
        "line": found.line,
        "words": found.words,
        "remark": found.remark,
    }
