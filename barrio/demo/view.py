"""The live view: what the platform does, drawn anew twice a second."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from rich import box
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from barrio import history
from barrio.demo.panel import is_alive, panel
from barrio.status import snapshot
from twin.model.quantities import Aggregation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from barrio.platform import Platform
    from twin.model.bound import BoundPoint

SAMPLES = 9
FEWEST_SAMPLES = 3
TRAIL = 24
EVENTS = 4
_RATE_OVER_S = 5.0
_MOVES: tuple[str, ...] = (
    "active_power",
    "flow",
    "illuminance",
    "pv_power",
    "irradiance",
    "voltage",
    "current",
    "co2",
    "wind_speed",
)
_MOVES += ("water_level", "noise", "temperature", "humidity", "speed")


class Events:
    """The last lines of the log, for a place in the view instead of a scrolling terminal."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=EVENTS)

    def write(self, text: str) -> int:
        """Take text of the log."""
        self.lines.extend(line for line in text.splitlines() if line.strip())
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""


@dataclass(slots=True)
class View:
    """Draws one platform; `where` is its HTTP address, `data` its folder, `command` how barrio was called.

    The points in `watched` are shown in any case, by their paths.
    """

    platform: Platform
    where: str
    data: str
    events: Events
    title: str
    command: str = "barrio"
    watched: tuple[str, ...] = ()
    _trails: list[tuple[BoundPoint, deque[float]]] = field(init=False)
    _seen: deque[tuple[float, int]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        """Choose what to watch."""
        points = self.platform.catalogue.points
        first = [points[path] for path in self.watched if path in points][:SAMPLES]
        others = [item for item in picked(self.platform) if item not in first]
        self._trails = [(item, deque(maxlen=TRAIL)) for item in (*first, *others[: SAMPLES - len(first)])]

    def draw(self) -> RenderableType:
        """Return the view of now; on a terminal that is low, with fewer samples and without the log."""
        now = snapshot(self.platform)
        for item, trail in self._trails:
            trail.append(float(self.platform.live.value[item.id]))
        living = self._living()
        return _Fitting(lambda samples, events: self._whole(now, living, samples, events))

    def _whole(
        self, now: dict[str, Any], living: Sequence[RenderableType], samples: int, events: int
    ) -> RenderableType:
        return Panel(
            Group(
                self._numbers(now),
                Text(),
                self._links(),
                Text(),
                *((self._samples(samples), Text()) if samples else ()),
                *living,
                self._foot(now, events),
            ),
            title=f"[bold]{self.title}[/bold]",
            subtitle="Ctrl-C stops",
            box=box.ROUNDED,
            padding=(0, 1),
        )

    def _numbers(self, now: dict[str, Any]) -> Table:
        devices, points, readings = now["devices"], now["points"], now["readings"]
        table = Table.grid(padding=(0, 3))
        table.add_row(
            "devices heard", _share(devices), "readings/s", f"{self._rate(readings['received']):,.0f}"
        )
        table.add_row("points heard", _share(points), "received", f"{readings['received']:,}")
        table.add_row("links up", _share(now["links"], "up"), "stored", f"{readings['stored']:,}")
        waiting = f"{readings['waiting']:,} readings, {now['spool_bytes'] / 1e6:.1f} MB"
        table.add_row("in the spool", waiting, "unchanged", f"{readings['unchanged']:,}")
        table.add_row("store", _store(now), "dropped", f"{readings['dropped'] + readings['quarantined']:,}")
        return table

    def _rate(self, received: int) -> float:
        """Readings a second over the last few seconds."""
        at = self.platform.clock.monotonic_s()
        self._seen.append((at, received))
        while len(self._seen) > 2 and at - self._seen[0][0] > _RATE_OVER_S:
            self._seen.popleft()
        since, before = self._seen[0]
        return (received - before) / (at - since) if at > since else 0.0

    def _links(self) -> Table:
        up: Counter[str] = Counter()
        configured: Counter[str] = Counter()
        for status, _ in self.platform.supervisor.links:
            configured[status.protocol] += 1
            up[status.protocol] += status.up
        table = Table.grid(padding=(0, 3))
        for protocol in sorted(configured):
            first = self.platform.first_stored_s.get(protocol)
            stored = "nothing stored yet" if first is None else f"first reading stored after {first:.1f} s"
            shown = _share({"configured": configured[protocol], "up": up[protocol]}, "up")
            table.add_row(f"[bold]{protocol}[/bold]", shown, "links up", stored)
        return table

    def _living(self) -> Sequence[RenderableType]:
        """What is noticed and done, where the district has rules for it."""
        living = self.platform.living
        return (panel(living, self.platform.clock.now_ns()), Text()) if is_alive(living) else ()

    def _samples(self, most: int) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        for item, trail in self._trails[:most]:
            value = trail[-1]
            table.add_row(
                f"[dim]{item.point.path.partition('/')[2]}[/dim]",
                "–" if np.isnan(value) else history.shown(value, item.point.quantity.unit),
                f"[cyan]{history.sparkline(list(trail))}[/cyan]",
            )
        return table

    def _foot(self, now: dict[str, Any], events: int) -> RenderableType:
        own = [
            one for one in now["alarms"] if one["kind"] != "link down" or self.platform.living.alarms is None
        ]
        lines = [f"[red]alarm: {one['kind']}: {one['subject']}: {one['words']}[/red]" for one in own[:3]]
        lines += [f"[dim]{line}[/dim]" for line in self.events.lines] if events else []
        liveliest = min(self._trails, key=lambda pair: _rank(pair[0].point.quantity.name), default=None)
        path = liveliest[0].point.path if liveliest else "POINT"
        lines += [
            f"[bold]{self.where}[/bold]  signed in: {self.command} console --data {self.data}",
            f"{self.command} history {path} --from -5m --every 15s --data {self.data}",
            f"{self.command} why {path} --data {self.data}",
        ]
        return Group(*(Text.from_markup(line, overflow="ellipsis") for line in lines))


@dataclass(frozen=True, slots=True)
class _Fitting:
    """A view that gives up lines until a terminal holds it: samples first, then the log, then all samples."""

    whole: Callable[[int, int], RenderableType]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        full = self.whole(SAMPLES, EVENTS)
        if console.is_terminal:
            for samples, events in ((SAMPLES, EVENTS), (FEWEST_SAMPLES, EVENTS), (FEWEST_SAMPLES, 0), (0, 0)):
                full = self.whole(samples, events)
                if len(console.render_lines(full, options, pad=False)) <= console.height:
                    break
        yield full


def picked(platform: Platform) -> list[BoundPoint]:
    """Return a few points worth watching: of every protocol some, each of another device and another quantity."""
    found: list[BoundPoint] = []
    queues = {name: _lively(platform, name) for name in sorted(set(_protocols(platform)))}
    while queues and len(found) < SAMPLES:
        for name, queue in list(queues.items()):
            item = next((one for one in queue if not _resembles(platform, one, found)), None)
            if item is None:
                del queues[name]
            elif len(found) < SAMPLES:
                found.append(item)
    owner = platform.catalogue.owners
    return sorted(found, key=lambda item: (owner[item.id].protocol, item.point.path))


def _protocols(platform: Platform) -> Iterator[str]:
    return (device.protocol for device in platform.catalogue.owners.values())


def _lively(platform: Platform, protocol: str) -> list[BoundPoint]:
    """Gauges of a protocol, what usually moves first."""
    items = platform.catalogue.points.values()
    gauges = [one for one in items if one.point.quantity.aggregation is Aggregation.GAUGE]
    mine = [one for one in gauges if platform.catalogue.owners[one.id].protocol == protocol]
    return sorted(mine, key=lambda one: (_rank(one.point.quantity.name), one.point.writable))


def _rank(quantity: str) -> int:
    return next((at for at, word in enumerate(_MOVES) if word in quantity), len(_MOVES))


def _resembles(platform: Platform, item: BoundPoint, others: Sequence[BoundPoint]) -> bool:
    owner = platform.catalogue.owners
    return any(one.point.quantity is item.point.quantity or owner[one.id] is owner[item.id] for one in others)


def _share(counts: dict[str, int], key: str = "heard") -> str:
    part, whole = counts[key], counts["configured"]
    return f"[{'green' if part == whole else 'yellow'}]{part}[/] of {whole}"


def _store(now: dict[str, Any]) -> str:
    words = now["store"]["words"]
    return f"[red]{words}[/red]" if words else f"{now['store']['kind']}, takes readings"
