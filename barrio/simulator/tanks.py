"""Tanks that are drained by a fault and filled by a supplier's lorry, in real seconds since the simulator was ready."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from barrio.simulator.faults import DRAIN_PERCENT_A_MINUTE, Kind
from barrio.simulator.utilities import DELIVERED, DRAINED, FILLING, FULL_AT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from barrio.simulator.faults import Fault
    from barrio.simulator.world import World

SHORT_S = 1.0
"""Length of the world's steps while a tank empties or fills, in real seconds."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A lorry that stands at a tank until `end_s`."""

    device: str
    end_s: float


@dataclass(slots=True)
class Tanks:
    """Turns drains and deliveries into what the world's tanks remember; `speed` is that of the world's time.

    A delivery ends a drain: who delivers has mended what was broken. Before that the tank's own filling stays shut.
    """

    world: World
    faults: Sequence[Fault]
    speed: float
    _drained: set[str] = field(default_factory=set)
    _mended: set[Fault] = field(default_factory=set)
    _deliveries: dict[str, Delivery] = field(default_factory=dict)

    def step(self, elapsed_s: float) -> None:
        """Begin and end what has its time now; called before the world moves on."""
        for delivery in [one for one in self._deliveries.values() if one.end_s <= elapsed_s]:
            del self._deliveries[delivery.device]
            self.world.set_state(delivery.device, **{DELIVERED: 0.0, FILLING: 0.0})
        for fault in self._drains():
            holds = fault.holds(elapsed_s) and fault not in self._mended
            if holds and fault.device not in self._drained:
                self._drain(fault)
            elif not holds and fault.device in self._drained:
                self._mend(fault.device)
        if not self._drained and not self._deliveries:
            self.world.hurry(None)

    def deliver(self, device: str, until: float, over_s: float, elapsed_s: float) -> None:
        """Fill a tank to a share of it (0 to 1) within `over_s` real seconds; one that is fuller stays as it is."""
        self._mended |= {fault for fault in self._drains() if fault.device == device}
        self._mend(device)
        missing = until - self.world.level(device)
        if missing <= 0 or self.speed <= 0:
            return
        # A step longer than it takes, so that nothing is left out; the tank is not filled beyond what was asked for.
        self._deliveries[device] = Delivery(device, elapsed_s + over_s + SHORT_S)
        rate = self._an_hour(missing / over_s)
        self._set(device, **{DELIVERED: rate, FULL_AT: until})

    def _drain(self, fault: Fault) -> None:
        percent = DRAIN_PERCENT_A_MINUTE if fault.argument is None else float(fault.argument)
        self._drained.add(fault.device)
        if self.speed > 0:
            self._set(fault.device, **{DRAINED: self._an_hour(percent / 100.0 / 60.0)})

    def _mend(self, device: str) -> None:
        if device in self._drained:
            self._drained.discard(device)
            self.world.set_state(device, **{DRAINED: 0.0})

    def _set(self, device: str, **state: float) -> None:
        self.world.hurry(SHORT_S * self.speed)
        self.world.set_state(device, **state)

    def _an_hour(self, share_a_second: float) -> float:
        """Return a rate in real seconds as one of simulated hours."""
        return share_a_second * 3_600.0 / self.speed

    def _drains(self) -> list[Fault]:
        return [fault for fault in self.faults if fault.kind is Kind.DRAIN]
