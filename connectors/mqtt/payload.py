"""Payloads to frames: the points that stand in one topic of one device. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from connectors.mqtt.config import Format, address_of, format_of
from connectors.mqtt.times import time_of
from connectors.payloads import senml
from connectors.payloads.decoding import NoValue, Wire, decode, shown
from connectors.payloads.values import Missing, follow, settle
from twin.frame import Frame
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.mqtt.config import MqttOptions, MqttPoint
    from twin.frame import Ids, Values
    from twin.model.bound import BoundPoint
    from twin.model.district import Point

OF_UNKNOWN_AGE = "kept by the broker (retained), nobody knows since when"
_FIRST_OF_JSON = (b"[", b"{")


class Reader:
    """Reads the messages of one topic into frames."""

    def __init__(self, points: Sequence[BoundPoint], options: MqttOptions) -> None:
        self._points = [(bound, address_of(bound.point)) for bound in points]
        self._format = format_of(self._points[0][1], options)
        # What one point implies (a key, a name) holds for the topic; `check` refuses two that differ.
        for _, address in self._points:
            self._format = address.written or self._format
        self._partial = options.partial
        self._retained = options.retained
        self.ids: Ids = np.array([bound.id for bound in points], np.int32)

    def read(self, payload: bytes, received: int, *, retained: bool = False) -> Frame | None:
        """Return the frame of a message: each point its value, or NaN with the reason and words.

        `received` is ns UTC. None when the message is to be left alone: retained and without a time of its own where
        the profile ignores those, or without any of the keys where a message may be partial.
        """
        try:
            decoded = decode(self._wire(payload), payload, received)
        except NoValue as none:
            return None if retained and not payload else self.refused(none.reason, none.words, received)
        sheet = Sheet(self.ids, received)
        for at, (bound, address) in enumerate(self._points):
            self._place(sheet, at, bound, address, decoded)
        return self._aged(sheet) if retained else sheet.frame()

    def refused(self, reason: Reason, words: str, received: int) -> Frame:
        """Return a frame in which every point is bad for the same reason."""
        count = len(self._points)
        return Frame(
            ids=self.ids,
            values=np.full(count, math.nan),
            received=received,
            quality=np.full(count, reason, np.uint8),
            details=dict.fromkeys(range(count), words),
        )

    def _wire(self, payload: bytes) -> Wire:
        if self._format is not Format.SENML:
            return Wire(self._format.value)
        return Wire.SENML_JSON if payload.lstrip()[:1] in _FIRST_OF_JSON else Wire.SENML_CBOR

    def _place(self, sheet: Sheet, at: int, bound: BoundPoint, address: MqttPoint, decoded: Any) -> None:
        try:
            raw, time_ns = self._find(bound.point, address, decoded)
            textual = self._format is Format.TEXT
            value, reason = settle(bound, raw, textual=textual, null_values=address.null_values)
        except Missing as missing:
            if not self._partial:
                sheet.refuse(at, missing.reason, missing.words)
        except NoValue as none:
            sheet.refuse(at, none.reason, none.words)
        else:
            sheet.put(at, value, reason, time_ns)

    def _find(self, point: Point, address: MqttPoint, decoded: Any) -> tuple[object, int]:
        """Return what stands at the address, and the device's own time of it (0: none)."""
        if self._format is Format.SENML:
            return _of_record(decoded, point, address)
        raw = follow(decoded, address.key)
        if address.time is None:
            return raw, 0
        try:
            return raw, time_of(follow(decoded, address.time), address.time_format)
        except Missing as missing:
            raise NoValue(Reason.UNDECODABLE, f"`time`: {missing.words}") from None

    def _aged(self, sheet: Sheet) -> Frame | None:
        """Return a retained message's frame: what has no time of its own is of unknown age."""
        if self._retained == "ignore":
            sheet.forget_undated()
        elif self._retained == "uncertain":
            sheet.doubt_undated(Reason.AGE_UNKNOWN, OF_UNKNOWN_AGE)
        return sheet.frame()


class Sheet:
    """A frame in the making; positions that nothing is said of stay out of it."""

    def __init__(self, ids: Ids, received: int) -> None:
        self._ids = ids
        self._received = received
        self._values = np.full(len(ids), math.nan)
        self._reasons: list[Reason | None] = [None] * len(ids)
        self._times = [0] * len(ids)
        self._details: dict[int, str] = {}

    def put(self, at: int, value: float, reason: Reason, time_ns: int = 0) -> None:
        """Say a value."""
        self._values[at] = value
        self._reasons[at] = reason
        self._times[at] = time_ns

    def refuse(self, at: int, reason: Reason, words: str, time_ns: int = 0) -> None:
        """Say that there is an answer and no value."""
        self._values[at] = math.nan
        self._reasons[at] = reason
        self._times[at] = time_ns
        self._details[at] = words

    def forget_undated(self) -> None:
        """Leave out everything that has no time of its own."""
        self._reasons = [
            reason if time else None for reason, time in zip(self._reasons, self._times, strict=True)
        ]

    def doubt_undated(self, doubt: Reason, words: str) -> None:
        """Make what is good and has no time of its own uncertain."""
        for at, reason in enumerate(self._reasons):
            if reason is Reason.GOOD and not self._times[at]:
                self._reasons[at] = doubt
                self._details[at] = words

    def frame(self, *, backfilled: bool = False) -> Frame | None:
        """Return the frame, None when nothing was said."""
        said = [at for at, reason in enumerate(self._reasons) if reason is not None]
        if len(said) == len(self._reasons):
            return self._frame(self._ids, self._values, self._reasons, self._times, self._details, backfilled)
        if not said:
            return None
        details = {to: self._details[at] for to, at in enumerate(said) if at in self._details}
        reasons, times = [self._reasons[at] for at in said], [self._times[at] for at in said]
        return self._frame(self._ids[said], self._values[said], reasons, times, details, backfilled)

    def _frame(
        self,
        ids: Ids,
        values: Values,
        reasons: Sequence[Reason | None],
        times: Sequence[int],
        details: dict[int, str],
        backfilled: bool,  # noqa: FBT001 - passed on
    ) -> Frame:
        same = len(set(times)) == 1
        return Frame(
            ids=ids,
            values=values,
            received=self._received,
            time=times[0] if same else np.array(times, np.int64),
            quality=np.array(reasons, np.uint8) if any(reasons) else None,
            details=details,
            backfilled=backfilled,
        )


def _of_record(records: Sequence[senml.Record], point: Point, address: MqttPoint) -> tuple[object, int]:
    """Return value and time of a SenML record; Missing when there is none of that name."""
    record = senml.find(records, address.name)
    if record is None:
        wanted = repr(address.name) if address.name else "the only one"
        names = shown(", ".join(dict.fromkeys(record.name for record in records)) or "none")
        raise Missing(f"no record {wanted} in the message, it has: {names}")
    if record.value is None:
        raise NoValue(Reason.NOT_AVAILABLE, "the record holds a sum and no value")
    if record.unit is not None and isinstance(record.value, int | float):
        _check_unit(record.unit, point, address)
    return record.value, record.time_ns


def _check_unit(unit: str, point: Point, address: MqttPoint) -> None:
    wanted = point.quantity.unit
    if wanted and unit != address.senml_unit and not senml.fits(unit, wanted, point.scale, point.offset):
        words = f"the device's unit is {shown(unit)!r}, the profile's scale and offset do not make {wanted!r} of it"
        raise NoValue(Reason.UNDECODABLE, words)
