"""Facts of the simulated week, as rows of `twin.facts`: alarms, events, devices, links, gaps, requests, health.

Their words are those that barrio uses. A row that the platform tells every minute stands here every minute as well;
devices and links are told every half an hour before the last day, to keep the week quick.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import httpx
import numpy as np

from barrio.facts.places import Places
from tests.dashboards.week import LAMP_FAULT_H, TROUBLES, Silence, Week, is_of
from twin.facts import NOTHING, Fact
from twin.store.lineprotocol import line_of

NS, MS = 1_000_000_000, 1_000_000
MINUTE, HOUR = 60 * NS, 3600 * NS
DAY = 24 * HOUR
WEEK = 7 * DAY
LINES = 20_000


@dataclass(frozen=True)
class Alarm:
    """An alarm of the week; ages in hours, `until_h` 0 while it stands."""

    number: int
    device: str
    point: str
    rule: str
    priority: str
    since_h: float
    until_h: float
    text: str
    advice: str
    count: int = 1
    seen_h: float | None = None


ALARMS = (
    Alarm(
        41,
        "lamp-17",
        NOTHING,
        "lamp-silent",
        "low",
        26.0,
        0.0,
        "Luminaria 17 is not heard",
        "Look at the lamp.",
    ),
    Alarm(
        42,
        "lamp-05",
        "fault",
        "lamp-fault",
        "medium",
        LAMP_FAULT_H,
        0.0,
        "Luminaria 5 reports a fault",
        "",
        1,
        20.0,
    ),
    Alarm(43, "cistern-c1", NOTHING, "link-down", "medium", 0.7, 0.0, "Cisterna Torre C does not answer", ""),
    Alarm(
        38,
        "cistern-b1",
        "level",
        "cistern-low",
        "high",
        19.6,
        17.0,
        "Cisterna Torre B is at 20.7 %, less than 25 %",
        "",
    ),
    Alarm(
        37,
        "cistern-b1",
        NOTHING,
        "cistern-draining",
        "critical",
        20.0,
        19.4,
        "Cisterna Torre B loses water",
        "",
        1,
        19.8,
    ),
    Alarm(
        40, "plaza-zone-2", "temperature", "room-off-setpoint", "low", 20.5, 18.0, "Zona 2 is at 25.9 °C", ""
    ),
    Alarm(
        29,
        "hospital-ahu-1",
        NOTHING,
        "link-down",
        "high",
        62.0,
        59.0,
        "opc.tcp://10.20.2.10:4840 is down",
        "",
        14,
    ),
    Alarm(
        33,
        "hospital-room-3",
        NOTHING,
        "room-off-setpoint",
        "medium",
        21.0,
        20.0,
        "Habitación 203 is 3.4 K away from its set point",
        "",
    ),
    Alarm(21, "met-2", NOTHING, "link-down", "low", 120.0, 113.5, "met-2 does not answer", ""),
)


def facts(week: Week) -> Iterator[Fact]:
    """Yield all facts of the raw database."""
    places = Places([week.district])
    yield from _alarms(week, places)
    yield from _events(week, places)
    yield from _devices(week, places)
    yield from _links(week)
    yield from _gaps(week, places)
    yield from _requests(week, places)
    yield from _health(week)


def tell(rows: Iterable[Fact], url: str, database: str) -> int:
    """Write rows into a database; returns how many."""
    lines, total = [], 0
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        for fact in rows:
            lines.append(line_of(fact))
            if len(lines) == LINES:
                total += _write(client, database, lines)
                lines = []
        return total + _write(client, database, lines)


def _write(client: httpx.Client, database: str, lines: Sequence[str]) -> int:
    if lines:
        answer = client.post("/write", params={"db": database}, content="\n".join(lines).encode())
        assert answer.status_code == 204, answer.text
    return len(lines)


def _ago(week: Week, hours: float) -> int:
    return max(week.now_ns - round(hours * HOUR), week.now_ns - WEEK)


def _row(week: Week, places: Places, alarm: Alarm, at: int) -> Fact:
    ended = bool(alarm.until_h) and at >= _ago(week, alarm.until_h)
    seen = alarm.seen_h is not None and at >= _ago(week, alarm.seen_h)
    tags = places.tags(week.district.id, alarm.device)
    tags |= {"point": alarm.point, "rule": alarm.rule, "priority": alarm.priority}
    fields: dict[str, float | int | str | None] = {
        "standing": int(not ended),
        "state": "normal" if ended else "acknowledged" if seen else "active",
        "text": alarm.text,
        "advice": alarm.advice or None,
        "since": _ago(week, alarm.since_h) // MS,
        "number": alarm.number,
        "count": alarm.count,
    }
    return Fact("barrio_alarms", tags, fields, at)


def _alarms(week: Week, places: Places) -> Iterator[Fact]:
    for alarm in ALARMS:
        since, until = _ago(week, alarm.since_h), _ago(week, alarm.until_h)
        for at in range(since, until, MINUTE):
            yield _row(week, places, alarm, at)
        yield _row(week, places, alarm, until)


def _events(week: Week, places: Places) -> Iterator[Fact]:
    for alarm in ALARMS:
        steps = [(alarm.since_h, "raised", "")]
        steps += [(alarm.seen_h, "acknowledged", "marta")] if alarm.seen_h is not None else []
        steps += [(alarm.until_h, "returned", "")] if alarm.until_h else []
        for age, what, who in steps:
            text = f"alarm {alarm.number} {what}: {alarm.text}"
            title = f"{what}: {alarm.text}"
            yield _event(week, places, age, "alarm", alarm, (what, title, text, who))
    for number in range(9):
        lamps = Alarm(300 + number, f"lamp-{10 + number}", "dimming", "", NOTHING, 0, 0, "", "")
        age = 2.5 + 19.0 * number
        title = f"lamp-{10 + number}/dimming 40 %: read back"
        yield _event(
            week, places, age, "command", lamps, ("confirmed", title, f"{title}, marta (festival).", "marta")
        )
    tank = Alarm(123, "cistern-b1", "level", "", NOTHING, 0, 0, "", "")
    for age, what in ((19.3, "requested"), (18.8, "acknowledged"), (18.0, "delivering"), (17.0, "delivered")):
        title = f"Drinking water for Cisterna Torre B: {what}"
        yield _event(week, places, age, "delivery", tank, (what, title, f"P-000123: {title}", "pipas"))
    nothing = Alarm(0, "", "", "", NOTHING, 0, 0, "", "")
    for age, what in ((150.0, "started"), (75.0, "stopped"), (74.9, "started")):
        yield _event(
            week, places, age, "platform", nothing, (what, f"barrio {what}", f"The platform has {what}.", "")
        )


def _event(week: Week, places: Places, age_h: float, kind: str, about: Alarm, words: Sequence[str]) -> Fact:
    what, title, text, who = words
    district = week.district.id
    nowhere = {"district": district, "site": NOTHING, "device": NOTHING}
    tags = places.tags(district, about.device) if about.device else nowhere
    tags |= {"kind": kind, "priority": about.priority}
    fields: dict[str, float | int | str | None] = {
        "what": what,
        "title": title,
        "text": text,
        "who": who or None,
        "number": about.number,
        "point": about.point if about.point not in ("", NOTHING) else None,
    }
    return Fact("barrio_events", tags, fields, _ago(week, age_h) + about.number)


def _moments(week: Week, changes: Iterable[int]) -> list[int]:
    start, now = week.now_ns - WEEK, week.now_ns
    rare, often = range(start, now - DAY, 30 * MINUTE), range(now - DAY, now + 1, 5 * MINUTE)
    return sorted({*rare, *often, *(one for one in changes if start <= one <= now)})


def _trouble(week: Week, device: str, at: int) -> Silence | None:
    for one in TROUBLES:
        lasts = at < _ago(week, one.until_h) or not one.until_h
        if is_of(one, device) and _ago(week, one.since_h) <= at and lasts:
            return one
    return None


def _devices(week: Week, places: Places) -> Iterator[Fact]:
    alarming = {alarm.device for alarm in ALARMS if not alarm.until_h}
    for device in week.district.devices.values():
        changes = [
            _ago(week, age) for one in TROUBLES if is_of(one, device.id) for age in (one.since_h, one.until_h)
        ]
        where = places.location(device)
        for at in _moments(week, changes):
            trouble = _trouble(week, device.id, at)
            never = trouble is not None and trouble.since_h > WEEK / HOUR
            heard = _ago(week, trouble.since_h) if trouble else at - 30 * NS
            fields: dict[str, float | int | str | None] = {
                "up": int(trouble is None),
                "state": trouble.reason.slug if trouble else "up",
                "words": trouble.words if trouble else None,
                "heard": None if never else heard // MS,
                "silent_s": None if never else (at - heard) / NS,
                "skew_s": 0.4 if device.protocol == "opcua" else 0.0,
                "points": len(device.points),
                "points_silent": len(device.points) if trouble else 0,
                "alarms": int(device.id in alarming),
                "kind": device.kind,
                "name": device.name or device.id,
                "lat": where.lat,
                "lon": where.lon,
            }
            yield Fact("barrio_devices", places.tags(week.district.id, device.id), fields, at)


def links(week: Week) -> dict[str, tuple[str, list[str]]]:
    """Return protocol and devices of each link."""
    found: dict[str, tuple[str, list[str]]] = {}
    for device in week.district.devices.values():
        name = f"{device.endpoint.scheme}://{device.endpoint.host}:{device.endpoint.port}"
        found.setdefault(name, (device.protocol, []))[1].append(device.id)
    return found


def _links(week: Week) -> Iterator[Fact]:
    for name, (protocol, devices) in links(week).items():
        down = [one for one in TROUBLES if one.link == name or (not one.link and is_of(one, devices[0]))]
        down = [one for one in down if len(devices) == 1 or one.link]
        changes = [_ago(week, age) for one in down for age in (one.since_h, one.until_h)]
        for at in _moments(week, changes):
            trouble = next((one for one in down if _trouble(week, devices[0], at) is one), None)
            drops = sum(_ago(week, one.since_h) <= at for one in down)
            tags = {"district": week.district.id, "link": name, "protocol": protocol}
            words = trouble.words if trouble else None
            yield Fact("barrio_links", tags, {"up": int(trouble is None), "words": words, "drops": drops}, at)


def _gaps(week: Week, places: Places) -> Iterator[Fact]:
    for trouble in TROUBLES:
        since, until = _ago(week, trouble.since_h), _ago(week, trouble.until_h)
        for device in week.district.devices.values():
            if is_of(trouble, device.id):
                tags = places.tags(week.district.id, device.id) | {"reason": trouble.reason.slug}
                fields: dict[str, float | int | str | None] = {
                    "seconds": (until - since) / NS,
                    "open": int(not trouble.until_h),
                    "points": len(device.points),
                    "words": trouble.words,
                    "filled": 0,
                }
                yield Fact("barrio_gaps", tags, fields, since)


def _requests(week: Week, places: Places) -> Iterator[Fact]:
    told = (
        ("cistern-b1", 123, "Drinking water", 40.0, 19.3, 17.0, "m3"),
        ("gas-d1", 124, "Liquefied gas", 3.2, 5.0, 0.0, "m3"),
    )
    for device, number, what, quantity, since_h, until_h, unit in told:
        since, until = _ago(week, since_h), _ago(week, until_h)
        tags = places.tags(week.district.id, device) | {"number": str(number)}
        for at in [*range(since, until, MINUTE), until]:
            is_open = bool(at < until or not until_h)
            fields: dict[str, float | int | str | None] = {
                "open": int(is_open),
                "state": "acknowledged" if is_open else "delivered",
                "text": f"{what} for {week.district.devices[device].name}",
                "what": what,
                "quantity": quantity,
                "unit": unit,
                "deadline": (since + 12 * HOUR) // MS,
                "hours_left": max(0.5, 9.0 - (at - since) / HOUR),
                "since": since // MS,
            }
            yield Fact("barrio_requests", tags, fields, at)


def _health(week: Week) -> Iterator[Fact]:
    points = len(week.series)
    devices, all_links = len(week.district.devices), len(links(week))
    silent = defaultdict(list)
    for device in week.district.devices.values():
        for one in TROUBLES:
            if is_of(one, device.id):
                silent[one].append(len(device.points))
    away = _ago(week, 75.0)
    for number, at in enumerate(range(week.now_ns - WEEK, week.now_ns + 1, MINUTE)):
        standing = [
            a for a in ALARMS if _ago(week, a.since_h) <= at and (not a.until_h or at < _ago(week, a.until_h))
        ]
        quiet = [silent[one] for one in TROUBLES if one in silent and _is_now(week, one, at)]
        counts = {
            name: sum(a.priority == name for a in standing) for name in ("critical", "high", "medium", "low")
        }
        fields: dict[str, float | int | str | None] = {
            "alarms": len(standing),
            **counts,
            "unacknowledged": sum(a.seen_h is None or at < _ago(week, a.seen_h) for a in standing),
            "requests": int(at > _ago(week, 5.0)) + int(_ago(week, 19.3) < at < _ago(week, 17.0)),
            "devices": devices,
            "devices_heard": devices - sum(len(one) for one in quiet),
            "points": points,
            "points_heard": points - sum(sum(one) for one in quiet),
            "gaps": sum(len(one) for one in quiet),
            "links": all_links,
            "links_up": all_links - len(quiet),
            "spool_waiting": 200 + int(150 * np.sin(number / 50)) + 40_000 * (away < at < away + HOUR // 2),
            "spool_bytes": 400_000,
            "store_errors": 3 if at > away else 0,
            "stored": 40_000 * number,
            "quarantined": 0,
            "dropped": 0,
        }
        yield Fact("barrio_health", {"district": week.district.id}, fields, at)


def _is_now(week: Week, one: Silence, at: int) -> bool:
    return _ago(week, one.since_h) <= at and (not one.until_h or at < _ago(week, one.until_h))
