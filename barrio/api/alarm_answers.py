"""Alarms as plain data: how they stand, what happened to them, what a backtest found."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from barrio.moments import rfc3339
from twin.access.scope import Verb
from twin.alarms.alarm import TOGETHER
from twin.alarms.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from barrio.access.who import Who
    from twin.alarms.backtest import Outcome
    from twin.alarms.change import Change, Standing

Told = TypeVar("Told", "Standing", "Change")

MOST_BELOW = 20
MOST_EPISODES = 1_000


def told(one: Told, who: Who, known: Iterable[Standing]) -> Told:
    """Return an alarm, or what happened to it, with no more than its caller may know.

    Who did what is told to whoever may do it too; a cause only where that alarm exists.
    """
    if who.sight.whole:
        return one
    cause = one.cause if any(each.number == one.cause for each in known) else 0
    if who.on_duty or who.sight.may(Verb.ACKNOWLEDGE):
        return replace(one, cause=cause)
    return replace(one, cause=cause, who="", comment="")


def standing(one: Standing, below: Sequence[Standing] = ()) -> dict[str, Any]:
    """Return how an alarm stands; `below` are those that are suppressed because of it."""
    return {
        "id": one.number,
        **_named(one),
        "name": one.name,
        "site": one.site,
        "where": one.where,
        "state": str(one.state),
        "meaning": one.state.meaning,
        "active": one.active,
        "stale": one.stale,
        "words": one.words,
        "value": one.value,
        "since": rfc3339(one.since),
        "at": rfc3339(one.at),
        "who": one.who,
        "comment": one.comment,
        "until": rfc3339(one.until),
        "cause": one.cause or None,
        "count": max(one.count, len({(each.key.district, each.key.owner) for each in below})),
        "below": [each.what for each in below[:MOST_BELOW]],
        "advice": one.advice,
        "link": one.dashboard,
    }


def change(one: Change) -> dict[str, Any]:
    """Return what happened to an alarm."""
    return {
        "id": one.number,
        **_named(one),
        "at": rfc3339(one.at),
        "event": str(one.happening),
        "before": str(one.before),
        "state": str(one.after),
        "words": one.words,
        "value": one.value,
        "since": rfc3339(one.raised),
        "who": one.who,
        "comment": one.comment,
        "until": rfc3339(one.until),
        "cause": one.cause or None,
        "count": one.count,
    }


def outcome(one: Outcome) -> dict[str, Any]:
    """Return what one alarm would have done."""
    lasted = one.lasted_s
    return {
        "subject": one.owner,
        "what": one.what,
        "readings": one.readings,
        **_tally([one]),
        "longest_s": max(lasted, default=0.0),
        "episodes": [
            {"from": rfc3339(each.start), "to": rfc3339(each.stop or 0), "seconds": seconds}
            for each, seconds in zip(one.episodes[:MOST_EPISODES], lasted, strict=False)
        ],
    }


def total(found: Sequence[Outcome]) -> dict[str, Any]:
    """Return what all alarms of a rule would have done together."""
    return {
        "readings": sum(one.readings for one in found),
        **_tally(found),
        "longest_s": max((seconds for one in found for seconds in one.lasted_s), default=0.0),
    }


def by_cause(found: Iterable[Standing]) -> Mapping[int, list[Standing]]:
    """Return what is suppressed, by the number of the alarm that is the last in its chain of causes."""
    known = {one.number: one for one in found}
    below: dict[int, list[Standing]] = {}
    for one in known.values():
        if one.state is State.SUPPRESSED:
            below.setdefault(_root(one, known), []).append(one)
    return below


def counts(found: Iterable[Standing]) -> dict[str, int]:
    """Return how many alarms are in each state that is not normal."""
    tally = Counter(str(one.state) for one in found)
    return {str(state): tally[str(state)] for state in State if state is not State.NORMAL}


def _root(one: Standing, known: Mapping[int, Standing]) -> int:
    seen = {one.number}
    while (above := known.get(one.cause)) is not None and above.state is State.SUPPRESSED:
        if above.number in seen:
            break
        seen.add(above.number)
        one = above
    return one.cause


def _named(one: Standing | Change) -> dict[str, Any]:
    return {
        "district": one.key.district,
        "rule": one.key.rule.removesuffix(TOGETHER),
        "together": one.key.rule.endswith(TOGETHER),
        "subject": one.key.owner,
        "what": one.what,
        "priority": one.priority,
    }


def _tally(found: Sequence[Outcome]) -> dict[str, Any]:
    return {
        "raised": sum(len(one.episodes) for one in found),
        "lasted_s": sum(sum(one.lasted_s) for one in found),
        "chattering": sum(one.chattering for one in found),
        "acknowledgements": sum(one.acknowledgements for one in found),
    }
