"""The story that the demo tells by itself: what goes wrong in the field, and what its operator does meanwhile.

Times are real seconds since the simulator was ready. It works at any hour of the day: the operator closes the contactor
of the street that is to be dimmed first, so that its lamps burn in the afternoon too; everything is given back later.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from barrio.simulator.faults import parse_faults
from twin.alarms.states import NotPossible, State
from twin.errors import BarrioError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from barrio.demo.chronicle import Chronicle
    from barrio.platform import Platform
    from twin.commands.command import Command
    from twin.model.district import District

FAULTS = ("drain:cistern-b1@10s+90s=110", "fails:cabinet-1@22s+50s")
"""A cistern runs low until a lorry comes; a cabinet fails with its ten lamps, and comes back."""

WATCHED = ("cistern-b1/level", "lamp-11/power", "maderas/power")
"""What the live view shows of it."""

CABINET, STREET = "cabinet-2", "oriente-sur"
BURNING_S, DIMMED_S = 60.0, 25.0
DIMMED_TO = 40.0
OPERATOR = "the demo's operator"
_PATIENCE_S = 40.0
_LOOK_S = 0.5


def faults_of(district: District) -> tuple[str, ...]:
    """Return the faults of the story, none where the district has not got what they are about."""
    try:
        parse_faults(FAULTS, district)
    except ValueError:
        return ()
    return FAULTS if district.commands is not None and CABINET in district.devices else ()


@dataclass(frozen=True, slots=True)
class Act:
    """Something that the operator does at a time."""

    at_s: float
    do: Callable[[], Awaitable[str]]


class Operator:
    """Whoever sits in front of the platform in the demo; what is done is told to the chronicle."""

    def __init__(self, platform: Platform, district: District, chronicle: Chronicle) -> None:
        self._platform = platform
        self._district = district
        self._chronicle = chronicle

    @property
    def acts(self) -> Sequence[Act]:
        """What is done, in order."""
        return (
            Act(26.0, self.acknowledge),
            Act(50.0, self.light),
            Act(60.0, self.dim),
        )

    async def run(self) -> None:
        """Do everything at its time, then nothing any more; ends by cancellation."""
        async with asyncio.TaskGroup() as group:
            for act in self.acts:
                group.create_task(self._do(act), name="operator")
            await asyncio.Event().wait()

    async def _do(self, act: Act) -> None:
        await asyncio.sleep(max(0.0, act.at_s - self._chronicle.elapsed_s))
        try:
            words = await act.do()
        except BarrioError as error:
            words = str(error)  # a refusal, as people get it
        self._chronicle.add("operator", OPERATOR, words)

    async def acknowledge(self) -> str:
        """Acknowledge the alarm of the cabinet as soon as it stands."""
        alarms = self._platform.living.alarms
        if alarms is None:
            return "there are no alarms to acknowledge"
        for _ in range(round(_PATIENCE_S / _LOOK_S)):
            for one in alarms.standing():
                if one.key.rule == "cabinet-silent" and one.state is State.ACTIVE:
                    try:
                        alarms.acknowledge(one.number, OPERATOR, "the electrician is on the way")
                    except NotPossible as error:
                        return str(error)
                    return f"acknowledged alarm {one.number}: {one.words}"
            await asyncio.sleep(_LOOK_S)
        return "no cabinet has failed"

    async def light(self) -> str:
        """Close the contactor of a street in two steps, for a while."""
        asked = await self._ask(f"{CABINET}/contactor", "closed", BURNING_S, "lamps are inspected")
        commander = self._platform.living.commander
        if commander is None or asked is None or not asked.code:
            return _words("contactor of cabinet-2", [asked])
        done = await commander.confirm(asked.id, asked.code, OPERATOR, frozenset({"operator"}))
        return _words(f"{CABINET}/contactor closed, confirmed with a code, for {BURNING_S:g} s", [done])

    async def dim(self) -> str:
        """Dim all lamps of the street, with a lease."""
        lamps = [device.id for device in self._district.devices.values() if device.site == STREET]
        asked = (self._ask(f"{lamp}/dimming", DIMMED_TO, DIMMED_S, "the street is empty") for lamp in lamps)
        done = await asyncio.gather(*asked)
        return _words(f"{len(lamps)} lamps of {STREET} to {DIMMED_TO:g} % for {DIMMED_S:g} s", done)

    async def _ask(self, point: str, value: float | str, lease_s: float, why: str) -> Command | None:
        from twin.commands.command import Asked

        commander = self._platform.living.commander
        if commander is None:
            return None
        path = f"{self._district.id}/{point}"
        return await commander.ask(
            Asked(path, value, OPERATOR, frozenset({"operator"}), why=why, lease_s=lease_s)
        )


def _words(what: str, commands: Sequence[Command | None]) -> str:
    """Return what became of commands for one thing, in a line."""
    return ": ".join([what, ", ".join(dict.fromkeys(_outcomes(commands)))])


def _outcomes(commands: Sequence[Command | None]) -> Iterator[str]:
    for command in commands:
        if command is None:
            yield "there is nobody who takes commands"
        else:
            yield f"{command.state}" + (f" ({command.words})" if command.reason else "")
