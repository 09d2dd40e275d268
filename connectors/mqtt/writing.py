"""Settings to messages, and the next value of the same point as the answer."""

from __future__ import annotations

import asyncio
import json
import math
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from connectors.abilities import Done, Outcome
from connectors.mqtt.config import Format, address_of, format_of, options_of, topic_of
from connectors.mqtt.sparkplug import DataType, encode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from connectors.abilities import Setting
    from connectors.mqtt.node import Metrics
    from twin.frame import Frame
    from twin.model.bound import BoundPoint
    from twin.model.district import Device
    from twin.model.spec import StateKey


class Echoes:
    """Who waits for the next value of which point."""

    def __init__(self) -> None:
        self._waiting: dict[int, list[Echo]] = {}

    @contextmanager
    def expecting(self, settings: Sequence[Setting]) -> Iterator[list[Echo]]:
        """Listen for what the device reports of these points while the block runs."""
        echoes = [Echo(setting) for setting in settings]
        for echo in echoes:
            self._waiting.setdefault(echo.id, []).append(echo)
        try:
            yield echoes
        finally:
            for echo in echoes:
                self._waiting[echo.id].remove(echo)
                if not self._waiting[echo.id]:
                    del self._waiting[echo.id]

    def hear(self, frame: Frame) -> None:
        """Show a frame to those who wait."""
        if not self._waiting or frame.backfilled:
            return
        for point, value in zip(frame.ids.tolist(), frame.values.tolist(), strict=True):
            for echo in self._waiting.get(point, ()):
                echo.hear(value)


class Echo:
    """What a device has reported of a point since a setting was sent; `reported` is NaN while that is nothing.

    `refused` are the words with which the setting was not even sent on.
    """

    def __init__(self, setting: Setting) -> None:
        self.id = setting.point.id
        self.reported = math.nan
        self.refused = ""
        self._setting = setting
        self._wanted = value_of(setting.point, setting.raw)
        self._done = asyncio.Event()

    def hear(self, value: float) -> None:
        """Take a value as frames carry it."""
        if not math.isnan(value):
            self.reported = value
        if value == self._wanted or math.isclose(value, self._wanted, rel_tol=1e-6):
            self._done.set()

    async def come(self) -> None:
        """Return when the device has reported what was set, at once when it was refused."""
        if not self.refused:
            await self._done.wait()

    def outcome(self) -> Outcome:
        """Return what became of the setting: written when the device says so, else unknown."""
        if self.refused:
            return Outcome(self._setting, Done.REFUSED, words=self.refused)
        done = Done.WRITTEN if self._done.is_set() else Done.UNKNOWN
        return Outcome(self._setting, done, _raw_of(self._setting.point, self.reported))


async def come(echoes: Sequence[Echo], within_s: float) -> None:
    """Return when all have come, or when the time is over."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            for echo in echoes:
                await echo.come()


def value_of(point: BoundPoint, raw: float | StateKey) -> float:
    """Return a raw value as frames carry it; NaN for what they cannot."""
    if point.state_ids and isinstance(raw, bool | int | str):
        return point.state(raw)
    return float(raw) if not isinstance(raw, str) else math.nan


def _raw_of(point: BoundPoint, value: float) -> float | StateKey | None:
    if math.isnan(value):
        return None
    if not point.state_ids:
        return value
    return next((code for code, state in point.state_ids.items() if state == value), None)


def message_of(device: Device, setting: Setting) -> tuple[str, bytes]:
    """Return topic and payload that set a point of a device that is not Sparkplug B."""
    address, options = address_of(setting.point.point), options_of(device)
    raw = _whole(setting.raw)
    if format_of(address, options) is Format.TEXT and address.template == "{value}":
        written = str(raw).lower() if isinstance(raw, bool) else str(raw)
    else:
        written = json.dumps(raw, ensure_ascii=False)
    return topic_of(device, address.command), address.template.replace("{value}", written).encode()


def _whole(raw: float | StateKey) -> float | StateKey:
    """Return a number without a fraction as an integer: 21.0 is written 21."""
    return int(raw) if isinstance(raw, float) and raw.is_integer() and abs(raw) < 2**53 else raw


def metrics_of(metrics: Metrics, settings: Sequence[Setting], now_ns: int) -> bytes:
    """Return the payload of a DCMD or NCMD that sets these points; ValueError when one cannot be set, with words.

    The types are the birth's: before it nothing can be set.
    """
    said: list[tuple[str, DataType, float | str | bool | None]] = []
    for setting in settings:
        name = address_of(setting.point.point).metric or ""
        try:
            said.append((name, DataType(metrics.types[name]), setting.raw))
        except (KeyError, ValueError):
            raise ValueError(f"the device's birth has no metric {name!r} that can be set") from None
    return encode(said, time_ns=now_ns)
