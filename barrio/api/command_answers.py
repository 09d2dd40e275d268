"""Commands as plain data, and refusals as problems with a reason."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from barrio.api.answers import as_json
from barrio.api.problems import problem
from barrio.moments import rfc3339
from twin.commands.command import Command, Refusal, State, Why

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import Request
    from fastapi.responses import Response

    from barrio.platform import Platform
    from twin.commands.book import Schedule
    from twin.commands.desk import Commander
    from twin.commands.programme import Phase
    from twin.commands.standing import Standing

_STATUS = {
    Why.UNKNOWN_POINT: HTTPStatus.NOT_FOUND,
    Why.NO_SUCH_COMMAND: HTTPStatus.NOT_FOUND,
    Why.READ_ONLY: HTTPStatus.FORBIDDEN,
    Why.NOT_LISTED: HTTPStatus.FORBIDDEN,
    Why.ROLE: HTTPStatus.FORBIDDEN,
    Why.WRONG_CODE: HTTPStatus.FORBIDDEN,
    Why.SECOND_PERSON: HTTPStatus.FORBIDDEN,
    Why.VALUE: HTTPStatus.UNPROCESSABLE_ENTITY,
    Why.LIMITS: HTTPStatus.UNPROCESSABLE_ENTITY,
    Why.PRIORITY: HTTPStatus.UNPROCESSABLE_ENTITY,
    Why.LEASE: HTTPStatus.UNPROCESSABLE_ENTITY,
    Why.KEY_REUSED: HTTPStatus.UNPROCESSABLE_ENTITY,
    Why.RATE: HTTPStatus.TOO_MANY_REQUESTS,
    Why.STOPPING: HTTPStatus.SERVICE_UNAVAILABLE,
    Why.LINK_DOWN: HTTPStatus.SERVICE_UNAVAILABLE,
    Why.NOT_RECORDED: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Other reasons are conflicts with how things stand: 409."""


def order_answer(desk: Commander, command: Command) -> Response:
    """Return the answer to one order: a refusal is a problem, with the command beside."""
    if command.state is State.REJECTED:
        words = f"the device refused it: {command.words}"
        return _problem(Why.REJECTED, words, command=command_answer(desk, command))
    if command.state is not State.REFUSED:
        return as_json(command_answer(desk, command, secret=True))
    return _problem(Why(command.reason), command.words, command=command_answer(desk, command))


async def refused(_request: Request, error: Exception) -> Response:
    """Answer an order that was refused as a whole."""
    if not isinstance(error, Refusal):
        raise error
    return _problem(error.reason, error.words)


def _problem(reason: Why, words: str, **extra: Any) -> Response:
    return problem(_STATUS.get(reason, HTTPStatus.CONFLICT), words, reason=reason.value, **extra)


def command_answer(desk: Commander, one: Command, *, secret: bool = False) -> dict[str, Any]:
    """Return a command as plain data; the code that one waits for goes only, `secret`, to whoever asked for it."""
    policy = desk.policies.get(one.path)
    found = {
        "id": one.id,
        "point": one.path,
        "value": one.value,
        "unit": policy.point.quantity.unit if policy else "",
        "who": one.who,
        "roles": list(one.roles),
        "why": one.why,
        "priority": one.priority,
        "state": one.state,
        "result": one.result,
        "reason": one.reason,
        "words": one.words,
        "asked": rfc3339(one.asked),
        "changed": rfc3339(one.changed),
        "lease_s": one.lease_s or None,
        "until": rfc3339(one.until),
        "before": one.before,
        "read_back": one.read_back,
        "confirmed_by": one.confirmed_by,
        "key": one.key,
    }
    if secret and one.state is State.PREPARED:
        found |= {"code": one.code, "confirm_until": rfc3339(one.deadline)}
    return found


def standing_answer(one: Standing) -> dict[str, Any]:
    """Return what is desired of a point beside what it reports."""
    return {
        "point": one.path,
        "value": one.value,
        "unit": one.unit,
        "priority": one.priority,
        "command": one.command or None,
        "who": one.who,
        "since": rfc3339(one.since),
        "until": rfc3339(one.until),
        "reported": one.reported,
        "reported_at": rfc3339(one.reported_at),
        "differs": one.differs,
        "differs_since": rfc3339(one.differs_since),
        "owed": one.owed,
        "before": one.before,
        "waiting": [
            {"priority": level, "value": slot.value, "who": slot.who, "command": slot.command}
            for level, slot in one.waiting
        ],
    }


def schedule_answer(
    platform: Platform, schedule: Schedule, paths: Sequence[str], phases: Sequence[Phase]
) -> dict[str, Any]:
    """Return what a programme wants now, and the changes to come."""
    now, *coming = phases
    item = platform.catalogue.points[paths[0]]
    return {
        "schedule": schedule.id,
        "priority": schedule.priority,
        "points": list(paths),
        "unit": item.point.quantity.unit,
        "tz": platform.catalogue.zone(item).key,
        "now": {"value": now.value, "since": rfc3339(now.since)},
        "next": [{"value": phase.value, "at": rfc3339(phase.since)} for phase in coming],
    }
