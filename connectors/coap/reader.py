"""Answers to frames: where each point's value stands in a payload, and what it is worth. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from connectors.coap.config import CoapPoint, Format, address_of
from connectors.coap.payload import CONTENT_FORMATS, WIRES
from connectors.payloads import senml
from connectors.payloads.decoding import PACKS, NoValue, Wire, decode, shown
from connectors.payloads.values import codes_of, follow, settle
from twin.frame import Frame
from twin.quality import Reason

if TYPE_CHECKING:
    from twin.frame import Ids
    from twin.model.bound import BoundPoint
    from twin.model.district import Point
    from twin.model.spec import StateKey

_ACCEPTED = {Format.TEXT: Wire.TEXT, Format.JSON: Wire.JSON, Format.CBOR: Wire.CBOR}


def accepted(wanted: Format | None) -> int | None:
    """Return the Accept option for a format; None where the device may choose, as between the two kinds of SenML."""
    wire = None if wanted is None else _ACCEPTED.get(wanted)
    return None if wire is None else CONTENT_FORMATS[wire]


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """What one payload holds: the `newest` reading of each point, and in `kept` the older ones, oldest first.

    `newest` is None when there is none. `kept` has a time for each reading; None when there are no older ones.
    """

    newest: Frame | None
    kept: Frame | None


class Reader:
    """Reads the answers of one resource of one device into frames."""

    def __init__(self, points: Sequence[BoundPoint], fallback: Format | None = None) -> None:
        self._points = [(bound, address_of(bound.point)) for bound in points]
        self._fallback = fallback
        self._upto: dict[int, int] = {}
        self.ids: Ids = np.array([bound.id for bound in points], np.int32)

    @property
    def format(self) -> Format | None:
        """The format that the profile names for this resource, None when it names none."""
        named = (address.format for _, address in self._points if address.format)
        return next(named, self._fallback)

    def read(self, payload: bytes, content_format: int | None, received: int) -> Frame:
        """Return the frame of an answer: each point its value, or NaN with the reason and words.

        `content_format` is the option's number, None where there was none; `received` is ns UTC.
        """
        return self._newest(_Answer(payload, content_format, received), received)

    def samples(self, payload: bytes, content_format: int | None, received: int) -> Samples:
        """Return the frame of an answer as `read` does, and the older samples of a pack that were not given before."""
        answer = _Answer(payload, content_format, received)
        newest = self._newest(answer, received)
        return Samples(newest, self._kept(answer, received, again=False))

    def pushed(self, payload: bytes, content_format: int | None, received: int) -> Samples:
        """Return what a pack says of the points that it names; the others are not spoken of, which is no absence.

        NoValue when the payload is no pack.
        """
        answer = _Answer(payload, content_format, received)
        named = [pair for pair in self._points if answer.records(pair[1], self._fallback)]
        if not named:
            return Samples(None, None)
        ids = (
            self.ids if len(named) == len(self._points) else np.array([one.id for one, _ in named], np.int32)
        )
        sheet = _Sheet(len(named))
        for at, (bound, address) in enumerate(named):
            self._fill(sheet, at, bound, address, answer)
        return Samples(sheet.frame(ids, received), self._kept(answer, received, again=True))

    def raw(self, bound: BoundPoint, payload: bytes, content_format: int | None) -> float | StateKey:
        """Return the raw value of one point in an answer, as it stands there; NoValue when there is none."""
        address = address_of(bound.point)
        answer = _Answer(payload, content_format, 0)
        raw, _ = answer.find(bound.point, address, address.format or self._fallback)
        return _raw_of(bound, raw, textual=answer.textual)

    def _newest(self, answer: _Answer, received: int) -> Frame:
        sheet = _Sheet(len(self._points))
        for at, (bound, address) in enumerate(self._points):
            self._fill(sheet, at, bound, address, answer)
        return sheet.frame(self.ids, received)

    def _fill(self, sheet: _Sheet, at: int, bound: BoundPoint, address: CoapPoint, answer: _Answer) -> None:
        try:
            raw, time_ns = answer.find(bound.point, address, address.format or self._fallback)
            value, reason = settle(bound, raw, textual=answer.textual)
        except NoValue as none:
            sheet.refuse(at, none.reason, none.words)
        else:
            sheet.put(at, value, reason, time_ns)

    def _kept(self, answer: _Answer, received: int, *, again: bool) -> Frame | None:
        """Return the older samples of all points by time; where `again` is false only those after the last answer's."""
        found: list[tuple[int, BoundPoint, CoapPoint, senml.Record]] = []
        for bound, address in self._points:
            records = answer.records(address, self._fallback)
            upto = 0 if again else self._upto.get(bound.id, 0)
            older = [record for record in records[:-1] if record.time_ns > upto]
            found += [(record.time_ns, bound, address, record) for record in older]
            if records:
                self._upto[bound.id] = max(upto, records[-1].time_ns or received)
        if not found:
            return None
        found.sort(key=lambda entry: entry[0])
        return _sheet_of(found, received)

    def refusal(self, reason: Reason, words: str, received: int) -> Samples:
        """Return `refused` as what an answer holds."""
        return Samples(self.refused(reason, words, received), None)

    def refused(self, reason: Reason, words: str, received: int) -> Frame:
        """Return a frame in which every point is bad for the same reason."""
        sheet = _Sheet(len(self._points))
        for at in range(len(self._points)):
            sheet.refuse(at, reason, words)
        return sheet.frame(self.ids, received)


