"""Commands over HTTP: what is asked of points, confirmed and given back; what is desired; the audit log."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated

from fastapi import Query
from fastapi.responses import Response

from barrio.api.answers import as_json
from barrio.api.command_answers import command_answer, order_answer, refused, schedule_answer, standing_answer
from barrio.api.command_bodies import MOST_POINTS, CancelBody, CommandBody, ConfirmBody, ReleaseBody
from barrio.api.operator import caller
from barrio.api.parameters import Limit, Number, Since, Token, Word, span_of
from barrio.errors import AskError, UnknownName
from twin.chain import newest
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
    _audit(app, platform)


def _questions(app: FastAPI, platform: Platform) -> None:
    @app.get("/api/v1/commands")
    async def commands(
        point: Word = None,
        state: State | None = None,
        limit: Limit = 100,
    ) -> Response:
        """Return commands, the newest first; `point` may be a device or a district."""
        desk = _desk(platform)
        found = await desk.recent(point and point.strip("/"), state and state.value, limit)
        return as_json({"commands": [command_answer(desk, one) for one in found]})

    @app.get("/api/v1/commands/{number}")
    async def command(number: Number) -> Response:
        """Return one command."""
        desk = _desk(platform)
        found = await desk.find(number)
        if found is None:
            raise UnknownName(f"there is no command {number}; /api/v1/commands lists them")
        return as_json(command_answer(desk, found))

    @app.get("/api/v1/desired")
    async def desired(under: Annotated[str | None, Query(max_length=300)] = None) -> Response:
        """Return every point of which something is desired, beside what it shows."""
        desk = _desk(platform)
        prefix = f"{(under or '').strip('/')}/".lstrip("/")
        found = [one for one in desk.desired() if f"{one.path}/".startswith(prefix)]
        return as_json({"desired": [standing_answer(one) for one in sorted(found, key=lambda one: one.path)]})

    @app.get("/api/v1/schedules")
    async def schedules(hours: Annotated[int, Query(ge=1, le=168)] = _AHEAD_H) -> Response:
        """Return what programmes want now, and what they will change in the next hours."""
        desk, now = _desk(platform), platform.clock.now_ns()
        until = now + hours * 3_600 * NS
        return as_json(
            {"schedules": [schedule_answer(platform, *one) for one in desk.timetable.shown(now, until)]}
        )


def _orders(app: FastAPI, platform: Platform) -> None:
    @app.post("/api/v1/commands")
    async def ask(body: CommandBody, authorization: Token = "") -> Response:
        """Ask for a value: one answer for a point, a list of answers for several."""
        desk, roles = _heard(platform, authorization)
        given = (body.point,) if body.point is not None else body.points
        paths = _expanded(desk, given)
        found = await desk.ask_all([_asked(body, path, roles) for path in paths])
        if body.point is not None and "*" not in body.point:
            return order_answer(desk, found[0])
        answers = [command_answer(desk, one, secret=True) for one in found]
        refusals = sum(one.state is State.REFUSED for one in found)
        return as_json({"asked": len(found), "refused": refusals, "commands": answers})

    @app.post("/api/v1/commands/release")
    async def release(body: ReleaseBody, authorization: Token = "") -> Response:
        """Give a level of a point back; returns the command that holds it then, or that brings the value back."""
        desk, roles = _heard(platform, authorization)
        found = await desk.release(body.point.strip("/"), body.priority, body.who, roles, body.why)
        return as_json(
            {"released": body.point, "now": None if found is None else command_answer(desk, found)}
        )

    @app.post("/api/v1/commands/{number}/confirm")
    async def confirm(number: Number, body: ConfirmBody, authorization: Token = "") -> Response:
        """Confirm a prepared command with its code."""
        desk, roles = _heard(platform, authorization)
        return order_answer(desk, await desk.confirm(number, body.code, body.who, roles))

    @app.post("/api/v1/commands/{number}/cancel")
    async def cancel(number: Number, body: CancelBody, authorization: Token = "") -> Response:
        """Take a prepared command back."""
        desk, roles = _heard(platform, authorization)
        return as_json(command_answer(desk, await desk.cancel(number, body.who, roles)))


def _audit(app: FastAPI, platform: Platform) -> None:
    @app.get("/api/v1/audit")
    async def entries(start: Since = "-1d", to: str = "now", limit: Limit = 1_000) -> Response:
        """Return entries of the audit log, the newest first."""
        desk = _desk(platform)
        zone, now = platform.catalogue.districts[0].zone, platform.clock.now_ns()
        span = span_of(start, to, now, zone)
        found = await platform.in_thread("reads", newest, desk.audit.path, *span, limit)
        return as_json({"entries": found})

    @app.get("/api/v1/audit/verify")
    async def verify() -> Response:
        """Verify the whole audit log."""
        found = await platform.in_thread("reads", _desk(platform).audit.verify)
        body = {"sound": found.sound, "lines": found.lines, "head": found.head, "line": found.line or None}
        return as_json({**body, "words": found.words, "remark": found.remark})


def _desk(platform: Platform) -> Commander:
    desk = platform.living.commander
    if desk is None:
        raise UnknownName("no district has a commands.yaml: nothing may be written")
    return desk


def _heard(platform: Platform, authorization: str) -> tuple[Commander, frozenset[str]]:
    """Return who carries orders out, and the roles of who gives them; Refusal when there is no such."""
    desk, who = _desk(platform), caller(platform, authorization)
    if platform.at_rest:
        raise Refusal(Why.STOPPING, "barrio does not run with this data folder: no device can be told")
    if who is None:
        words = "only with a token: the operator's of the data folder, or that of a role of commands.yaml"
        raise Refusal(Why.ROLE, words)
    return desk, who.roles


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


def _expanded(desk: Commander, given: Sequence[str]) -> list[str]:
    """Return the paths that are meant: a `*` stands for any part of a name, within what may be written."""
    found: dict[str, None] = {}
    if sum("*" in one for one in given) > MOST_PATTERNS:
        raise AskError("points", f"at most {MOST_PATTERNS} names with a * at once")
    for one in given:
        path = one.strip("/")
        if "*" not in path:
            found[path] = None
            continue
        fitting = [known for known in desk.policies if _fits(known, path)]
        if not fitting:
            near = suggest_path(path, desk.policies)
            raise UnknownName(f"nothing that may be written fits {path!r}{near}")
        found |= dict.fromkeys(fitting)
    if len(found) > MOST_POINTS:
        raise AskError("points", f"at most {MOST_POINTS:,} points at once, these are {len(found):,}")
    return list(found)


def _fits(path: str, pattern: str) -> bool:
    parts, wanted = path.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))
