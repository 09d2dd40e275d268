"""The simulated district: every device's behaviour, moved in fixed steps of simulated time.

Behaviour is asked at the ends of each step only. Between them a gauge goes straight, a counter grows by the exact
integral of that straight rate, a state waits for the end of its step. So a meter's difference is the integral of the
power shown, and the same seed, start and time give the same values however often somebody looks.

What somebody does (a command, a lorry at a tank) ends the step that is going on: counters keep what they counted,
levels stay where they stand, and the next step begins at that moment.

A quantity that no behaviour knows gets a slow signal inside its plausible range, so that any district can be
simulated: gauges in the middle three fifths, counters a unit or so a minute, states now and then another one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from barrio.simulator.behaviour import CHANGES, behave, cut, move
from barrio.simulator.people import activity_of
from barrio.simulator.sky import HOUR_S, Sky
from barrio.simulator.subject import Instant, Subject, Values, local_hour
from twin.model.quantities import Aggregation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twin.model.district import Device, District, Point

STEP_S = 30.0
_MOST_STEPS = 2_880
_INSTALLED_S = (
    1_704_067_200.0  # 2024-01-01: the meters of a district have counted since then or a little later
)
_SAMPLES = 12
_POWERS = ("active_power", "pv_power", "lamp_power", "ev_charger_power")


@dataclass(slots=True)
class _Counter:
    """A counter at the beginning of a step."""

    total: float


class World:
    """All devices of a district at one simulated time, which only moves on."""

    def __init__(self, district: District, seed: int, start_s: float, step_s: float = STEP_S) -> None:
        self.district = district
        self.sky = Sky(district.location, seed)
        self._subjects = _subjects(district, seed)
        self._counters: dict[tuple[str, str], _Counter] = {}
        self._step_s = step_s
        self._short_s: float | None = None
        self._from = start_s - start_s % step_s
        self._to = self._from + step_s
        self._time_s = start_s
        self._install(self._from)
        self._left = self._evaluate(self._from)
        self._right = self._evaluate(self._to)

    @property
    def time_s(self) -> float:
        """Simulated time, seconds since 1970 UTC."""
        return self._time_s

    def advance(self, time_s: float) -> None:
        """Move on to a simulated time; a jump of more than a day is taken in one long step."""
        self._time_s = max(time_s, self._time_s)
        missed = (self._time_s - self._from) / self._step_s
        if missed > _MOST_STEPS:
            self._to = self._from + self._step_s * math.floor(missed - 1)
        while self._time_s >= self._to:
            self._step()

    def hold(self, device: str, point: Point, value: float | str) -> None:
        """Keep a value that somebody wrote: the point shows it from now on and the device follows it.

        A value that the device has by itself at this moment is not kept: from then on it goes its own way again.
        """
        held = self._subjects[device].held
        held.pop(point.name, None)
        held.pop(point.quantity.name, None)
        own = _Evaluation(self, self._time_s).of(device)
        if not _alike(_look(own, point, ""), value):
            held[point.name] = held[point.quantity.name] = value
        self._cut()

    def set_state(self, device: str, **state: float) -> None:
        """Change what a device's behaviour remembers, from now on."""
        self._cut()
        self._subjects[device].state.update(state)
        self._cut()

    def level(self, device: str) -> float:
        """Return how full a tank is now, 0 to 1."""
        state = self._subjects[device].state
        was = state.get("was", state["fill"])
        return was + (state["fill"] - was) * (self._time_s - self._from) / (self._to - self._from)

    def hurry(self, short_s: float | None) -> None:
        """Move in steps of this length instead, while something goes fast; None ends that."""
        self._short_s = short_s

    def value(self, device: Device, point: Point) -> float | str:
        """Return what a point shows now, in its quantity's unit; the name of the state for a state."""
        held = self._subjects[device.id].held.get(point.name) if point.writable else None
        if held is not None:
            return held
        if point.quantity.aggregation is Aggregation.STATE:
            return _look(self._left[device.id], point, "")
        if point.quantity.aggregation is Aggregation.COUNTER:
            return self._count(device.id, point)
        return self._gauge(device.id, point)

    def _gauge(self, device: str, point: Point) -> float:
        left, right = self._ends(device, point)
        period = point.quantity.period
        way = right - left if period is None else (right - left + period / 2) % period - period / 2
        value = left + way * self._part(device)
        value = value if period is None else value % period
        return round_sensibly(value)

    def _count(self, device: str, point: Point) -> float:
        left, right = self._ends(device, point)
        part = self._part(device)
        hours = (self._time_s - self._from) / HOUR_S
        grown = hours * (left + (right - left) * part / 2.0)
        total = self._counters[device, point.name].total + grown
        limit = min(point.wraps_at or math.inf, point.maximum)
        return round(total % limit if math.isfinite(limit) else total, 3)

    def _ends(self, device: str, point: Point) -> tuple[float, float]:
        return float(_look(self._left[device], point, 0.0)), float(_look(self._right[device], point, 0.0))

    def _part(self, device: str) -> float:
        """How far the step has come, 0 to 1; a thing that switches stays as it was until the step's end."""
        if self._subjects[device].device.kind in CHANGES:
            return 0.0
        return (self._time_s - self._from) / (self._to - self._from)

    def _step(self) -> None:
        self._count_until(self._to)
        self._from, self._left = self._to, self._right
        self._begin()

    def _cut(self) -> None:
        """End the step here, with what somebody did in effect from now on."""
        part = (self._time_s - self._from) / (self._to - self._from)
        self._count_until(self._time_s)
        for subject in self._subjects.values():
            cut(subject, part)
        self._from = self._time_s
        self._left = self._evaluate(self._from)
        self._begin()

    def _begin(self) -> None:
        """Begin a step where the last one ended; it ends on the grid of steps, or soon where things go fast."""
        self._to = self._from - self._from % self._step_s + self._step_s
        if self._short_s is not None:
            self._to = min(self._to, self._from + self._short_s)
        for subject in self._subjects.values():
            move(subject, self._left[subject.device.id], self._to - self._from)
        self._right = self._evaluate(self._to)

    def _count_until(self, time_s: float) -> None:
        seconds, whole = time_s - self._from, self._to - self._from
        for (device, name), counter in self._counters.items():
            point = self.district.devices[device].points[name]
            left, right = self._ends(device, point)
            switching = self._subjects[device].device.kind in CHANGES
            mean = left if switching else left + (right - left) * seconds / whole / 2.0
            counter.total += mean * seconds / HOUR_S

    def _evaluate(self, time_s: float) -> Mapping[str, Values]:
        return _Evaluation(self, time_s).all()

    def _install(self, time_s: float) -> None:
        """Give each counter the total that it has gathered since it was installed, at the mean rate of a day."""
        samples = [self._evaluate(time_s - offset * 86_400.0 / _SAMPLES) for offset in range(1, _SAMPLES + 1)]
        for device, point in self.district.points():
            if point.quantity.aggregation is not Aggregation.COUNTER:
                continue
            rate = sum(float(_look(values[device.id], point, 0.0)) for values in samples) / _SAMPLES
            age = self._subjects[device.id].share(f"{point.name}/age") * 180 * 86_400.0
            hours = max(1.0, (time_s - _INSTALLED_S - age) / HOUR_S)
            self._counters[device.id, point.name] = _Counter(min(rate * hours, 0.7 * point.maximum))


