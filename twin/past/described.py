"""A district as the history of models keeps it: what there was and what it meant, nothing of how it was reached.

JSON that is made in pieces, a device at a time, so that a large district is never in memory twice.
"""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import orjson

from twin.model.computed import computed_points
from twin.past.slots import computed_poll_s, poll_s, slot_s

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from twin.alarms.rule import Rule, Subject
    from twin.model.district import Device, District, Point

_MOST_OWNERS = 10_000


def described(district: District) -> Iterator[bytes]:
    """Yield the JSON of a district, piece by piece."""
    head = {
        "district": district.id,
        "name": district.name,
        "timezone": district.zone.key,
        "digest": district.digest,
        "sites": [site.model_dump(exclude_defaults=True) for site in district.sites.values()],
        "relations": [relation.model_dump(by_alias=True) for relation in district.relations],
        "rules": [_rule(rule) for rule in rules_of(district)],
        "computed": list(_computed(district)),
    }
    yield orjson.dumps(head)[:-1] + b',"devices":['
    for number, device in enumerate(district.devices.values()):
        yield b"," * bool(number) + orjson.dumps(_device(device))
    yield b"]}"


def rules_of(district: District) -> Sequence[Rule]:
    """Return the alarm rules of a district."""
    return () if district.alarms is None else district.alarms.rules


def slots_of(district: District) -> Iterator[tuple[str, int]]:
    """Yield path and slot, in seconds, of every point that gives readings."""
    for device, point in district.points():
        if point.readable:
            yield point.path, slot_s(point, poll_s(device, point))
    for _, point, poll, _ in _computed_points(district):
        yield point.path, slot_s(point, poll)


def _device(device: Device) -> dict[str, Any]:
    points = [
        _point(point, slot_s(point, poll_s(device, point)), poll_s(device, point))
        for point in device.points.values()
    ]
    return {
        "id": device.id,
        "name": device.name,
        "kind": device.kind,
        "profile": device.profile,
        "protocol": device.protocol,
        "site": device.site,
        "points": points,
    }


def _point(point: Point, slot: int, poll: float) -> dict[str, Any]:
    found = {
        "name": point.name,
        "quantity": point.quantity.name,
        "unit": point.quantity.unit,
        "aggregation": point.quantity.aggregation.value,
        "states": list(dict.fromkeys(point.states.values())),
        "dead_band": point.dead_band,
        "heartbeat_s": point.heartbeat_s,
        "poll_s": poll,
        "slot_s": slot,
        "writable": point.writable,
        "readable": point.readable,
        "description": point.description,
    }
    return {key: value for key, value in found.items() if value or key in {"unit", "readable"}}


def _computed(district: District) -> Iterator[dict[str, Any]]:
    for owner, point, poll, expression in _computed_points(district):
        slot = slot_s(point, poll)
        yield {"owner": owner, **_point(point, slot, poll), "is": expression}


def _computed_points(district: District) -> Iterator[tuple[str, Point, float, str]]:
    """Yield owner, point, how often it is computed at least (seconds), and its expression."""
    derived = {one.point.path: one for one in district.derived}
    polls = {point.path: poll_s(device, point) for device, point in district.points()} if derived else {}
    for owner, point in computed_points(district):
        one = derived.get(point.path)
        if one is None:
            yield owner, point, computed_poll_s((), {}), ""
            continue
        polls[point.path] = computed_poll_s(one.expression.inputs, polls)
        yield owner, point, polls[point.path], one.expression.text


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "priority": rule.priority,
        "text": rule.text,
        "advice": rule.advice,
        "on": [subject.owner for subject in rule.subjects[:_MOST_OWNERS]],
        "when": [_condition(subject) for subject in rule.subjects[:1]],
        "on_delay_s": rule.on_delay_s,
        "off_delay_s": rule.off_delay_s,
    }


def _condition(subject: Subject) -> dict[str, Any]:
    found = {"kind": type(subject.condition).__name__.lower(), **_plain(subject.condition)}
    if subject.point is not None:
        found["point"] = subject.point.name
    if subject.expression is not None:
        found["expression"] = subject.expression.text
    return found


def _plain(condition: object) -> dict[str, Any]:
    """Return the fields of a condition; a limit that there is not is left out."""
    if not is_dataclass(condition):
        return {}
    values = ((one.name, getattr(condition, one.name)) for one in fields(condition))
    return {name: value for name, value in values if not (isinstance(value, float) and math.isinf(value))}
