"""The time that a dashboard shows: `now-24h` to `now` and the like, and what a panel makes of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_RELATIVE = re.compile(r"^now(?P<steps>(?:[-+]\d+[smhdwMy])*)(?:/(?P<unit>[hdwMy]))?$")
_STEP = re.compile(r"([-+])(\d+)([smhdwMy])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when, in ms since 1970 UTC."""

    start_ms: int
    stop_ms: int

    @property
    def length_ms(self) -> int:
        """How long it is."""
        return self.stop_ms - self.start_ms

    def shifted(self, ms: int) -> Span:
        """Return it earlier by this many ms."""
        return Span(self.start_ms - ms, self.stop_ms - ms)


def moment(text: str, now_ms: int, zone: ZoneInfo, *, round_up: bool = False) -> int:
    """Return what `now-7d`, `now/d`, ms since 1970 or ISO 8601 means, in ms; ValueError for anything else.

    `round_up` says that `/d` means the end of the day, as it does where a range ends.
    """
    if re.fullmatch(r"\d+", text):
        return int(text)
    found = _RELATIVE.match(text)
    if found is None:
        when = datetime.fromisoformat(text)
        return round((when if when.tzinfo else when.replace(tzinfo=zone)).timestamp() * 1000)
    local = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone)
    for sign, count, unit in _STEP.findall(found["steps"]):
        local = _step(local, int(f"{sign}{count}"), unit)
    if found["unit"]:
        local = _whole(local, found["unit"])
        if round_up:
            return round(_step(local, 1, found["unit"]).timestamp() * 1000) - 1
    return round(local.timestamp() * 1000)


def panel_span(panel: dict[str, object], whole: Span, now_ms: int, zone: ZoneInfo) -> Span:
    """Return the time that a panel shows: its own (`timeFrom`), shifted (`timeShift`), else the dashboard's."""
    own = str(panel.get("timeFrom") or "")
    if own:
        start = own if own.startswith("now") else f"now-{own}"
        whole = Span(moment(start, now_ms, zone), now_ms)
    shift = str(panel.get("timeShift") or "")
    if not shift:
        return whole
    back = moment("now", now_ms, zone) - moment(f"now-{shift.removeprefix('-')}", now_ms, zone)
    return whole.shifted(back)


def _step(local: datetime, count: int, unit: str) -> datetime:
    """Move by so many; days and longer by the calendar of the zone, shorter by the clock of the world."""
    if unit in "smh":
        moved = local.astimezone(UTC) + timedelta(seconds=count * _SECONDS[unit])
        return moved.astimezone(local.tzinfo)
    if unit in "dw":
        return local + timedelta(seconds=count * _SECONDS[unit])
    months = local.year * 12 + local.month - 1 + count * (1 if unit == "M" else 12)
    day = min(local.day, _days(months // 12, months % 12 + 1))
    return local.replace(year=months // 12, month=months % 12 + 1, day=day)


def _days(year: int, month: int) -> int:
    first_of_next = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return (first_of_next - timedelta(days=1)).day


def _whole(local: datetime, unit: str) -> datetime:
    """Return when the hour, day, week (from Sunday, as Grafana has it by default), month or year began."""
    local = local.replace(minute=0, second=0, microsecond=0)
    if unit == "h":
        return local
    local = local.replace(hour=0)
    if unit == "w":
        return local - timedelta(days=(local.weekday() + 1) % 7)
    return local.replace(day=1, month=1) if unit == "y" else local.replace(day=1) if unit == "M" else local
