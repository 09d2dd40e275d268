"""What stood at a moment beside the readings, from the journals: alarms, and what was desired of points.

Blocks on the disk. An alarm that another one explains is counted with that one, then as now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from barrio.moments import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from barrio.past.seen import Seen
    from barrio.past.twin import Moment
    from barrio.platform import Platform
    from twin.alarms.change import Standing


def standing(platform: Platform, found: Moment) -> list[dict[str, Any]]:
    """Return the alarms that stood at a moment for what it is about, the gravest first, then the newest.

    One that stands for others is there too when one of those is meant.
    """
    journal = platform.living.alarm_journal
    if journal is None:
        return []
    from barrio.api import alarm_answers as view
    from twin.alarms.states import State

    known = found.seen.alarms.standing(journal.standing(found.at))
    below = view.by_cause(known)
    shown = [
        one
        for one in known
        if one.state is not State.SUPPRESSED
        and any(_meant(each, found) for each in (one, *below.get(one.number, ())))
    ]
    shown.sort(key=lambda one: (_grave(one), -one.since, one.number))
    who = found.seen.who
    return [view.standing(view.told(one, who, known), below.get(one.number, ())) for one in shown]


def desired(platform: Platform, at: int, seen: Seen) -> Mapping[str, dict[str, Any]]:
    """Return what was desired of points at a moment (ns UTC), by path."""
    commander = platform.living.commander
    found = [] if commander is None else commander.journal.desired(at)
    return {
        one.path: {
            "value": one.value,
            "priority": one.priority,
            "who": one.who,
            "since": rfc3339(one.since),
        }
        for one in found
        if seen.orders(one.path)
    }


def changed_alarms(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the alarms that were raised, cleared or came to stand otherwise in between."""
    first, second = ({one["id"]: one for one in alarms} for alarms in (before, after))
    found = []
    for number in dict.fromkeys([*first, *second]):
        then, now = first.get(number), second.get(number)
        if then is not None and now is not None and then["state"] == now["state"]:
            continue
        what = "raised" if then is None else "cleared" if now is None else "state"
        one = now or then or {}
        subject = f"{one['district']}/{one['rule']}/{one['subject']}"
        found.append({"kind": "alarm", "subject": subject, "what": [what], "before": then, "after": now})
    return found


def changed_desired(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]], *moments: Moment
) -> list[dict[str, Any]]:
    """Return the points, among those that are asked for, of which something else was desired."""
    units = {then.point.path: then.point.unit for one in moments for then in one.points}
    return [
        {
            "kind": "desired",
            "subject": path,
            "what": ["desired"],
            "unit": units[path],
            "before": before.get(path),
            "after": after.get(path),
        }
        for path in dict.fromkeys([*before, *after])
        if path in units and _wanted(before.get(path)) != _wanted(after.get(path))
    ]


def _wanted(one: Mapping[str, Any] | None) -> Any:
    return None if one is None else one["value"]


def _grave(one: Standing) -> int:
    from twin.notify_spec import PRIORITIES

    return PRIORITIES.index(one.priority) if one.priority in PRIORITIES else len(PRIORITIES)


def _meant(one: Standing, found: Moment) -> bool:
    """Whether an alarm is about what was asked for: one of its devices or sites, or all of its district."""
    if not any(model.district == one.key.district for model in found.models):
        return False
    if found.under is None or found.under.strip("/") == one.key.district:
        return True
    owners = {owner for then in found.points for owner in (then.point.owner.id, then.point.owner.site)}
    under = found.under.strip("/")
    # A site or a device among those that were asked for; of a single point, what names it.
    return f"{one.what}/".startswith(f"{under}/") or (under.count("/") == 1 and one.key.owner in owners)
