"""An edge node of Sparkplug B as its host sees it: births, aliases, numbers, deaths (Sparkplug 3.0.0, chapter 5).

A metric's alias means what the last birth said. A birth that was missed may have changed it, and a wrong value is worse
than a gap, so a number that is missing makes all aliases unknown until the next birth; metrics that come with their
names are read all the same.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from connectors.mqtt.config import address_of, options_of
from connectors.mqtt.heard import Heard
from connectors.mqtt.payload import Sheet
from connectors.mqtt.sparkplug import BD_SEQ, SEQUENCE, Kind, decode, raw_of
from connectors.payloads.decoding import NoValue, shown
from connectors.payloads.values import settle
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from connectors.mqtt.config import Place
    from connectors.mqtt.sparkplug import Metric, Payload
    from twin.frame import Frame, Ids
    from twin.model.bound import BoundDevice

_BETWEEN_REBIRTHS_S = 10.0
_BIRTHS = frozenset({Kind.NODE_BIRTH, Kind.DEVICE_BIRTH})


class Metrics:
    """The metrics of one configured device, as far as it has points for them."""

    def __init__(self, bound: BoundDevice) -> None:
        self.device = bound.device
        self.ids: Ids = np.array([one.id for one in bound.points], np.int32)
        self._points = bound.points
        self._addresses = [address_of(one.point) for one in bound.points]
        self._names: dict[str, list[int]] = {}
        for at, address in enumerate(self._addresses):
            self._names.setdefault(address.metric or "", []).append(at)
        self._aliases: dict[int, str] = {}
        self._told = False
        self.types: dict[str, int] = {}
        self.born = False

    @property
    def aliased(self) -> bool:
        """Whether any of its metrics is known by an alias."""
        return bool(self._aliases)

    def be_born(self, payload: Payload) -> None:
        """Take names, aliases and types of a birth."""
        known = [metric for metric in payload.metrics if metric.name in self._names]
        self._aliases = {metric.alias: metric.name for metric in known if metric.alias is not None}
        self.types = {metric.name: metric.datatype for metric in known}
        self.born, self._told = True, False

    def forget(self) -> None:
        """Know no alias any more."""
        self._aliases.clear()
        self.born = False

    def read(self, payload: Payload, received: int) -> Iterator[Frame]:
        """Yield the frames of a message: one, or more where a metric comes several times or is historical."""
        sheet, said, kept = Sheet(self.ids, received), set[int](), False
        for metric in payload.metrics:
            name = metric.name or self._aliases.get(metric.alias if metric.alias is not None else -1, "")
            for at in self._names.get(name, ()) if name else ():
                if at in said or kept is not metric.is_historical:
                    yield from _made(sheet, kept=kept)
                    sheet, said, kept = Sheet(self.ids, received), set(), metric.is_historical
                said.add(at)
                self._put(sheet, at, metric, name, metric.time or payload.time)
        yield from _made(sheet, kept=kept)

    def unnamed(self, payload: Payload, received: int) -> Iterator[Frame]:
        """Yield a frame that says once why data by alias cannot be read: no birth has been heard."""
        if not (self.born or self._told) and any(not metric.name for metric in payload.metrics):
            yield from self.refused(
                "data by alias, and no birth was heard yet (see the option `rebirth`)", received
            )

    def refused(self, words: str, received: int) -> Iterator[Frame]:
        """Yield a frame in which no point could be decoded."""
        self._told = True
        sheet = Sheet(self.ids, received)
        for at in range(len(self.ids)):
            sheet.refuse(at, Reason.UNDECODABLE, words)
        yield from _made(sheet, kept=False)

    def missing(self, payload: Payload, received: int) -> Iterator[Frame]:
        """Yield a frame that says which points the birth does not have."""
        names = {metric.name for metric in payload.metrics}
        sheet = Sheet(self.ids, received)
        for name in self._names.keys() - names:
            for at in self._names[name]:
                sheet.refuse(
                    at, Reason.NOT_AVAILABLE, f"no metric {name!r} in the birth, it has: {_some(names)}"
                )
        yield from _made(sheet, kept=False)

    def _put(self, sheet: Sheet, at: int, metric: Metric, name: str, time_ns: int) -> None:
        try:
            raw = raw_of(metric, metric.datatype or self.types.get(name, 0))
            null_values = self._addresses[at].null_values
            value, reason = settle(self._points[at], raw, textual=False, null_values=null_values)
        except NoValue as none:
            sheet.refuse(at, none.reason, none.words, time_ns)
        else:
            sheet.put(at, value, reason, time_ns)


def _some(names: set[str]) -> str:
    return shown(", ".join(sorted(names)[:8]) or "none")


def _made(sheet: Sheet, *, kept: bool) -> Iterator[Frame]:
    frame = sheet.frame(backfilled=kept)
    if frame is not None:
        yield frame


class Node:
    """One edge node with the configured devices behind it; `missed` counts numbers that were not the next one."""

    def __init__(self, place: Place) -> None:
        self.missed = 0
        self._place = place
        self._devices: dict[str | None, list[Metrics]] = {}
        self._next: int | None = None
        self._session: float | None = None
        self._asked_s = -math.inf

    def add(self, device: str | None, bound: BoundDevice) -> Metrics:
        """Take a configured device in: None is the node itself."""
        made = Metrics(bound)
        self._devices.setdefault(device, []).append(made)
        return made

    def reconnected(self) -> None:
        """Forget what may have changed while nobody listened."""
        self._next = self._session = None
        for metrics in self._all():
            metrics.forget()

    def hear(self, kind: Kind, place: Place, payload: bytes, received: int, now_s: float) -> Heard | None:
        """Return what a message says; None when it is of a device that nobody configured."""
        heard = Heard()
        try:
            message = decode(payload)
        except NoValue as none:
            return self.refuse(place, none.words, received)
        if kind is Kind.NODE_DEATH:
            self._die(message, heard)
            return heard
        self._count(kind, message, received, heard)
        devices = self._devices.get(place.device, ())
        for metrics in devices:
            if kind is Kind.DEVICE_DEATH:
                metrics.forget()
                heard.silences.append(
                    (metrics.ids, Reason.SILENT, "its edge node says that it is gone (DDEATH)")
                )
            else:
                self._read(kind, metrics, message, received, heard)
        if (
            any(self._wants_birth(metrics) for metrics in devices)
            and now_s >= self._asked_s + _BETWEEN_REBIRTHS_S
        ):
            self._asked_s = now_s
            heard.rebirth = self._place.command()
        return heard if devices or place.device is None else None

    def refuse(self, place: Place, words: str, received: int) -> Heard:
        """Return that a message of a device could not be decoded."""
        devices = self._devices.get(place.device, ())
        return Heard([frame for metrics in devices for frame in metrics.refused(words, received)])

    def _read(self, kind: Kind, metrics: Metrics, message: Payload, received: int, heard: Heard) -> None:
        if kind in _BIRTHS:
            metrics.be_born(message)
            heard.frames += metrics.missing(message, received)
        else:
            heard.frames += metrics.unnamed(message, received)
        heard.frames += metrics.read(message, received)

    def _count(self, kind: Kind, message: Payload, received: int, heard: Heard) -> None:
        """Follow the numbers of the node's messages (`seq`): 0 with its birth, then one more each."""
        if kind is Kind.NODE_BIRTH:
            session = message.metric(BD_SEQ)
            self._session = (
                float(session.value) if session and isinstance(session.value, int | float) else None
            )
            for metrics in self._all():
                metrics.forget()
        elif self._next is not None and message.seq != self._next:
            self.missed += 1
            words = f"message {self._next} is missing, {message.seq} came: aliases are unknown until a birth"
            for metrics in self._all():
                heard.frames += metrics.refused(words, received) if metrics.aliased else ()
                metrics.forget()
        self._next = None if message.seq is None else (message.seq + 1) % SEQUENCE

    def _die(self, message: Payload, heard: Heard) -> None:
        """Call everything silent, unless the death is of an earlier session (their `bdSeq` differ)."""
        session = message.metric(BD_SEQ)
        if self._session is not None and session is not None and session.value != self._session:
            return
        self._next = None
        for metrics in self._all():
            metrics.forget()
            heard.silences.append((metrics.ids, Reason.SILENT, "the edge node is gone (NDEATH)"))

    def _wants_birth(self, metrics: Metrics) -> bool:
        return not metrics.born and options_of(metrics.device).rebirth

    def _all(self) -> Sequence[Metrics]:
        return [metrics for same in self._devices.values() for metrics in same]
