"""Alarms over HTTP: how they stand, what happened to them, what people do about one, and rules over the past."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Query
from fastapi.responses import Response
from pydantic import Field

from barrio.access.alarms import seen_alarms
from barrio.access.who import Seen, Who
from barrio.api import alarm_answers as view
from barrio.api.answers import as_json
from barrio.api.further import require_part
from barrio.api.operator import at_rest
from barrio.api.parameters import Limit, Number, Said, Since, Word, span_of
from barrio.api.problems import problem
from barrio.api.recorded import on_record
from barrio.errors import AskError, UnknownName
from barrio.filters import hold_under
from barrio.moments import parse_moment, rfc3339
from twin.access.scope import Verb
from twin.alarms.desk import NoSuchAlarm
from twin.alarms.states import NotPossible, State
from twin.clock import NS
from twin.model.source import suggest
from twin.model.spec import parse_duration
from twin.notify_spec import PRIORITIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from barrio.platform import Platform
    from twin.alarms.backtest import Outcome
    from twin.alarms.change import Change, Standing
    from twin.alarms.engine import Alarms
    from twin.alarms.rule import Rule
    from twin.model.district import District


MOST_LOOKED_AT = 100_000
"""Changes among which those are looked for that exist for a caller who does not see all."""


class Shelving(Said):
    """Body of a shelving: until a time, or for a while."""

    until: str | None = Field(default=None, max_length=100)
    duration: str | None = Field(default=None, max_length=100, alias="for")


def add(app: FastAPI, platform: Platform) -> None:
    """Add the routes."""
    _questions(app, platform)
    _past(app, platform)
    _orders(app, platform)


def _questions(app: FastAPI, platform: Platform) -> None:
    @app.get("/api/v1/alarms")
    async def alarms(
        who: Seen, state: Word = None, priority: Word = None, under: Word = None, limit: Limit = 1_000
    ) -> Response:
        """Return the alarms that are not normal, the gravest first; those that have a cause stand below it."""
        require_part(platform, who, "alarms")
        _one_of("state", state, [str(one) for one in State if one is not State.NORMAL])
        _one_of("priority", priority, PRIORITIES)
        known = _standing(platform, who)
        below = view.by_cause(known)
        found = [one for one in known if _passes(one, state, priority, under)]
        if not found:
            hold_under(under, who.sight)
        found.sort(key=lambda one: (PRIORITIES.index(one.priority), -one.at, one.number))
        return as_json(
            {
                "running": not platform.at_rest,
                "counts": view.counts(known),
                "total": len(found),
                "alarms": [
                    view.standing(view.told(one, who, known), below.get(one.number, ()))
                    for one in found[:limit]
                ],
            }
        )

    @app.get("/api/v1/alarms/history")
    async def history(who: Seen, start: Since = "-1d", to: str = "now", limit: Limit = 1_000) -> Response:
        """Return what happened to alarms, the newest first."""
        require_part(platform, who, "alarms")
        span = span_of(start, to, platform.clock.now_ns(), platform.catalogue.districts[0].zone)
        journal = platform.living.alarm_journal
        most = limit if who.sight.whole else MOST_LOOKED_AT
        found = [] if journal is None else await platform.in_thread("reads", journal.history, *span, most)
        seen = seen_alarms(who, platform.catalogue.districts).changes(found)[:limit]
        known = _standing(platform, who)
        return as_json({"changes": [view.change(view.told(one, who, known)) for one in seen]})


def _past(app: FastAPI, platform: Platform) -> None:
    @app.get("/api/v1/alarms/backtest")
    async def backtest(
        rule: Annotated[str, Query(max_length=200)],
        who: Seen,
        start: Since = "-30d",
        to: str = "now",
        on: Word = None,
    ) -> Response:
        """Return how often a rule would have been raised, how long, and what it would have cost."""
        require_part(platform, who, "alarms")
        district, found = _rule(platform, rule, who)
        span = span_of(start, to, platform.clock.now_ns(), district.zone)
        owner = None if on is None else on.strip("/").rpartition("/")[2]
        outcomes = await platform.in_thread("reads", _tested, platform, district, found, span, owner)
        body = {"district": district.id, "rule": found.id, "on_delay_s": found.on_delay_s, **_times(span)}
        return as_json(
            body | {"total": view.total(outcomes), "alarms": [view.outcome(one) for one in outcomes]}
        )

    @app.get("/api/v1/alarms/{number}")
    async def alarm(number: Number, who: Seen, limit: Limit = 100) -> Response:
        """Return how one alarm stands, and what happened to it, the newest first."""
        require_part(platform, who, "alarms")
        known = _standing(platform, who)
        journal = platform.living.alarm_journal
        changes = [] if journal is None else await platform.in_thread("reads", journal.of, number, limit)
        changes = seen_alarms(who, platform.catalogue.districts).changes(changes)
        now = next((one for one in known if one.number == number), None)
        if now is None and not changes:
            raise _no_alarm(number)
        below = view.by_cause(known).get(number, ())
        standing = None if now is None else view.standing(view.told(now, who, known), below)
        return as_json(
            {"alarm": standing, "changes": [view.change(view.told(one, who, known)) for one in changes]}
        )


def _orders(app: FastAPI, platform: Platform) -> None:
    @app.post("/api/v1/alarms/{number}/acknowledge")
    async def acknowledge(number: Number, body: Said, who: Seen) -> Response:
        """Acknowledge an alarm; 409 with the reason when its state does not allow it."""
        return await _ordered(
            platform, who, number, body, lambda alarms: alarms.acknowledge(number, body.who, body.comment)
        )

    @app.post("/api/v1/alarms/{number}/shelve")
    async def shelve(number: Number, body: Shelving, who: Seen) -> Response:
        """Put an alarm aside until a time, or for a while; 409 as above."""
        until = _until(platform, body)
        return await _ordered(
            platform, who, number, body, lambda alarms: alarms.shelve(number, until, body.who, body.comment)
        )

    @app.post("/api/v1/alarms/{number}/unshelve")
    async def unshelve(number: Number, body: Said, who: Seen) -> Response:
        """End the shelving of an alarm; 409 as above."""
        return await _ordered(
            platform, who, number, body, lambda alarms: alarms.unshelve(number, body.who, body.comment)
        )


async def _ordered(
    platform: Platform, who: Who, number: int, body: Said, order: Callable[[Alarms], Change]
) -> Response:
    require_part(platform, who, "alarms")
    no = at_rest(platform, "nothing about an alarm can be changed")
    if no is not None:
        return no
    alarms = platform.living.alarms
    if alarms is None:
        raise UnknownName("no district has alarms.yaml")
    key = alarms.key_of(number)
    if key is None or not seen_alarms(who, platform.catalogue.districts).sees(key):
        raise _no_alarm(number)
    who.require(Verb.ACKNOWLEDGE)
    try:
        done = await on_record(platform, lambda: order(alarms))
    except NoSuchAlarm as error:
        raise UnknownName(str(error)) from None
    except NotPossible as error:
        return problem(HTTPStatus.CONFLICT, str(error))
    said = {"alarm": number, "path": done.what, "said": body.who, "comment": body.comment}
    await platform.audited(f"alarm_{done.happening}", who, said)
    return as_json(view.change(done))


def _standing(platform: Platform, who: Who) -> list[Standing]:
    alarms = platform.living.alarms
    known = [] if alarms is None else alarms.standing()
    return seen_alarms(who, platform.catalogue.districts).standing(known)


def _no_alarm(number: int) -> UnknownName:
    return UnknownName(f"there is no alarm {number}; /api/v1/alarms lists those that are not normal")


def _until(platform: Platform, body: Shelving) -> int:
    now = platform.clock.now_ns()
    if (body.until is None) == (body.duration is None):
        raise AskError("until", "say either until when or for how long")
    if body.until is not None:
        return parse_moment(body.until, "until", now, platform.catalogue.districts[0].zone)
    try:
        return now + round(parse_duration(body.duration) * NS)
    except (ValueError, OverflowError) as error:
        raise AskError("for", f"{error}, found {body.duration!r}") from None


def _tested(
    platform: Platform, district: District, rule: Rule, span: tuple[int, int], owner: str | None
) -> list[Outcome]:
    from twin.alarms.backtest import History, TooMuch, backtest

    ids = {path: item.id for path, item in platform.catalogue.points.items()}
    states = {name: number for number, name in platform.catalogue.states.items()}
    history = History(platform.store, platform.ledger.gaps, ids, states)
    try:
        return backtest(rule, district, history, *span, owner)
    except TooMuch as error:
        raise AskError("on", str(error)) from None
    except LookupError as error:
        near = suggest(owner or "", [one.owner for one in rule.subjects])
        raise AskError("on", f"{error}{near}") from None


def _rule(platform: Platform, name: str, who: Who) -> tuple[District, Rule]:
    """Return the rule of a name, which may be `district/rule` where several districts have one of the name."""
    wanted, _, rule = name.rpartition("/")
    seen = seen_alarms(who, platform.catalogue.districts)
    rules = [
        (one, each)
        for one in platform.catalogue.districts
        if one.alarms is not None and wanted in {"", one.id}
        for each in one.alarms.rules
        if seen.sees_rule(one.id, each)
    ]
    found = [pair for pair in rules if pair[1].id == rule]
    if len(found) > 1:
        raise AskError("rule", f"several districts have a rule {rule!r}: write {found[0][0].id}/{rule}")
    if not found:
        known = [each.id for _, each in rules]
        raise UnknownName(f"there is no rule {name!r}{suggest(rule, known)}")
    return found[0]


def _passes(one: Standing, state: str | None, priority: str | None, under: str | None) -> bool:
    if state is None and one.state is State.SUPPRESSED:
        return False
    is_under = under is None or f"{one.what}/".startswith(f"{under.strip('/')}/")
    return is_under and state in {None, str(one.state)} and priority in {None, one.priority}


def _one_of(parameter: str, found: str | None, known: Any) -> None:
    if found is not None and found not in known:
        raise AskError(parameter, f"{found!r} is none of {', '.join(known)}{suggest(found, known)}")


def _times(span: tuple[int, int]) -> dict[str, Any]:
    return {"from": rfc3339(span[0]), "to": rfc3339(span[1])}
