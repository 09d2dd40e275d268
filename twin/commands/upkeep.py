"""What time brings: leases that are over, what is owed, and devices that leave what is desired of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.clock import NS
from twin.commands.command import Refusal, State
from twin.commands.scribe import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twin.clock import Clock
    from twin.commands.carrier import Carrier
    from twin.commands.crew import Crew
    from twin.commands.differences import Differences
    from twin.commands.held import Held
    from twin.commands.reported import Reported
    from twin.commands.scribe import Scribe


class Upkeep:
    """Looks after the points that are held."""

    def __init__(
        self,
        carrier: Carrier,
        crew: Crew,
        differences: Differences,
        reported: Reported,
        scribe: Scribe,
        clock: Clock,
    ) -> None:
        self._carrier = carrier
        self._crew = crew
        self._differences = differences
        self._reported = reported
        self._scribe = scribe
        self._clock = clock

    def scan(self, now_ns: int) -> None:
        """Look for leases that are over and for what is owed, and for differences."""
        for held in self._carrier.points.values():
            if held.working or held.lock.locked():
                continue
            monotonic_s = self._clock.monotonic_s()
            over = [level for level, slot in held.array if held.is_over(slot, now_ns, monotonic_s)]
            if over or self._carrier.is_due(held, now_ns):
                self._crew.work(held, self._end_leases(held, over))
        self._compare(now_ns)

    async def _end_leases(self, held: Held, levels: Sequence[int]) -> None:
        async with held.lock:
            for level in reversed(levels):
                slot = held.array.get(level)
                now_ns, monotonic_s = self._clock.now_ns(), self._clock.monotonic_s()
                if slot is not None and held.is_over(slot, now_ns, monotonic_s):
                    try:
                        await self._carrier.give_back(held, level, "its lease is over")
                    except Refusal:
                        # It is not on record, so it did not happen: the next look finds the same lease.
                        return
            if held.owed is not None and not held.owed.waits(self._clock.now_ns()):
                await self._carrier.settle(held)

    def _compare(self, now_ns: int) -> None:
        """Say which devices have left what is desired of them for longer than a write takes, and which are back."""
        for path in self._differences.look(now_ns):
            held = self._carrier.points.get(path)
            if held is not None and held.difference_said:
                held.difference_said = False
                self._remark(held, "agrees", now_ns)
        for path, since in self._differences.since.items():
            held = self._carrier.points.get(path)
            if held is None or held.awaiting or held.owed or held.working:
                continue
            if now_ns - since < held.policy.rule.read_back.within * NS:
                continue
            if not held.difference_said:
                held.difference_said = True
                self._remark(held, "differs", now_ns)
            self._hold_to_it(held, now_ns)

    def _hold_to_it(self, held: Held, now_ns: int) -> None:
        top = held.array.strongest()
        command = self._carrier.commands.get(top[1].command) if top else None
        if command is not None and command.state is not State.UNKNOWN and held.may_resend(now_ns):
            self._crew.work(held, self._resend(held))

    async def _resend(self, held: Held) -> None:
        async with held.lock:
            await self._carrier.settle(held)

    def _remark(self, held: Held, step: str, now_ns: int) -> None:
        top = held.array.strongest()
        if top is not None:
            slot, shown = top[1], self._reported.of(held.path)
            who = {"id": slot.command, "who": slot.who, "priority": top[0]}
            record = Record().step(now_ns, step, path=held.path, value=slot.value, shown=shown, **who)
            self._scribe.later(record)