def _sheet_of(found: Sequence[tuple[int, BoundPoint, CoapPoint, senml.Record]], received: int) -> Frame:
    sheet = _Sheet(len(found))
    for at, (_, bound, address, record) in enumerate(found):
        try:
            raw, time_ns = _of_record(record, bound.point, address)
            sheet.put(at, *settle(bound, raw, textual=False), time_ns)
        except NoValue as none:
            sheet.refuse(at, none.reason, none.words)
            sheet.at(at, record.time_ns)
    return sheet.frame(np.array([bound.id for _, bound, _, _ in found], np.int32), received)


class _Sheet:
    """A frame in the making."""

    def __init__(self, count: int) -> None:
        self._values = np.full(count, math.nan)
        self._reasons = [Reason.GOOD] * count
        self._times = [0] * count
        self._details: dict[int, str] = {}

    def put(self, at: int, value: float, reason: Reason, time_ns: int) -> None:
        self._values[at] = value
        self._reasons[at] = reason
        self._times[at] = time_ns

    def at(self, at: int, time_ns: int) -> None:
        self._times[at] = time_ns

    def refuse(self, at: int, reason: Reason, words: str) -> None:
        self._reasons[at] = reason
        self._details[at] = words

    def frame(self, ids: Ids, received: int) -> Frame:
        quality = np.array(self._reasons, np.uint8) if any(self._reasons) else None
        first = self._times[0] if self._times else 0
        same = all(time == first for time in self._times)
        return Frame(
            ids=ids,
            values=self._values,
            received=received,
            time=first if same else np.array(self._times, np.int64),
            quality=quality,
            details=self._details,
        )


