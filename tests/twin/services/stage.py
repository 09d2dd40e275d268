"""A small district with tanks, gates and lamps, and its services on a clock that a test moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from tests.twin.model.folders import faults, load, write
from twin.frame import Batch, Frame
from twin.live import Live
from twin.model.computed import computed_points
from twin.quality import FIRST_BAD, Reason
from twin.services.engine import Services
from twin.services.journal import ServiceJournal
from twin.services.kit import Kit

NS = 1_000_000_000
# A Monday, 14:00 in Madrid.
START = 1_795_438_800 * NS

DISTRICT = """\
district: riverside
name: Riverside
timezone: Europe/Madrid
location: {lat: 41.6, lon: -0.9}
sites:
  - {id: quarter, kind: Quarter, location: {lat: 41.61, lon: -0.91}}
  - {id: tower, kind: Building, name: Tower, within: quarter}
  - {id: plaza, kind: Plaza, name: Plaza Mayor, within: quarter}
"""
DEVICES = """\
devices:
  - {id: tank-1, profile: tank, site: tower, endpoint: "pigeon://10.0.0.1", name: Cistern one}
  - {id: tank-2, profile: tank, site: plaza, endpoint: "pigeon://10.0.0.2", location: {lat: 41.7, lon: -0.8}}
  - {id: gate-1, profile: gate, site: plaza, endpoint: "pigeon://10.0.0.3"}
  - {id: gate-2, profile: gate, site: plaza, endpoint: "pigeon://10.0.0.4"}
  - {id: sign, profile: sign, site: plaza, endpoint: "pigeon://10.0.0.5"}
  - {id: lamp-1, profile: lamp, site: tower, endpoint: "pigeon://10.0.0.6"}
  - {id: lamp-2, profile: lamp, site: plaza, endpoint: "pigeon://10.0.0.7"}
"""
TANK = """\
profile: tank
protocol: pigeon
kind: WaterTank
points:
  level: {quantity: level_ratio, cell: 0}
  volume: {quantity: volume, cell: 1}
  inlet: {quantity: valve_state, cell: 2, states: {0: closed, 1: open}}
  starts: {quantity: pump_starts, cell: 3, wraps_at: 65536}
"""
GATE = """\
profile: gate
protocol: pigeon
kind: Gate
points:
  entries: {quantity: pedestrian_count, cell: 0, wraps_at: 65536}
  exits: {quantity: pedestrian_count, cell: 1, wraps_at: 65536}
"""
SIGN = """\
profile: sign
protocol: pigeon
kind: Sign
points:
  seen: {quantity: occupancy, cell: 0}
  allowed: {quantity: capacity, cell: 1}
"""
LAMP = """\
profile: lamp
protocol: pigeon
kind: Streetlight
points:
  hours: {quantity: lamp_hours, cell: 0}
"""
FILES = {
    "district.yaml": DISTRICT,
    "devices.yaml": DEVICES,
    "profiles/tank.yaml": TANK,
    "profiles/gate.yaml": GATE,
    "profiles/sign.yaml": SIGN,
    "profiles/lamp.yaml": LAMP,
}
SUPPLIERS = """\
suppliers:
  - {id: aguas, webhook: "https://aguas.example.com/orders", secret: "${secret:aguas}"}
  - {id: duty, webhook: "https://city.example.com/duty"}
"""


class StageClock:
    """A clock that stands until it is moved; `set` moves the wall clock alone."""

    def __init__(self, now: int = START) -> None:
        self._now = now
        self._monotonic_s = 1000.0

    def now_ns(self) -> int:
        return self._now

    def monotonic_s(self) -> float:
        return self._monotonic_s

    def move(self, seconds: float) -> None:
        self._now += round(seconds * NS)
        self._monotonic_s += seconds

    def set(self, seconds: float) -> None:
        self._now += round(seconds * NS)


class Post:
    """An outbox that takes each key once and keeps what it was given."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, Mapping[str, Any], str]] = []

    def put(self, channel_id: str, kind: str, body: Mapping[str, Any], key: str) -> bool:
        fresh = all((channel_id, key) != (one[0], one[3]) for one in self.sent)
        if fresh:
            self.sent.append((channel_id, kind, body, key))
        return fresh

    @property
    def kinds(self) -> list[str]:
        return [kind for _, kind, _, _ in self.sent]


