"""What happened in a demo and when: alarms, supply requests and commands, as they change."""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from twin.alarms.states import State
from twin.commands.priorities import WEAKEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from barrio.platform import Platform
    from twin.alarms.change import Standing as Alarm
    from twin.commands.standing import Standing as Desired

MOST = 500
LOOK_S = 0.5
_STEADY_S = 4.0
_NEAR = 0.5

Value = float | str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, `at_s` seconds since the simulator was ready."""

    at_s: float
    kind: str
    what: str
    words: str
    more: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "at_s": round(self.at_s, 1),
            "kind": self.kind,
            "what": self.what,
            "words": self.words,
            **self.more,
        }


class Chronicle:
    """Watches a platform and keeps the first `MOST` things that happened."""

    def __init__(self, platform: Platform) -> None:
        self.entries: list[Entry] = []
        self._platform = platform
        self._began_s = platform.clock.monotonic_s()
        self._alarms: dict[int, Alarm] = {}
        self._counts: dict[int, tuple[int, float]] = {}
        self._said: dict[int, int] = {}
        self._steps: dict[int, int] = {}
        self._held: dict[tuple[str, str], dict[str, Value]] = {}
        self._leaving: dict[tuple[str, str], dict[str, Value]] = {}

    @property
    def elapsed_s(self) -> float:
        """Seconds since the chronicle was begun."""
        return self._platform.clock.monotonic_s() - self._began_s

    def add(self, kind: str, what: str, words: str, **more: Any) -> None:
        """Write something down."""
        if len(self.entries) < MOST:
            self.entries.append(Entry(self.elapsed_s, kind, what, words, more))

    async def run(self) -> None:
        """Look twice a second until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        """Write down what has changed since the last look."""
        living = self._platform.living
        if living.alarms is not None:
            self._look_at_alarms(living.alarms.standing())
        if living.services is not None:
            for watch in living.services.supply.tanks.values():
                for request in (watch.last, watch.request):
                    if request is not None:
                        self._look_at_request(request)
        if living.commander is not None:
            self._look_at_desired(living.commander.desired())

    # --- alarms ---------------------------------------------------------------------------------------------

    def _look_at_alarms(self, standing: Sequence[Alarm]) -> None:
        now = {one.number: one for one in standing if one.state is not State.SUPPRESSED}
        for number, one in now.items():
            before = self._alarms.get(number)
            if before is None or (before.state, before.active) != (one.state, one.active):
                self._tell(one)
            self._count(one)
        for number, one in self._alarms.items():
            if number not in now:
                suppressed = any(other.number == number for other in standing)
                words = "explained by its cause" if suppressed else "normal again"
                self.add("alarm", one.what, f"{one.words}: {words}", number=number, state="normal")
        self._alarms = now

    def _tell(self, one: Alarm) -> None:
        self._said[one.number] = one.count
        facts = {"number": one.number, "rule": one.key.rule, "state": str(one.state), "count": one.count}
        below = f" ({one.count} below)" if one.count else ""
        self.add("alarm", one.what, f"{one.state}: {one.words}{below}", **facts, priority=one.priority)

    def _count(self, one: Alarm) -> None:
        """Say for how many an alarm stands once the number has been the same for a while."""
        count, since_s = self._counts.get(one.number, (0, 0.0))
        if count != one.count:
            self._counts[one.number] = one.count, self.elapsed_s
        elif (
            one.active and one.count > self._said.get(one.number, 0) and self.elapsed_s - since_s >= _STEADY_S
        ):
            self._tell(one)

    # --- supply ---------------------------------------------------------------------------------------------

    def _look_at_request(self, request: Any) -> None:
        seen = self._steps.get(request.id, 0)
        for step in request.steps[seen:]:
            facts = {"request": request.id, "state": str(step.state)}
            self.add(
                "supply",
                request.tank.rpartition("/")[0],
                f"request {request.id} {step.state}: {step.words}",
                **facts,
            )
        self._steps[request.id] = len(request.steps)

    # --- commands -------------------------------------------------------------------------------------------

    def _look_at_desired(self, desired: Sequence[Desired]) -> None:
        now = {key: {one.path: one.before for one in group} for key, group in grouped(desired)}
        for key, before in now.items():
            if key not in self._held:
                self._say(key, before, f"{key[0]} is held at {key[1]}")
        for key, before in self._held.items():
            if key not in now:
                self._say(key, before, f"{key[0]} is given back, it was held at {key[1]}")
                self._leaving[key] = before
        self._held = now
        for key, before in list(self._leaving.items()):
            if all(same(self._reported(path), value) for path, value in before.items()):
                self._say(key, before, f"{key[0]} is as it was before")
                del self._leaving[key]

    def _say(self, key: tuple[str, str], before: dict[str, Value], words: str) -> None:
        self.add("command", named(list(before)), words, point=key[0], points=list(before))

    def _reported(self, path: str) -> Value:
        """What a point shows now: a number, or the name of a state."""
        item = self._platform.catalogue.points[path]
        value = float(self._platform.live.value[item.id])
        if not item.point.states or math.isnan(value):
            return value
        return self._platform.catalogue.states.get(round(value))


def same(one: Value, other: Value) -> bool:
    """Whether a point shows what it showed before; what is not known is not waited for."""
    if other is None or isinstance(one, str) or isinstance(other, str):
        return other is None or one == other
    return one is not None and abs(one - other) <= _NEAR


def grouped(desired: Sequence[Desired]) -> Iterator[tuple[tuple[str, str], list[Desired]]]:
    """Yield points that are held alike: `(name and holder, value)` with the points, in order."""
    found: dict[tuple[str, str], list[Desired]] = defaultdict(list)
    for one in (each for each in desired if each.priority <= WEAKEST):
        value = one.value if isinstance(one.value, str) else f"{one.value:g} {one.unit}".rstrip()
        found[one.path.rpartition("/")[2], f"{value} by {one.who}"].append(one)
    yield from found.items()


def named(paths: Sequence[str]) -> str:
    """Return the owners of points in few words: `lamp-11 … lamp-20`."""
    owners = [path.split("/")[1] for path in paths]
    return owners[0] if len(owners) == 1 else f"{owners[0]} … {owners[-1]}"
