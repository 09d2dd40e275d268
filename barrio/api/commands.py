"""Commands over HTTP: what is asked of points, confirmed and given back; what is desired.

A command exists for whoever sees its point plainly and is an operator, or may command. What a caller does not see is
refused as if it was not there, before the desk hears of it. Whose role may write a point, `commands.yaml` says: a
token with the verb `command` has the role `operator` where its tier is operator, else `partner`.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated

from fastapi import Query
from fastapi.responses import Response

from barrio.access.who import Seen, Who
from barrio.api.answers import as_json
from barrio.api.command_answers import command_answer, order_answer, refused, schedule_answer, standing_answer
from barrio.api.command_bodies import MOST_POINTS, CancelBody, CommandBody, ConfirmBody, ReleaseBody
from barrio.api.further import require_part
from barrio.api.parameters import MOST_LISTED, Limit, Number, Word
from barrio.errors import AskError, UnknownName
from barrio.filters import hold_under
from twin.access.scope import Verb
from twin.clock import NS
from twin.commands.command import Asked, Refusal, State, Why
from twin.model.source import suggest_path
from twin.model.spec import parse_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import FastAPI

    from barrio.platform import Platform
    from twin.commands.desk import Commander

MOST_PATTERNS = 10
EVER = "ever"
_AHEAD_H = 24


def add(app: FastAPI, platform: Platform) -> None:
    """Add the routes."""
    app.add_exception_handler(Refusal, refused)
    _questions(app, platform)
    _orders(app, platform)


def _questions(app: FastAPI, platform: Platform) -> None:
    @app.get("/api/v1/commands")
    async def commands(
        who: Seen,
        point: Word = None,
        state: State | None = None,
        limit: Limit = 100,
    ) -> Response:
        """Return commands, the newest first; `point` may be a device or a district."""
        desk = _desk(platform, who)
        most = limit if who.sight.whole else MOST_LISTED
        found = await desk.recent(point and point.strip("/"), state and state.value, most)
        seen = [one for one in found if _sees(who, one.path)][:limit]
        if not seen:
            hold_under(point, who.sight)
        return as_json({"commands": [command_answer(desk, one) for one in seen]})

    @app.get("/api/v1/commands/{number}")
    async def command(number: Number, who: Seen) -> Response:
        """Return one command."""
        desk = _desk(platform, who)
        found = await desk.find(number)
        if found is None or not _sees(who, found.path):
            raise UnknownName(f"there is no command {number}; /api/v1/commands lists them")
        return as_json(command_answer(desk, found))

    @app.get("/api/v1/desired")
    async def desired(who: Seen, under: Annotated[str | None, Query(max_length=300)] = None) -> Response:
        """Return every point of which something is desired, beside what it shows."""
        desk = _desk(platform, who)
        prefix = f"{(under or '').strip('/')}/".lstrip("/")
        found = [one for one in desk.desired() if f"{one.path}/".startswith(prefix) and _sees(who, one.path)]
        if not found:
            hold_under(under, who.sight)
        return as_json({"desired": [standing_answer(one) for one in sorted(found, key=lambda one: one.path)]})

    @app.get("/api/v1/schedules")
    async def schedules(who: Seen, hours: Annotated[int, Query(ge=1, le=168)] = _AHEAD_H) -> Response:
        """Return what programmes want now, and what they will change in the next hours."""
        desk, now = _desk(platform, who), platform.clock.now_ns()
        shown = desk.timetable.shown(now, now + hours * 3_600 * NS)
        seen = [one for one in shown if all(_sees(who, path) for path in one[1])]
        return as_json({"schedules": [schedule_answer(platform, *one) for one in seen]})


def _orders(app: FastAPI, platform: Platform) -> None:
    @app.post("/api/v1/commands")
    async def ask(body: CommandBody, who: Seen) -> Response:
        """Ask for a value: one answer for a point, a list of answers for several."""
        desk = _heard(platform, who)
        given = (body.point,) if isinstance(body.point, str) else body.point
        paths = _expanded(desk, given, who)
        for path in paths:
            _require_point(who, path)
        who.require(Verb.COMMAND)
        who.spend(len(paths) - 1)
        found = await desk.ask_all([_asked(body, path, who.roles) for path in paths])
        if isinstance(body.point, str) and "*" not in body.point:
            return order_answer(desk, found[0])
        answers = [command_answer(desk, one, secret=True) for one in found]
        refusals = sum(one.state is State.REFUSED for one in found)
        return as_json({"asked": len(found), "refused": refusals, "commands": answers})

    @app.post("/api/v1/commands/release")
    async def release(body: ReleaseBody, who: Seen) -> Response:
        """Give a level of a point back; returns the command that holds it then, or that brings the value back."""
        desk, path = _heard(platform, who), body.point.strip("/")
        _require_point(who, path)
        who.require(Verb.COMMAND)
        found = await desk.release(path, body.priority, body.who, who.roles, body.why)
        return as_json(
            {"released": body.point, "now": None if found is None else command_answer(desk, found)}
        )

    @app.post("/api/v1/commands/{number}/confirm")
    async def confirm(number: Number, body: ConfirmBody, who: Seen) -> Response:
        """Confirm a prepared command with its code."""
        desk = await _heard_of(platform, who, number)
        return order_answer(desk, await desk.confirm(number, body.code, body.who, who.roles))

    @app.post("/api/v1/commands/{number}/cancel")
    async def cancel(number: Number, body: CancelBody, who: Seen) -> Response:
        """Take a prepared command back."""
        desk = await _heard_of(platform, who, number)
        return as_json(command_answer(desk, await desk.cancel(number, body.who, who.roles)))


def _desk(platform: Platform, who: Who) -> Commander:
    require_part(platform, who, "commands")
    desk = platform.living.commander
    if desk is None:
        raise UnknownName("no district has a commands.yaml: nothing may be written")
    return desk


def _heard(platform: Platform, who: Who) -> Commander:
    """Return who carries orders out; Refusal where nothing runs."""
    desk = _desk(platform, who)
    if platform.at_rest:
        raise Refusal(Why.STOPPING, "barrio does not run with this data folder: no device can be told")
    return desk


async def _heard_of(platform: Platform, who: Who, number: int) -> Commander:
    """Return who carries orders out, to whoever may speak of a command that exists for them."""
    desk = _heard(platform, who)
    found = await desk.find(number)
    if found is not None and not _sees(who, found.path):
        raise Refusal(Why.NO_SUCH_COMMAND, f"there is no command {number}")
    who.require(Verb.COMMAND)
    return desk


def _sees(who: Who, path: str) -> bool:
    """Whether what is asked of a point exists for a caller."""
    return who.sight.whole or (who.may_see_orders and who.sight.plainly(path))


def _require_point(who: Who, path: str) -> None:
    """Refuse a point that a caller does not see, in the same words whether there is such a point or not."""
    if not who.sight.whole and not who.sight.plainly(path):
        near = suggest_path(path, who.sight.paths)
        raise Refusal(Why.UNKNOWN_POINT, f"there is no point {path!r}{near}")


def _asked(body: CommandBody, path: str, roles: frozenset[str]) -> Asked:
    lease_s = _lease(body.lease)
    said = (body.who, roles, body.why, body.priority, lease_s, body.expect, body.key)
    return Asked(path, body.value, *said)


def _lease(given: float | str | None) -> float | None:
    if given == EVER:
        return 0.0
    try:
        return None if given is None else parse_duration(given)
    except ValueError as error:
        raise AskError("lease", f"{error}, or ever; found {given!r}") from error


def _expanded(desk: Commander, given: Sequence[str], who: Who) -> list[str]:
    """Return the paths that are meant: a `*` stands for any part of a name, within what may be written."""
    found: dict[str, None] = {}
    known = [path for path in desk.policies if _sees(who, path)]
    if sum("*" in one for one in given) > MOST_PATTERNS:
        raise AskError("point", f"at most {MOST_PATTERNS} names with a * at once")
    for one in given:
        path = one.strip("/")
        if "*" not in path:
            found[path] = None
            continue
        fitting = [one for one in known if _fits(one, path)]
        if not fitting:
            near = suggest_path(path, known)
            raise UnknownName(f"nothing that may be written fits {path!r}{near}")
        found |= dict.fromkeys(fitting)
    if len(found) > MOST_POINTS:
        raise AskError("point", f"at most {MOST_POINTS:,} points at once, these are {len(found):,}")
    return list(found)


def _fits(path: str, pattern: str) -> bool:
    parts, wanted = path.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))