class _Answer:
    """One payload, decoded at most once in each way of writing."""

    def __init__(self, payload: bytes, content_format: int | None, received: int) -> None:
        self._payload = payload
        self._content_format = content_format
        self._received = received
        self._decoded: dict[Wire, Any] = {}
        self._refused: dict[Wire, NoValue] = {}
        self.textual = False

    def find(self, point: Point, address: CoapPoint, wanted: Format | None) -> tuple[object, int]:
        """Return what stands at the address, and the device's own time of it (0: none)."""
        wire = self._wire(address, wanted)
        self.textual = wire is Wire.TEXT
        decoded = self._decode(wire)
        if wire in PACKS:
            return _from_record(decoded, point, address)
        return follow(decoded, address.key), 0

    def records(self, address: CoapPoint, fallback: Format | None) -> Sequence[senml.Record]:
        """Return the records of a point, oldest first; none when the payload is no pack."""
        try:
            wire = self._wire(address, address.format or fallback)
            return self._decode(wire).of(address.name) if wire in PACKS else ()
        except NoValue:
            return ()

    def _wire(self, address: CoapPoint, wanted: Format | None) -> Wire:
        named = None if self._content_format is None else WIRES.get(self._content_format)
        if wanted is Format.SENML:
            return named if named in PACKS else self._guess_senml()
        if wanted is not None:
            return Wire(wanted.value)
        if named is not None:
            return named
        if self._content_format is not None:
            raise NoValue(
                Reason.UNDECODABLE, f"Content-Format {self._content_format} is not one that barrio reads"
            )
        return self._guess_senml() if address.name else self._guess(address)

    def _guess_senml(self) -> Wire:
        return Wire.SENML_JSON if self._payload.lstrip()[:1] in {b"[", b"{"} else Wire.SENML_CBOR

    def _guess(self, address: CoapPoint) -> Wire:
        """Without Content-Format: a key needs a structure, and JSON begins with a bracket; the rest is text."""
        if address.key is None:
            return Wire.TEXT
        return Wire.JSON if self._payload.lstrip()[:1] in {b"[", b"{"} else Wire.CBOR

    def _decode(self, wire: Wire) -> Any:
        if wire in self._refused:
            raise self._refused[wire]
        if wire not in self._decoded:
            try:
                decoded = decode(wire, self._payload, self._received)
            except NoValue as none:
                self._refused[wire] = none
                raise
            self._decoded[wire] = senml.Pack(decoded) if wire in PACKS else decoded
        return self._decoded[wire]


def _from_record(pack: senml.Pack, point: Point, address: CoapPoint) -> tuple[object, int]:
    found = pack.of(address.name)
    if not found:
        wanted = repr(address.name) if address.name else "the only one"
        names = shown(names_of(pack.records))
        raise NoValue(Reason.NOT_AVAILABLE, f"no record {wanted} in the answer, it has: {names}")
    return _of_record(found[-1], point, address)


def names_of(records: Sequence[senml.Record]) -> str:
    """Return the names that stand in a pack, for people."""
    return ", ".join(list(dict.fromkeys(record.name for record in records))[:16]) or "none"


def _of_record(record: senml.Record, point: Point, address: CoapPoint) -> tuple[object, int]:
    if record.value is None:
        raise NoValue(Reason.NOT_AVAILABLE, "the record holds a sum and no value")
    if record.unit is not None and isinstance(record.value, int | float):
        _check_unit(record.unit, point, address)
    return record.value, record.time_ns


def _check_unit(unit: str, point: Point, address: CoapPoint) -> None:
    if (
        not point.quantity.unit
        or unit == address.senml_unit
        or senml.fits(unit, point.quantity.unit, point.scale, point.offset)
    ):
        return
    factor = "" if point.scale == 1 else f" after times {point.scale:g}"
    offset = "" if point.offset == 0 else f" plus {point.offset:g}"
    words = (
        f"the device's unit is {shown(unit)!r}, the profile's makes {point.quantity.unit!r}{factor}{offset}"
    )
    raise NoValue(Reason.UNDECODABLE, words)


def _raw_of(bound: BoundPoint, raw: object, *, textual: bool) -> float | StateKey:
    """Return what was read back: the code of a state that the profile names, or a number; NoValue otherwise."""
    if not bound.state_ids:
        return settle(bound, raw, textual=textual)[0]
    for code in codes_of(raw):
        if not math.isnan(bound.state(code)):
            return code
    raise NoValue(Reason.UNKNOWN_STATE, f"no state: {shown(raw)}")
