"""What the simulated servers ask: the raw value of a point now, and whether the device plays up.

Values leave the world in their quantity's unit; a desk turns them into what stands on the wire (scale and offset
undone, a state as its code) and lays the faults over them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from barrio.simulator.faults import Fault, Kind
from twin.model.quantities import Aggregation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from barrio.simulator.world import World
    from twin.model.district import Device, Point

Raw = bool | int | float | str


class RefusedError(ValueError):
    """Raised when a write is none that the device takes; the message is for the one who wrote."""


@dataclass(slots=True)
class Desk:
    """The world as the servers see it, at `elapsed_s` real seconds since the simulator was ready."""

    world: World
    faults: tuple[Fault, ...] = ()
    elapsed_s: float = 0.0
    _frozen: dict[str, float | str] = field(default_factory=dict)

    def raw(self, device: Device, point: Point) -> Raw:
        """Return what stands on the wire for a point: a number before scale and offset, or the code of a state."""
        value = self._value(device, point)
        if point.quantity.aggregation is Aggregation.STATE:
            return code_of(point, str(value))
        return (float(value) - point.offset) / point.scale

    def silent(self, device: Device) -> bool:
        """Whether a device does not answer now: by itself, or since what supplies it has failed."""
        return any(
            device.id == fault.device or device.id in fault.below
            for fault in (*self._now(Kind.SILENT), *self._now(Kind.FAILS))
        )

    def failing(self, device: Device, points: Iterable[Point]) -> bool:
        """Whether a device answers with an error now, for any of these points."""
        failing = [fault for fault in self._now(Kind.EXCEPTION) if fault.device == device.id]
        return bool(failing) and any(
            fault.touches(device.id, point.name) for fault in failing for point in points
        )

    def write(self, device: Device, point: Point, raw: Raw) -> None:
        """Keep what somebody wrote to a point; RefusedError when it cannot be written or is out of range."""
        if not point.writable:
            raise RefusedError(f"{point.path} is not writable")
        if point.quantity.aggregation is Aggregation.STATE:
            name = point.states.get(raw) if isinstance(raw, bool | int | str) else None
            if name is None:
                raise RefusedError(f"{point.path} has no state {raw!r}")
            self.world.hold(device.id, point, name)
            return
        if isinstance(raw, str | bool):
            raise RefusedError(f"{point.path} is a number, found {raw!r}")
        value = raw * point.scale + point.offset
        if not point.minimum <= value <= point.maximum:
            raise RefusedError(f"{point.path} takes {point.minimum:g} to {point.maximum:g}, found {value:g}")
        self.world.hold(device.id, point, value)

    def _value(self, device: Device, point: Point) -> float | str:
        for fault in self.faults:
            if fault.holds(self.elapsed_s) and fault.touches(device.id, point.name):
                if fault.kind is Kind.WRONG and fault.argument is not None:
                    return _wrong(fault.argument, point)
                if fault.kind is Kind.FROZEN:
                    return self._frozen.setdefault(point.path, self.world.value(device, point))
        self._frozen.pop(point.path, None)
        return self.world.value(device, point)

    def _now(self, kind: Kind) -> Iterable[Fault]:
        return [fault for fault in self.faults if fault.kind is kind and fault.holds(self.elapsed_s)]


def code_of(point: Point, state: str) -> Raw:
    """Return the first code of a state; a text that is no state's name goes out as it is (a wrong value)."""
    for code, name in point.states.items():
        if name == state:
            return code
    return int(state) if state.lstrip("-").isdigit() else state


def _wrong(argument: str, point: Point) -> float | str:
    return argument if point.quantity.aggregation is Aggregation.STATE else float(argument)
