"""A small district with commands, devices that do as a test says, and a clock that is moved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from barrio.assembly import Counting, bind
from tests.twin.model.folders import FILES, faults, load, write
from twin.audit import Audit
from twin.chain import newest
from twin.commands.command import Asked, Done, Written
from twin.commands.desk import Commander
from twin.commands.journal import Journal
from twin.commands.reported import Reported
from twin.errors import TransientError
from twin.gaps import Gaps
from twin.live import Live
from twin.quality import Reason

if TYPE_CHECKING:
    from twin.commands.command import Command
    from twin.commands.values import Value
    from twin.model.district import District

NS = 1_000_000_000
START = 1_790_000_000 * NS  # 2026-09-21T14:13:20Z, 16:13 in Madrid
ROLES = frozenset({"operator"})

LAMP = """\
profile: lamp
protocol: pigeon
kind: Streetlight
points:
  dimming: {quantity: dimming_level, cell: 0, writable: yes}
  power_state: {quantity: power_state, cell: 1, states: {0: off, 1: on}, writable: yes}
  hours: {quantity: lamp_hours, cell: 2}
  fault: {quantity: lamp_fault_state, cell: 3}
"""
RULES = """\
roles: [lighting]
commands:
  - id: dim
    for: {kind: Streetlight}
    point: dimming
    roles: [operator, lighting]
    minimum: 20 %
    read_back: {within: 10s, tolerance: 1 %}
  - id: inlet
    on: tank-1
    point: inlet
"""
LAMP_1 = "riverside/lamp-1/dimming"
LAMP_2 = "riverside/lamp-2/dimming"
INLET = "riverside/tank-1/inlet"


def texts(commands: str = RULES, **more: str) -> dict[str, str]:
    """Return the files of the district, with other texts for some: `district`, `devices`, `lamp`."""
    names = {"district": "district.yaml", "devices": "devices.yaml", "lamp": "profiles/lamp.yaml"}
    return {
        **FILES,
        "profiles/lamp.yaml": LAMP,
        "commands.yaml": commands,
        **{names[key]: text for key, text in more.items()},
    }


def district_of(folder: Path, commands: str = RULES, **more: str) -> District:
    """Return the district of these texts."""
    return load(write(folder, texts(commands, **more)))


def faults_of(folder: Path, commands: str, **more: str) -> str:
    """Return what is wrong with the district of these texts, a line each."""
    return faults(write(folder, texts(commands, **more)))


class Moved:
    """A clock that is moved."""

    def __init__(self, now: int = START) -> None:
        self.now = now
        self.set_by = 0

    def now_ns(self) -> int:
        return self.now

    def monotonic_s(self) -> float:
        return (self.now - self.set_by) / NS

    def set(self, seconds: float) -> None:
        """Set the wall clock forward, or back; no time passes."""
        self.set_by += round(seconds * NS)
        self.now += round(seconds * NS)


class Field:
    """The devices: what is written to them is kept; a test says how they answer.

    `script` by path is a `Written` to answer, or an error to raise. `quiet` devices do not say what they have.
    """

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}
        self.script: dict[str, Any] = {}
        self.writes: list[tuple[str, Value]] = []
        self.away: dict[str, str] = {}
        self.quiet = False
        self.gate: asyncio.Event | None = None
        self.at_once = 0
        self.most_at_once = 0

    async def write(self, path: str, value: Value) -> Written:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.gate is not None:
                await self.gate.wait()
            answer = self.script.get(path)
            if isinstance(answer, BaseException):
                raise answer
            self.writes.append((path, value))
            if isinstance(answer, Written):
                return answer
            self.values[path] = value
            return Written(Done.WRITTEN, None if self.quiet else value)
        finally:
            self.at_once -= 1

    def reach(self, path: str) -> str:
        return self.away.get(path, "")

    def away_from(self, path: str, words: str = "connection refused") -> None:
        """Nothing can be sent to a device, which only the write finds out."""
        self.script[path] = TransientError(path, words)


class NoLedger:
    """Where gaps would be kept."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


class Stage:
    """A commander on stage."""

    def __init__(self, folder: Path, district: District, clock: Moved, field: Field) -> None:
        self.folder = folder
        self.clock = clock
        self.field = field
        self.catalogue = bind([district], Counting())
        self.live = Live(self.catalogue.size)
        self.gaps = Gaps(self.catalogue.size, NoLedger(), lambda *_: None, self.live)  # type: ignore[arg-type]
        self.reported = Reported(self.catalogue.points, self.catalogue.states, self.live, self.gaps)
        self.journal = Journal(folder / "commands.sqlite")
        self.journal.open()
        self.audit = Audit(folder / "audit.log")
        self.audit.open()
        self.desk = Commander(
            *([district], self.reported, self.journal, self.audit, field.write, field.reach),
            *(asyncio.to_thread, clock),
        )

    def show(self, path: str, value: Value | None, reason: Reason = Reason.NOT_AVAILABLE) -> None:
        """Let a device report a value now, or nothing for a reason."""
        item = self.catalogue.points[path]
        number = self.reported.kept(value) if value is not None else np.nan
        self.live.value[item.id] = number
        self.live.quality[item.id] = Reason.GOOD if value is not None else reason
        self.live.time[item.id] = self.live.received[item.id] = self.clock.now

    async def ask(
        self, path: str = LAMP_1, value: float | str = 40, who: str = "ana", **more: Any
    ) -> Command:
        """Ask for a value."""
        roles = frozenset(more.pop("roles", ROLES))
        return await self.desk.ask(Asked(path, value, who, roles, **more))

    async def tick(self, seconds: float = 0.0) -> None:
        """Move the clock, tick, and let what that began come to its end."""
        self.clock.now += round(seconds * NS)
        self.desk.tick(self.clock.now)
        await self.settled()

    async def writing(self) -> None:
        """Return when a write is at a device."""
        async with asyncio.timeout(60):
            while not self.field.at_once:  # noqa: ASYNC110 - there is no event for that
                await asyncio.sleep(0.001)

    async def settled(self) -> None:
        """Return when nothing is going on and everything is on the disk."""
        async with asyncio.timeout(60):
            while self.desk._crew.busy or self.desk._scribe.busy:  # noqa: ASYNC110 - there is no event for that
                await asyncio.sleep(0.001)

    def steps(self, *names: str) -> list[str]:
        """Return the steps on record, oldest first; only those of some names where names are given."""
        found = [entry["step"] for entry in reversed(newest(self.audit.path, 0, 2**62, 100_000))]
        return [step for step in found if not names or step in names]

    def entries(self, step: str) -> list[Mapping[str, Any]]:
        """Return the entries of a step, oldest first."""
        every = newest(self.audit.path, 0, 2**62, 100_000)
        return [entry for entry in reversed(every) if entry["step"] == step]

    async def close(self) -> None:
        await self.desk.close(1.0)
        self.audit.close()
        self.journal.close()


@asynccontextmanager
async def staged(
    folder: Path,
    commands: str = RULES,
    *,
    clock: Moved | None = None,
    field: Field | None = None,
    restore: bool = True,
    **more: str,
) -> AsyncIterator[Stage]:
    """Yield a commander of the district of these texts; a second one in the same folder is the next process."""
    found = Stage(
        folder, district_of(folder / "district", commands, **more), clock or Moved(), field or Field()
    )
    if restore:
        await found.desk.restore()
    try:
        yield found
    finally:
        await found.close()