class _Evaluation:
    """One round of behaviour at one time; a device that needs another's power has it asked first."""

    def __init__(self, world: World, time_s: float) -> None:
        self._world = world
        self._found: dict[str, Values] = {}
        self._asking: set[str] = set()
        hour, weekday = local_hour(time_s, world.district.zone)
        self._now = Instant(time_s, hour, weekday, world.sky.at(time_s), self._power_of)

    def all(self) -> Mapping[str, Values]:
        """Return the values of every device."""
        for device in self._world.district.devices:
            self.of(device)
        return self._found

    def of(self, device: str) -> Values:
        """Return the values of one device."""
        found = self._found.get(device)
        if found is None:
            self._asking.add(device)
            subject = self._world._subjects[device]  # noqa: SLF001 - a part of the world
            found = self._found[device] = behave(subject, self._now)
            self._asking.discard(device)
        return found

    def _power_of(self, device: str) -> float:
        """Return the active power of a device in W, what it gives back as negative; 0 inside a ring of relations."""
        if device in self._asking:
            return 0.0
        values = self.of(device)
        power = next((float(values[name]) for name in _POWERS if name in values), 0.0)
        return -power if "pv_power" in values else power


def _look(values: Values, point: Point, otherwise: float | str) -> float | str:
    """Return the value under the point's own name, else under its quantity's."""
    found = values.get(point.name)
    if found is None or isinstance(found, str) is not (point.quantity.aggregation is Aggregation.STATE):
        found = values.get(point.quantity.name, otherwise)
    return found


def _alike(own: float | str, value: float | str) -> bool:
    if isinstance(own, str) or isinstance(value, str):
        return own == value
    return math.isclose(own, value, rel_tol=1e-6, abs_tol=1e-6)


def round_sensibly(value: float) -> float:
    """Return the value with the digits that a good instrument has: four, so that what rests stays the same."""
    if value == 0.0 or not math.isfinite(value):
        return value
    return round(value, 3 - math.floor(math.log10(abs(value))))


def _subjects(district: District, seed: int) -> dict[str, Subject]:
    hertz = 60.0 if district.zone.key.startswith("America/") else 50.0
    edges: dict[tuple[str, str], list[str]] = {}
    for relation in district.relations:
        edges.setdefault((relation.type, relation.source), []).extend(_members(district, relation.target))
        if relation.type == "feeds" and _makes_power(district, relation.source):
            edges.setdefault(("fed by", relation.target), []).append(relation.source)
    found = {
        device.id: Subject(
            device=device,
            seed=seed,
            activity=activity_of(district, device.site),
            mains_hz=hertz,
            feeds=tuple(edges.get(("feeds", device.id), ())),
            controls=tuple(edges.get(("controls", device.id), ())),
            sources=tuple(edges.get(("fed by", device.id), ())),
        )
        for device in district.devices.values()
    }
    for subject in found.values():
        for below in subject.controls:
            found[below].switches.append(subject)
    return found


def _makes_power(district: District, device: str) -> bool:
    points = district.devices[device].points.values() if device in district.devices else ()
    return any(point.quantity.name == "pv_power" for point in points)


def _members(district: District, target: str) -> list[str]:
    """Return a device, or the devices that stand in a site."""
    if target in district.devices:
        return [target]
    return [device.id for device in district.devices.values() if device.site == target]
