"""From a topic to the devices that it is about: built once per link, asked for every message."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from connectors.mqtt import topics
from connectors.mqtt.config import is_sparkplug, options_of, place_of, topic_of, topics_of
from connectors.mqtt.heard import Heard
from connectors.mqtt.node import Node
from connectors.mqtt.payload import Reader
from connectors.mqtt.sparkplug import parse_topic
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.mqtt.config import Place
    from connectors.mqtt.inbox import Arrival
    from connectors.mqtt.node import Metrics
    from twin.frame import Frame, Ids, Times
    from twin.model.bound import BoundDevice
    from twin.model.district import Device

_MOST_NAMED = 2_000
_LONGEST_NAMED = 200


class _Presence:
    """The topic where a device, or its last will, says whether it is there."""

    def __init__(self, bound: BoundDevice) -> None:
        self._ids: Ids = np.array([one.id for one in bound.points], np.int32)
        self._offline = options_of(bound.device).offline

    def hear(self, payload: bytes, heard: Heard) -> None:
        said = payload.decode("utf-8", "replace").strip()
        if said == self._offline:
            heard.silences.append((self._ids, Reason.SILENT, f"the device's own topic says {said[:60]!r}"))


class Routes:
    """What the devices of a link listen to."""

    def __init__(self, devices: Sequence[BoundDevice]) -> None:
        self._readers: dict[str, list[tuple[Reader, Device]]] = {}
        self._presences: dict[str, list[_Presence]] = {}
        self._nodes: dict[tuple[str, str], Node] = {}
        self._wide: list[str] = []
        self._ids: dict[str, list[Ids]] = {}
        self.metrics: dict[str, Metrics] = {}
        for bound in devices:
            self._add(bound)
        self.filters = topics.grouped([*self._ids, *self._wide])
        self._named: set[str] = set()
        self._away = (0, 0)

    def _add(self, bound: BoundDevice) -> None:
        place = place_of(bound.device)
        if place is not None and is_sparkplug(bound.device):
            node = self._nodes.setdefault((place.group, place.node), Node(_node_of(place)))
            self.metrics[bound.device.id] = node.add(place.device, bound)
            self._ids.setdefault(place.filter, []).append(self.metrics[bound.device.id].ids)
        else:
            self._add_topics(bound)
        options = options_of(bound.device)
        if options.availability is not None:
            topic = topic_of(bound.device, options.availability)
            self._presences.setdefault(topic, []).append(_Presence(bound))
            self._ids.setdefault(topic, [])
        if options.discover is not None:
            self._wide.append(options.discover)

    def _add_topics(self, bound: BoundDevice) -> None:
        by_name = {one.point.name: one for one in bound.points}
        for topic, points in topics_of(bound.device).items():
            reader = Reader([by_name[point.name] for point in points], options_of(bound.device))
            self._readers.setdefault(topic, []).append((reader, bound.device))
            self._ids.setdefault(topic, []).append(reader.ids)

    def behind(self, wanted: str) -> Sequence[Ids]:
        """Return the points that are heard through a filter."""
        return [
            ids for topic, all_ids in self._ids.items() if topics.covers(wanted, topic) for ids in all_ids
        ]

    def reconnected(self, left: int, back: int) -> None:
        """Forget what may have changed while nobody listened, which was from `left` to `back`, ns UTC."""
        self._away = (left, back)
        for node in self._nodes.values():
            node.reconnected()

    def hear(self, arrival: Arrival) -> Heard | None:
        """Return what a message says, None when it is on a topic that nobody configured."""
        found = parse_topic(arrival.topic)
        node = self._nodes.get((found[1].group, found[1].node)) if found else None
        if found and node:
            kind, place = found
            if arrival.skipped:
                return node.refuse(place, _too_large(arrival), arrival.received)
            return node.hear(kind, place, arrival.payload, arrival.received, time.monotonic())
        readers, presences = self._readers.get(arrival.topic), self._presences.get(arrival.topic)
        if readers is None and presences is None:
            return None
        heard = Heard()
        for reader, device in readers or ():
            frame = _read(reader, arrival)
            if frame is not None:
                heard.frames.append(
                    replace(frame, backfilled=True) if self._is_old(frame, arrival, device) else frame
                )
        for presence in presences or ():
            presence.hear(arrival.payload, heard)
        return heard

    def _is_old(self, frame: Frame, arrival: Arrival, device: Device) -> bool:
        """Whether the broker has kept a message, by its own time: from our absence, or retained and long ago."""
        if not device.trust_time or not _is_dated(frame.time):
            return False
        newest = int(np.max(frame.time))
        long_ago = arrival.retained and newest < arrival.received - round(device.max_skew_s * 1e9)
        return long_ago or self._away[0] <= newest < self._away[1]

    def is_new(self, topic: str) -> bool:
        """Whether a topic that nobody configured is heard for the first time; only so many are remembered."""
        topic = named(topic)
        if topic in self._named or len(self._named) >= _MOST_NAMED:
            return False
        self._named.add(topic)
        return True


def named(topic: str) -> str:
    """Return a topic as it is listed and remembered: one may have 64 KiB."""
    return topic if len(topic) <= _LONGEST_NAMED else f"{topic[:_LONGEST_NAMED]}…"


def _too_large(arrival: Arrival) -> str:
    return f"a message of {arrival.skipped} bytes, which is too large to be read"


def _is_dated(time_ns: int | Times) -> bool:
    return time_ns > 0 if isinstance(time_ns, int) else bool(np.all(time_ns > 0))


def _read(reader: Reader, arrival: Arrival) -> Frame | None:
    if arrival.skipped:
        return reader.refused(Reason.UNDECODABLE, _too_large(arrival), arrival.received)
    return reader.read(arrival.payload, arrival.received, retained=arrival.retained)


def _node_of(place: Place) -> Place:
    return replace(place, device=None)
