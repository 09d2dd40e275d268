"""The monitored items of one subscription: what they said last, and what a publish response adds to it.

A subscription reports changes only, so silence is not absence. What makes "still the same" a fact is the publish
response: the server answers at least once per keep-alive interval, and an answer without a change says that there was
none up to its publish time, less the sampling interval. `confirm` turns that into readings; nothing else does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from connectors.opcua.addresses import address_of
from connectors.opcua.codec import UNCERTAIN, judge, ns_of
from connectors.opcua.nodes import sampling_of
from twin.frame import Frame
from twin.ingest.settle import LATE_WINDOW_NS
from twin.quality import FIRST_BAD, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from connectors.opcua.addresses import Address
    from connectors.opcua.config import Band, OpcUaOptions, OpcUaPoint
    from twin.model.bound import BoundDevice, BoundPoint
    from twin.model.district import Device

    # client handle, value as the library decodes it, status code, source time in ns (0: none)
    Change = tuple[int, object, int, int]

_NS = 1_000_000_000
_LONGEST_UNCONFIRMED_S = 10.0
# InfoType DataValue and the bit Overflow: samples before this one were discarded (OPC 10000-4, 7.39.1).
_OVERFLOW = 0x0480


@dataclass(frozen=True, slots=True)
class Item:
    """One node to monitor; its place in the subscription is its client handle."""

    device: Device
    bound: BoundPoint
    node: Address
    sampling_s: float
    queue_size: int
    band: Band | None = None

    @property
    def structured(self) -> bool:
        """Whether a field of a structure is wanted."""
        return bool(cast("OpcUaPoint", self.bound.point.address).field)


def item_of(device: Device, bound: BoundPoint) -> Item:
    """Return the item of one point."""
    address = cast("OpcUaPoint", bound.point.address)
    queue_size = cast("OpcUaOptions", device.options).queue_size
    return Item(
        device,
        bound,
        address_of(device, bound.point),
        sampling_of(device, bound.point),
        queue_size,
        address.deadband,
    )


def items_of(devices: Iterable[BoundDevice]) -> dict[float, list[Item]]:
    """Return the items of `devices` by publishing interval, seconds; methods have nothing to read."""
    groups: dict[float, list[Item]] = {}
    for bound_device in devices:
        device = bound_device.device
        options = cast("OpcUaOptions", device.options)
        items = groups.setdefault(options.publishing, [])
        items += [item_of(device, bound) for bound in bound_device.points if bound.point.readable]
    return groups


def _plain(bound: BoundPoint) -> bool:
    address = cast("OpcUaPoint", bound.point.address)
    return not bound.state_ids and address.index is None and not address.field


def _unopened(raw: object) -> object:
    return raw


class Subscription:
    """The items of one publishing interval with their last readings.

    `open` decodes structures. `first` holds the time of each item's first reading of this run and `source` that of its
    last one, ns UTC by the device's clock (0: never, or without a time). `overflowed` gathers items whose queue in the
    server was too short. Arrays run over the items: `ids` int32, `_value` float64, `_quality` uint8, and in ns UTC
    int64 `_heard` (receipt of the last reading, 0: never) and `_settled` (the time under which ingest keeps it).
    """

    def __init__(self, items: Sequence[Item]) -> None:
        count = len(items)
        self.items = tuple(items)
        self.refused: dict[int, str] = {}
        self.ids = np.array([item.bound.id for item in items], np.int32)
        self.confirm_s = confirm_period_s(items)
        self._plain = [_plain(item.bound) for item in items]
        self.open: Callable[[object], object] = _unopened
        self.source = [0] * count
        self.first = [0] * count
        self.overflowed: set[int] = set()
        self._words: dict[int, str] = {}
        self._value = np.full(count, np.nan)
        self._quality = np.zeros(count, np.uint8)
        self._heard = np.zeros(count, np.int64)
        self._settled = np.zeros(count, np.int64)
        self._trusted = np.array([item.device.trust_time for item in items], np.bool_)
        self._skew = np.array([int(item.device.max_skew_s * _NS) for item in items], np.int64)
        sampling = np.array([int(item.sampling_s * _NS) for item in items], np.int64)
        self._slack = np.minimum(sampling, self._skew // 2)  # older than max_skew would be called late
        self._due = 0

    def take(self, changes: Iterable[Change], received: int) -> Frame | None:
        """Return what a publish response tells as one frame, None when it tells nothing that is known here."""
        places: list[int] = []
        values: list[float] = []
        times: list[int] = []
        reasons: list[int] = []
        details: dict[int, str] = {}
        plain, source, first = self._plain, self.source, self.first
        for place, raw, status, time in changes:
            if place >= len(plain):
                continue
            if status & _OVERFLOW == _OVERFLOW:
                self.overflowed.add(place)
            if status < UNCERTAIN and type(raw) is float and plain[place] and raw - raw == 0.0:
                value, reason, words = raw, 0, ""
            else:
                value, reason, words = judge(self.items[place].bound, self.open(raw), status)
                if words:
                    details[len(places)] = words
                # A status that turns bad often keeps the time of the last value: it must not replace that value.
                if reason >= FIRST_BAD and time <= source[place]:
                    time = 0  # noqa: PLW2901
            if time:
                source[place] = time
                if not first[place]:
                    first[place] = time
            places.append(place)
            values.append(value)
            times.append(time)
            reasons.append(reason)
        return self._frame(places, values, times, reasons, details, received) if places else None

    def refuse(self, refusals: Mapping[int, str], received: int) -> Frame | None:
        """Note items that the server does not serve, place to its words; returns their bad readings."""
        self.refused.update(refusals)
        places = list(refusals)
        if not places:
            return None
        reasons = [int(Reason.BAD_STATUS)] * len(places)
        details = dict(enumerate(refusals.values()))
        for place in places:
            self.source[place] = 0
        return self._frame(places, [np.nan] * len(places), [0] * len(places), reasons, details, received)

    def accept(self, places: Iterable[int]) -> None:
        """Note items that the server serves, also those that it refused before."""
        for place in places:
            self.refused.pop(place, None)

    @property
    def heard(self) -> npt.NDArray[np.int64]:
        """When each item was heard of last, also unchanged: ns UTC of receipt, 0 for never (since `forget`)."""
        return self._heard

    def forget(self) -> None:
        """Confirm nothing any more until it is heard anew: a response was lost, so any item may have changed."""
        self._heard[:] = 0

    def confirm(self, published: int, received: int) -> Frame | None:
        """Return the readings that a drained publish response proves unchanged, None when none is due.

        `published` is the response's own time (the server's clock, 0: none), `received` its receipt. A reading is due
        when it was not heard from for `confirm_s`. Its time is `published` less its sampling interval, so that a
        change which the server has yet to sample is never older than the confirmation of the value before it.
        """
        if received < self._due:
            return None
        self._due = received + int(self.confirm_s * _NS) // 4
        times = np.where(np.array(self.source, np.int64) > 0, (published or received) - self._slack, 0)
        settled = self._settle(slice(None), times, received)
        stale = (self._heard > 0) & (self._heard + int(self.confirm_s * _NS) <= received)
        chosen = np.flatnonzero(stale & (settled > self._settled))
        if not len(chosen):
            return None
        self._heard[chosen] = received
        self._settled[chosen] = settled[chosen]
        return self._confirmed(chosen, times[chosen], received)

    def _confirmed(self, chosen: npt.NDArray[np.intp], times: npt.NDArray[np.int64], received: int) -> Frame:
        quality = self._quality[chosen]
        details = {
            at: self._words[int(place)]
            for at, place in enumerate(chosen)
            if self._words and int(place) in self._words
        }
        return Frame(
            self.ids[chosen],
            self._value[chosen],
            received,
            times,
            quality if quality.any() else None,
            details,
        )

    def _frame(
        self,
        places: list[int],
        values: list[float],
        times: list[int],
        reasons: list[int],
        details: dict[int, str],
        received: int,
    ) -> Frame:
        at = np.array(places, np.intp)
        value = np.array(values)
        time = np.array(times, np.int64)
        quality = np.array(reasons, np.uint8)
        self._value[at] = value
        self._quality[at] = quality
        self._heard[at] = received
        self._settled[at] = np.maximum(self._settled[at], self._settle(at, time, received))
        if self._words or details:
            self._note_words(places, details)
        return Frame(self.ids[at], value, received, time, quality if any(reasons) else None, details)

    def _note_words(self, places: list[int], details: Mapping[int, str]) -> None:
        for position, place in enumerate(places):
            if position in details:
                self._words[place] = details[position]
            else:
                self._words.pop(place, None)

    def _settle(
        self, at: npt.NDArray[np.intp] | slice, times: npt.NDArray[np.int64], received: int
    ) -> npt.NDArray[np.int64]:
        """Return the times under which ingest keeps readings: the device's where it is trusted, else the receipt."""
        ahead = times - received
        plausible = (ahead <= self._skew[at]) & (ahead >= -LATE_WINDOW_NS)
        believed = self._trusted[at] & (times > 0) & plausible
        return np.where(believed, times, received)


def confirm_period_s(items: Sequence[Item]) -> float:
    """Return how long a reading may go unheard before it is confirmed: a third of the shortest patience, seconds."""
    patience = min(
        (min(item.bound.point.heartbeat_s, item.bound.point.silent_after_s) for item in items), default=0.0
    )
    return min(patience / 3, _LONGEST_UNCONFIRMED_S)


def changes_of(notification: object) -> Iterator[Change]:
    """Yield the changes of the library's `DataChangeNotification`."""
    for item in notification.MonitoredItems:  # type: ignore[attr-defined]
        data = item.Value
        raw = data.Value.Value if data.Value is not None else None
        yield item.ClientHandle, raw, data.StatusCode.value, ns_of(data.SourceTimestamp)
