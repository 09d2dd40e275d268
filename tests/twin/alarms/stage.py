"""A small district with alarms whose devices say what a test gives them, and whose time is moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from tests.twin.model.folders import load, write
from twin.alarms.engine import Alarms
from twin.alarms.journal import Journal
from twin.alarms.twin import Twin
from twin.frame import Batch
from twin.gaps import Gaps
from twin.ingest.settle import Settled
from twin.ledger import Ledger
from twin.live import Live
from twin.quality import FIRST_BAD, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from twin.alarms.change import Change, Standing
    from twin.model.district import District

NS = 1_000_000_000
START = 1_790_000_000 * NS
TICK_S = 0.25
DISTRICT = "riverside"

SITES = """\
district: riverside
name: Riverside
timezone: Europe/Madrid
location: {lat: 41.6, lon: -0.9}
sites:
  - {id: tower, name: The tower, kind: Building}
  - {id: roof, within: tower}
  - {id: street}
"""
CABINET = """\
profile: cabinet
protocol: pigeon
kind: Cabinet
points:
  load: {quantity: active_power, cell: 0}
"""


def lamps(count: int, cabinets: int = 1, relation: str = "controls") -> dict[str, str]:
    """Return the files of a street: so many lamps, each cabinet has its share of them, a tank feeds the cabinets."""
    names = [f"lamp-{number}" for number in range(1, count + 1)]
    devices = [
        {"id": name, "profile": "lamp", "site": "street", "endpoint": f"pigeon://10.0.1.1/{number}"}
        for number, name in enumerate(names, 1)
    ]
    devices += [
        {"id": f"cabinet-{one}", "profile": "cabinet", "site": "street", "endpoint": f"pigeon://10.0.2.{one}"}
        for one in range(1, cabinets + 1)
    ]
    devices.append({"id": "tank-1", "profile": "tank", "site": "tower", "endpoint": "pigeon://10.0.0.1"})
    relations = [
        {"type": relation, "from": f"cabinet-{number % cabinets + 1}", "to": name}
        for number, name in enumerate(names)
    ]
    relations += [
        {"type": "feeds", "from": "tank-1", "to": f"cabinet-{one}"} for one in range(1, cabinets + 1)
    ]
    return {
        "district.yaml": SITES + yaml.safe_dump({"relations": relations}),
        "devices.yaml": yaml.safe_dump({"devices": devices}),
        "profiles/cabinet.yaml": CABINET,
    }


class Moved:
    """`twin.clock.Clock` that a test moves; the wall clock may be set without the other noticing."""

    def __init__(self) -> None:
        self.s = 1000.0
        self.wall_ns = START - 1000 * NS

    def now_ns(self) -> int:
        """Wall clock."""
        return self.wall_ns + round(self.s * NS)

    def monotonic_s(self) -> float:
        """Seconds."""
        return self.s


class Outgoing:
    """Stands in for the outbox."""

    def __init__(self) -> None:
        self.put_in: list[tuple[str, str, dict[str, Any], str]] = []

    def put(self, channel_id: str, kind: str, body: Mapping[str, Any], key: str) -> bool:
        """Keep one."""
        self.put_in.append((channel_id, kind, dict(body), key))
        return True


class Stage:
    """One process's worth of alarms; `again` is the next process on the same files."""

    def __init__(
        self, folder: Path, district: District, clock: Moved, links: Mapping[str, Sequence[str]]
    ) -> None:
        self.folder, self.district, self.clock, self.links = folder, district, clock, links
        points = [point for _, point in district.points()]
        self.ids = {point.path: number for number, point in enumerate(points, 1)}
        names = sorted({name for point in points for name in point.states.values()})
        self.states = {name: number for number, name in enumerate(names, 1)}
        self.size = len(points) + 1
        self.live = Live(self.size)
        self.ledger = Ledger(folder / "ledger.sqlite")
        self.ledger.open()
        self.gaps = Gaps(self.size, self.ledger, lambda function, *args: function(*args), self.live)
        self.journal = Journal(folder / "alarms.sqlite")
        self.journal.open()
        self.outbox = Outgoing()
        self.changes: list[Change] = []
        book = district.alarms
        assert book is not None
        self.alarms = Alarms(
            [(district, book)],
            Twin(self.live, self.gaps, self.ids, self.states),
            self.journal,
            self.outbox,
            lambda function, *args: function(*args),
            clock,
            links,
        )
        self.alarms.listeners.append(lambda change, _: self.changes.append(change))

    def close(self) -> None:
        """Close the files."""
        self.journal.close()
        self.ledger.close()

    def again(self, district: District | None = None) -> Stage:
        """Return the next process: nothing was heard by it yet."""
        self.close()
        return Stage(self.folder, district or self.district, self.clock, self.links)

    # --- what devices do ------------------------------------------------------------------------------------

    def say(self, point: str, value: float | str, quality: Reason = Reason.GOOD) -> None:
        """Let a point (`owner/point`) say a value or a state."""
        found = float(self.states[value]) if isinstance(value, str) else value
        self.say_all({point: found}, quality)

    def say_all(self, values: Mapping[str, float], quality: Reason = Reason.GOOD) -> None:
        """Let points say values in one flush."""
        ids = np.array([self.ids[f"{DISTRICT}/{point}"] for point in values], np.int32)
        now = np.full(len(ids), self.clock.now_ns(), np.int64)
        value = np.array(list(values.values()), np.float64)
        if quality >= FIRST_BAD:
            value[:] = np.nan
        batch = Batch(
            ids, now, now, np.zeros(len(ids), np.int64), value, np.full(len(ids), quality, np.uint8)
        )
        settled = Settled(batch, np.ones(len(ids), np.bool_), {})
        self.gaps.taken(ids, int(now[0]), self.clock.monotonic_s())
        self.live.apply(settled, self.clock.monotonic_s())
        self.gaps.settled(settled)
        self.alarms.observe(batch)
        self.alarms.decide(ids, self.clock.now_ns())

    def lose(self, owners: Sequence[str], reason: Reason = Reason.LINK_DOWN, words: str = "") -> None:
        """Let all points of devices fall into a gap."""
        prefixes = tuple(f"{DISTRICT}/{owner}/" for owner in owners)
        ids = np.array([number for path, number in self.ids.items() if path.startswith(prefixes)], np.int32)
        self.gaps.silent(ids, reason, words, self.clock.now_ns())

    def link(self, name: str, *, up: bool, words: str = "no route") -> None:
        """Let a link go up or down, with the points of its devices."""
        devices = self.links[name]
        if not up:
            self.lose([path.partition("/")[2] for path in devices], words=words)
        self.alarms.link(name, up, words, devices, self.clock.now_ns())

    # --- what time does -------------------------------------------------------------------------------------

    def wait(self, seconds: float) -> None:
        """Let time pass with the ticks of the platform."""
        for _ in range(round(seconds / TICK_S)):
            self.clock.s += TICK_S
            self.alarms.tick(self.clock.now_ns())

    # --- what is seen ---------------------------------------------------------------------------------------

    def standing(self) -> dict[tuple[str, str], Standing]:
        """Return what is not normal by rule and owner."""
        return {(one.key.rule, one.key.owner): one for one in self.alarms.standing()}

    def state(self, rule: str, owner: str = "tank-1") -> str:
        """Return the state of one alarm."""
        found = self.standing().get((rule, owner))
        return "normal" if found is None else str(found.state)

    def announced(self) -> list[tuple[str, str]]:
        """Return rule and owner of what was raised, in its order."""
        return [(one.key.rule, one.key.owner) for one in self.changes if one.happening == "raised"]

    def happened(self) -> list[str]:
        """Return what happened, in its order."""
        return [str(one.happening) for one in self.changes]


def staged(
    folder: Path,
    alarms: str,
    files: Mapping[str, str] | None = None,
    links: Mapping[str, Sequence[str]] | None = None,
) -> Stage:
    """Return a stage with these `alarms.yaml`, files and links."""
    district = load(write(folder / "district", {**(files or {}), "alarms.yaml": alarms}))
    return Stage(folder, district, Moved(), links or {})