class Stage:
    """Services of a district whose points say what a test says; `restart` begins a process anew on the same files."""

    def __init__(self, folder: Path, text: str, clock: StageClock | None = None) -> None:
        self.clock = clock or StageClock()
        self.post = Post()
        self.notes: list[tuple[str, str, str]] = []
        self.district = load(write(folder / "district", {**FILES, "services.yaml": text}))
        assert self.district.services is not None
        self.book = self.district.services
        points = [point for _, point in self.district.points()]
        points += [point for _, point in computed_points(self.district)]
        self.ids = {point.path: number for number, point in enumerate(points, 1)}
        names = sorted({name for point in points for name in point.states.values()})
        self.states = {name: number for number, name in enumerate(names, 1)}
        self.names = {number: name for name, number in self.states.items()}
        self.size = len(points) + 1
        self.journal = ServiceJournal(folder / "services.sqlite")
        self.journal.open()
        self.said: dict[str, float] = {}
        self.bad: dict[str, str] = {}
        self.start()

    def start(self) -> None:
        self.live = Live(self.size)
        self.gaps = SimpleNamespace(reason=np.zeros(self.size, np.uint8))
        kit = Kit(self.live, self.gaps, self.journal, _at_once, self.post, self.clock, self._note)
        self.services = Services([self.book], self.ids, self.states, self.size, kit)
        self.services.restore(self.journal.kept())

    restart = start

    def _note(self, kind: str, at: int, words: str, subject: str) -> None:
        self.notes.append((kind, words, subject))

    # --- what happens ---------------------------------------------------------------------------------------

    def hear(self, **values: float) -> None:
        """Take readings now; names are `owner__point`, dashes written as underscores."""
        ids = []
        for name, value in values.items():
            series = self.ids[path_of(name)]
            ids.append(series)
            self.live.value[series] = value
            self.live.quality[series] = Reason.NOT_A_NUMBER if np.isnan(value) else Reason.GOOD
            self.live.time[series] = self.live.received[series] = self.clock.now_ns()
            self.gaps.reason[series] = 0
        self.services.take(np.array(ids, np.int32), self.clock.now_ns())

    def silent(self, name: str, reason: Reason = Reason.LINK_DOWN) -> None:
        """Begin a gap."""
        self.gaps.reason[self.ids[path_of(name)]] = reason

    def tick(self) -> None:
        self._take(self.services.tick(self.clock.now_ns()))

    def _take(self, frame: Frame | None) -> None:
        if frame is None:
            return
        paths = {number: path for path, number in self.ids.items()}
        quality = frame.quality if frame.quality is not None else np.zeros(len(frame.ids), np.uint8)
        for at, series in enumerate(frame.ids.tolist()):
            path = paths[series].partition("/")[2]
            self.bad.pop(path, None)
            self.said[path] = float(frame.values[at])
            if quality[at] >= FIRST_BAD:
                self.bad[path] = frame.details.get(at, "")

    def state(self, path: str) -> str:
        """State that a computed point said last."""
        return self.names[int(self.said[path])]

    def go(self, seconds: float, every: float = 10.0, **values: Callable[[float], float] | float) -> None:
        """Let time pass: points say a value, or what a function of the seconds gives; a tick after each."""
        every = min(every, seconds)
        steps = round(seconds / every)
        for step in range(1, steps + 1):
            self.clock.move(every)
            now = {name: _value(value, step * every) for name, value in values.items()}
            if now:
                self.hear(**now)
            self.tick()


def _value(value: Callable[[float], float] | float, at: float) -> float:
    return value(at) if callable(value) else value


def _at_once(function: Callable[..., object], *args: object) -> None:
    function(*args)


def path_of(name: str) -> str:
    owner, _, point = name.partition("__")
    return f"riverside/{owner.replace('_', '-')}/{point}"


def rows(series: int, times: np.ndarray, values: np.ndarray) -> Batch:
    """Return recorded history of one series."""
    number = len(times)
    quality = np.zeros(number, np.uint8)
    return Batch(np.full(number, series, np.int32), times, times, np.zeros(number, np.int64), values, quality)


def faults_of(folder: Path, text: str) -> list[str]:
    """Return what is wrong with a `services.yaml` in the small district, a line each."""
    return faults(write(folder, {**FILES, "services.yaml": text})).splitlines()
