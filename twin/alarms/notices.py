"""Who is told what: alarms as notifications for the channels of their district.

A channel gets as many notifications in a minute as it may deliver; what comes beyond is one digest at the end of that
minute, which says how many there were. The journal has all of them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from twin.alarms.telling import advised, linked
from twin.clock import rfc3339
from twin.digest import DIGEST, MOST_SHOWN
from twin.notify_spec import channel_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from twin.alarms.alarm import Alarm
    from twin.alarms.book import AlarmBook
    from twin.alarms.change import Change
    from twin.model.district import District
    from twin.notify_spec import ChannelSpec

MINUTE_S = 60.0


class Outbox(Protocol):
    """What takes notifications, see `twin.outbox`."""

    def put(self, channel_id: str, kind: str, body: Mapping[str, Any], key: str) -> object:
        """Keep a notification for a channel; one with the same key is the same."""


@dataclass(slots=True)
class _Channel:
    """One channel, how many it got in this minute, and what was too much."""

    id: str
    spec: ChannelSpec
    since_s: float = -MINUTE_S
    sent: int = 0
    events: Counter[str] = field(default_factory=Counter)
    priorities: Counter[str] = field(default_factory=Counter)
    times: list[int] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)

    def wants(self, change: Change, alarm: Alarm) -> bool:
        spec = self.spec
        return (
            str(change.happening) in spec.on
            and (not spec.priorities or change.priority in spec.priorities)
            and (not spec.rules or alarm.rule in spec.rules)
        )

    def fold(self, change: Change) -> None:
        self.events[f"alarm.{change.happening}"] += 1
        self.priorities[change.priority] += 1
        self.times = [min([change.at, *self.times]), max([change.at, *self.times])]
        self.shown = [*self.shown, f"{change.what}: {change.words}"[:200]][-MOST_SHOWN:]


class Notices:
    """Puts changes of alarms into the outbox; used from the event loop's thread, the outbox from another one."""

    def __init__(
        self,
        books: Iterable[tuple[District, AlarmBook]],
        outbox: Outbox | None,
        submit: Callable[..., object],
    ) -> None:
        self._outbox = outbox
        self._submit = submit
        self._channels = {
            district.id: [_Channel(channel_of(district.id, spec.id), spec) for spec in book.channels]
            for district, book in books
        }

    def tell(self, changes: Sequence[tuple[Change, Alarm]], monotonic_s: float) -> None:
        """Put what channels want to know into the outbox."""
        for change, alarm in changes:
            for channel in self._channels.get(change.key.district, ()):
                if channel.wants(change, alarm):
                    self._one(channel, change, alarm, monotonic_s)

    def tick(self, monotonic_s: float) -> None:
        """Put the digests of minutes that are over into the outbox."""
        for channels in self._channels.values():
            for channel in channels:
                if channel.events and monotonic_s - channel.since_s >= MINUTE_S:
                    self._digest(channel)

    def _one(self, channel: _Channel, change: Change, alarm: Alarm, monotonic_s: float) -> None:
        if monotonic_s - channel.since_s >= MINUTE_S:
            if channel.events:
                self._digest(channel)
            channel.since_s, channel.sent = monotonic_s, 0
        if channel.sent >= channel.spec.at_most:
            channel.fold(change)
            return
        channel.sent += 1
        key = f"alarm-{change.number}-{change.happening}-{change.at}"
        self._put(channel, f"alarm.{change.happening}", body_of(change, alarm), key)

    def _digest(self, channel: _Channel) -> None:
        count = channel.events.total()
        body = {
            "title": f"and {count} more",
            "count": count,
            "events": dict(channel.events),
            "priorities": dict(channel.priorities),
            "since": rfc3339(channel.times[0], "milliseconds"),
            "until": rfc3339(channel.times[-1], "milliseconds"),
            "shown": channel.shown,
        }
        key = f"alarms-{channel.times[0]}-{channel.times[-1]}-{count}"
        channel.events, channel.priorities = Counter(), Counter()
        channel.times, channel.shown = [], []
        self._put(channel, DIGEST, body, key)

    def _put(self, channel: _Channel, kind: str, body: dict[str, Any], key: str) -> None:
        if self._outbox is not None:
            self._submit(self._outbox.put, channel.id, kind, body, key)


def body_of(change: Change, alarm: Alarm) -> dict[str, Any]:
    """Return a change as the body of a notification, see `twin.outbox`; what is not known is left out."""
    body = {
        "event": str(change.happening),
        "alarm": change.number,
        "district": change.key.district,
        "rule": change.key.rule,
        "state": str(change.after),
        "priority": change.priority,
        "title": change.words,
        "text": change.words,
        "what": change.what,
        "where": alarm.subject.where,
        "site": alarm.subject.site,
        "since": rfc3339(change.raised, "milliseconds"),
        "at": rfc3339(change.at, "milliseconds"),
        "until": rfc3339(change.until, "milliseconds") if change.until else None,
        "value": alarm.shown(change.value),
        "number": change.value,
        "count": change.count or None,
        "advice": advised(alarm),
        "link": linked(alarm),
        "who": change.who,
        "comment": change.comment,
    }
    return {key: value for key, value in body.items() if value not in {None, ""}}
