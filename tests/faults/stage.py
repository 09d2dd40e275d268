"""Platforms over one data folder, one after the other, with scripted links; clocks, disks and stores that misbehave."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np

from barrio.assembly import load_all
from barrio.platform import Platform
from barrio.settings import Settings
from barrio.status import snapshot
from connectors.base import Sink
from connectors.registry import Connectors
from tests.barrio.scripted import ScriptedConnector, ScriptedLink, until, write_district
from tests.twin.store.standin import Answer, Request, StandIn
from twin.clock import Clock, SystemClock
from twin.frame import Batch, Frame
from twin.ledger import Event, Gap, Ledger
from twin.quality import Reason

NS = 1_000_000_000
NUMBERS = tuple(f"n{index}" for index in range(4))
PROFILE = """\
profile: thing
protocol: scripted
kind: Thing
poll: 5s
points:
  n0: {quantity: active_energy_import}
  n1: {quantity: active_energy_import}
  n2: {quantity: vehicle_count}
  n3: {quantity: pedestrian_count}
  temperature: {quantity: air_temperature}
"""


class Shop:
    """Makes platforms over one data folder, one after the other; `links` are those of the newest, by device."""

    def __init__(self, folder: Path, district: str = "little") -> None:
        self.folder = folder
        self.data = folder / "data"
        self.connector = ScriptedConnector()
        self.connectors = Connectors({})
        self.connectors.add(self.connector)
        home = folder / district
        if not home.exists():
            text = f'district: {district}\nname: "{district}"\ntimezone: UTC\n'
            text += "location: {lat: 20.5, lon: -100.3}\nsites: [{id: house}, {id: yard}]\n"
            write_district(home, district=text, profile=PROFILE)
        self.districts = load_all([str(home)], Path(), self.connectors, folder)

    @property
    def links(self) -> Mapping[str, ScriptedLink]:
        return self.connector.made

    def platform(self, clock: Clock | None = None, *, at_rest: bool = False, **options) -> Platform:
        """Build a platform that nobody has entered yet."""
        settings = Settings(data=self.data, **options)
        return Platform(self.districts, settings, self.connectors, clock or SystemClock(), at_rest=at_rest)

    @asynccontextmanager
    async def running(self, clock: Clock | None = None, **options) -> AsyncIterator[Platform]:
        """Run a platform until the block ends, its links up."""
        async with self.platform(clock, **options) as platform:
            work = asyncio.create_task(platform.run())
            await until(lambda: work.done() or all(link.sink for link in self.links.values()))
            try:
                yield platform
            finally:
                work.cancel()
                with suppress(asyncio.CancelledError):
                    await work

    def rows(self) -> list[tuple[int, int, float]]:
        """Every row of the embedded store as it stands in the file: series, time, value; no platform may run."""
        with duckdb.connect(str(self.data / "twin.duckdb"), read_only=True) as file:
            return file.execute("SELECT series, time, value FROM readings ORDER BY series, time").fetchall()

    def gaps(self, platform: Platform, name: str, device: str = "probe") -> list[Gap]:
        """The gaps of a point in the ledger, in the order of time; no platform may run."""
        path = f"{platform.catalogue.districts[0].id}/{device}/{name}"
        with self._ledger() as ledger:
            return ledger.gaps([platform.catalogue.points[path].id], 0, 2**62)

    def events(self, kind: str) -> list[Event]:
        """The events of a kind in the ledger; no platform may run."""
        with self._ledger() as ledger:
            return [event for event in ledger.events(0, 2**62) if event.kind == kind]

    @contextmanager
    def _ledger(self) -> Iterator[Ledger]:
        ledger = Ledger(self.data / "ledger.sqlite")
        ledger.open()
        try:
            yield ledger
        finally:
            ledger.close()


def sink_of(link: ScriptedLink) -> Sink:
    """Return the sink that a link was given; it must have one."""
    assert link.sink is not None
    return link.sink


def frame(link: ScriptedLink, first: float, names: tuple[str, ...] = NUMBERS) -> Frame:
    """Return a frame in which the points of those names say `first`, `first + 1` and so on."""
    ids = np.array([link.point(name).id for name in names], np.int32)
    return Frame(ids, first + np.arange(len(ids), dtype=np.float64), sink_of(link).now_ns())


async def commit(link: ScriptedLink, first: int, count: int) -> None:
    """Commit `count` frames of the four numbered points, the values growing by one from `first`."""
    for step in range(count):
        await sink_of(link).commit(frame(link, first + 4 * step))


async def settled(platform: Platform) -> None:
    """Return when nothing is in memory and nothing waits in the spool."""
    await until(lambda: not platform.intake.pending and not platform.spool.books().waiting)


def alarms(platform: Platform) -> list[str]:
    """Return the kinds of the platform's alarms."""
    return [alarm["kind"] for alarm in snapshot(platform)["alarms"]]


def balanced(platform: Platform) -> bool:
    """Whether both books, of the process and of the folder, account for every reading."""
    return bool(snapshot(platform)["balanced"]) and platform.spool.books().balanced


def adjoin(gaps: list[Gap]) -> bool:
    """Whether each gap lasts longer than nothing and begins exactly where the one before it ended."""
    return all(gap.stop is None or gap.stop > gap.start for gap in gaps) and all(
        one.stop == other.start for one, other in pairwise(gaps)
    )


class MovedClock(SystemClock):
    """The machine's clock, its wall and its monotonic side moved by hand."""

    wall_s = 0.0
    grown_s = 0.0

    def now_ns(self) -> int:
        return super().now_ns() + round((self.wall_s + self.grown_s) * NS)

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self.grown_s


class Judge(dict[str, Answer]):
    """Answers of a stand-in for InfluxDB 1.x that depend on what is written; `kept` are the lines it took.

    What barrio tells beside readings is taken and nobody looks at it.
    """

    def __init__(self, standin: StandIn) -> None:
        super().__init__()
        self.standin = standin
        self.verdict: Callable[[Request], Answer] = lambda _: Answer(204)
        self.kept: list[str] = []
        standin.answers = self

    def get(self, path, default=None):
        """Say what a path answers; the stand-in asks in the thread that has the request."""
        if path != "/write":
            return Answer(200, b'{"results":[{}]}')
        request = self.standin.here.request
        if request.body.startswith(b"barrio_"):
            return Answer(204)
        answer = self.verdict(request)
        if answer.status == 204 and not answer.slow_s:
            self.kept += request.body.decode().splitlines()
        return answer

    @property
    def taken(self) -> list[float]:
        """The values that were kept, in the order in which they came."""
        return [value_of(line) for line in self.kept]


def value_of(line: str) -> float:
    """Return the value of a point in line protocol."""
    fields = line.split(" ")[1]
    return next(float(field[6:]) for field in fields.split(",") if field.startswith("value="))


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[bool]:
    """Mount a file system of that size; yields whether this machine lets us."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    allowed = os.geteuid() == 0
    mounted = allowed and not subprocess.run(["mount", *options], check=False, capture_output=True).returncode
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(path: Path) -> None:
    """Take all the room that a disk has left."""
    with path.open("wb", buffering=0) as file:
        for size in (65_536, 4096, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))


def good(batch: Batch) -> list[float]:
    """Return the values of the readings that are good, in order."""
    values: list[float] = batch.value[batch.quality == Reason.GOOD].tolist()
    return values
