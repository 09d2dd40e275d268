"""`alarms` and what belongs to it: how alarms stand, what was done about them, rules over the past. As text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from barrio import history
from barrio.client import answers, tell
from barrio.commands.ask import as_json, ask
from barrio.service import run_loop
from barrio.terminal import plain
from twin.alarms.words import duration

if TYPE_CHECKING:
    from barrio.settings import Settings

_SHOWN = 20
_HEAD = ["id", "priority", "state", "since (UTC)", "where", "what is wrong"]
_WORDS = {"active": "active", "acknowledged": "seen", "returned": "over, not seen"}


def standing(settings: Settings, districts: Sequence[str], query: Mapping[str, Any], *, machine: bool) -> str:
    """Return the alarms that are not normal."""
    body = ask(settings, districts, "/api/v1/alarms", query)
    if machine:
        return as_json(body)
    tail = _counts(body["counts"])
    if not body["alarms"]:
        return "\n".join(["no alarm", *([tail] if tail else [])])
    head, *rows = history.aligned([_HEAD, *(_row(one, body["running"]) for one in body["alarms"])])
    lines = [head]
    for row, one in zip(rows, body["alarms"], strict=True):
        lines += [row, *_further(one)]
    more = body["total"] - len(rows)
    lines += [f"{more:,} more"] if more > 0 else []
    still = [] if body["running"] else ["barrio does not run: this is how they stood when it did"]
    return "\n".join([*lines, tail, *still])


def past(settings: Settings, districts: Sequence[str], query: Mapping[str, Any], *, machine: bool) -> str:
    """Return what happened to alarms, the newest first."""
    body = ask(settings, districts, "/api/v1/alarms/history", query)
    if machine:
        return as_json(body)
    if not body["changes"]:
        return "nothing happened to any alarm in this time"
    rows = [
        [_short(one["at"]), str(one["id"]), one["event"], one["what"], _said(one)] for one in body["changes"]
    ]
    return "\n".join(history.aligned([["at (UTC)", "id", "event", "what", "words"], *rows]))


def order(settings: Settings, number: int, what: str, body: Mapping[str, Any]) -> str:
    """Acknowledge, shelve or unshelve an alarm; `what` is the last part of the path."""

    async def asked() -> Any:
        async with answers(settings, []) as client:
            given = {key: value for key, value in body.items() if value is not None}
            return await tell(client, f"/api/v1/alarms/{number}/{what}", given)

    done = run_loop(asked())
    until = f" until {_short(done['until'])} UTC" if done["until"] else ""
    return plain(f"{done['event']}{until}: {done['what']}: {done['words']}".rstrip(": "))


def backtest(settings: Settings, districts: Sequence[str], query: Mapping[str, Any], *, machine: bool) -> str:
    """Return what a rule would have done."""
    body = ask(settings, districts, "/api/v1/alarms/backtest", query)
    if machine:
        return as_json(body)
    span = f"{_short(body['from'])} to {_short(body['to'])} UTC"
    lines = [f"{body['district']}/{body['rule']}, {span}, {body['total']['readings']:,} readings"]
    raised = [one for one in body["alarms"] if one["raised"]]
    lines += [line for one in raised[:_SHOWN] for line in _tested(one)]
    if len(raised) > _SHOWN:
        lines.append(f"{len(raised) - _SHOWN:,} more that were raised: --json lists all")
    calm = len(body["alarms"]) - len(raised)
    lines += [f"{calm:,} of {len(body['alarms']):,} never raised"] if calm else []
    return "\n".join([*lines, *([_sum("altogether", body["total"])] if len(raised) > 1 else [])])


def _row(one: Mapping[str, Any], running: bool) -> list[str]:  # noqa: FBT001 - it is what is so
    state = _WORDS.get(one["state"], one["state"])
    if one["state"] == "shelved":
        state += f" until {_short(one['until'])}"
    elif one["state"] == "suppressed":
        state += f" by {one['cause']}"
    elif one["state"] == "acknowledged" and one["who"]:
        state += f" by {one['who']}"
    stale = " (not heard now)" if one["stale"] and running else ""
    words = one["words"] or one["what"]
    return [str(one["id"]), one["priority"], state, _short(one["since"]), one["where"], f"{words}{stale}"]


def _further(one: Mapping[str, Any]) -> list[str]:
    found = []
    if one["below"]:
        some = ", ".join(one["below"][:3])
        rest = f" and {one['count'] - 3} more" if one["count"] > 3 else ""
        found.append(f"    because of it: {some}{rest}")
    if one["comment"]:
        found.append(f"    {one['who']}: {one['comment']}")
    if one["advice"] and one["active"]:
        found.append(f"    what to do: {one['advice']}")
    if one["link"]:
        found.append(f"    look at: {one['link']}")
    return found


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {state}" for state, count in counts.items() if count)


def _said(one: Mapping[str, Any]) -> str:
    by = one["who"] + (f": {one['comment']}" if one["comment"] else "")
    cause = f"because of {one['cause']}" if one["cause"] else ""
    return " – ".join(part for part in (by, cause, one["words"]) if part)


def _tested(one: Mapping[str, Any]) -> list[str]:
    shown = [
        f"    {_short(each['from'])}  {'lasts' if each['to'] is None else duration(each['seconds'])}"
        for each in one["episodes"][:_SHOWN]
    ]
    more = one["raised"] - len(shown)
    return [_sum(one["what"], one), *shown, *([f"    and {more:,} more"] if more > 0 else [])]


def _sum(name: str, one: Mapping[str, Any]) -> str:
    times = "once" if one["raised"] == 1 else f"{one['raised']:,} times"
    words = f"{name}: raised {times}, {duration(one['lasted_s'])} in all, {duration(one['longest_s'])} at the longest"
    again = f", {one['chattering']:,} of them again within 10 min" if one["chattering"] else ""
    return f"{words}{again}; {one['acknowledgements']:,} to acknowledge"


def _short(text: str | None) -> str:
    return "" if text is None else datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S")
