"""The device's own time of a value, as a payload writes it. Pure."""

from __future__ import annotations

from datetime import datetime

from connectors.mqtt.config import Clock
from connectors.payloads.decoding import NoValue, shown
from connectors.payloads.values import plain
from twin.quality import Reason

_PER_SECOND = {
    Clock.SECONDS: 1,
    Clock.MILLISECONDS: 10**3,
    Clock.MICROSECONDS: 10**6,
    Clock.NANOSECONDS: 10**9,
}
# 2255; beyond it nanoseconds do not fit into 64 bits.
_LAST_S = 9_000_000_000


def time_of(raw: object, clock: Clock | None) -> int:
    """Return ns UTC of a device's time; NoValue when it is none that can be. A local time without zone is none."""
    if isinstance(raw, str) and clock in {None, Clock.ISO}:
        return _iso(raw)
    number = plain(raw)
    if isinstance(number, bool) or not isinstance(number, int | float) or clock is Clock.ISO:
        raise NoValue(Reason.UNDECODABLE, f"no time: {shown(raw)}")
    per_second = _PER_SECOND[clock or Clock.SECONDS]
    if not 0 < number <= _LAST_S * per_second:
        raise NoValue(Reason.UNDECODABLE, f"no time in {clock or Clock.SECONDS} since 1970: {shown(raw)}")
    if isinstance(number, int):
        return number * (10**9 // per_second)
    # A float of this size is good to a quarter of a microsecond; more digits would be invented.
    return round(number * (10**6 / per_second)) * 1_000


def _iso(raw: str) -> int:
    try:
        moment = datetime.fromisoformat(raw.strip())
    except ValueError:
        raise NoValue(Reason.UNDECODABLE, f"no time: {shown(raw)}") from None
    if moment.tzinfo is None:
        raise NoValue(Reason.UNDECODABLE, f"a time without its zone: {shown(raw)}")
    since = moment.timestamp()
    if not 0 < since <= _LAST_S:
        raise NoValue(Reason.UNDECODABLE, f"no time after 1970: {shown(raw)}")
    return round(since * 1e6) * 1_000
