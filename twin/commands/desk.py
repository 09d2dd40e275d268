"""The desk at which commands are asked for, confirmed and released, and that keeps what was promised.

Everything here runs in the event loop; the disk and the devices are others'. Commands of one point are taken one after
the other. Nothing is done that is not on the disk first, see `twin.commands.scribe`.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from typing import TYPE_CHECKING

from twin.clock import NS
from twin.commands.carrier import Carrier
from twin.commands.command import Asked, Command, Refusal, State, Why
from twin.commands.crew import Crew
from twin.commands.differences import Differences
from twin.commands.gate import Gate, check_words
from twin.commands.interlocks import Interlocks
from twin.commands.journal import put_command
from twin.commands.rates import LONGEST_RATE_S
from twin.commands.restart import resume
from twin.commands.scribe import Record, Scribe
from twin.commands.sender import facts
from twin.commands.standing import Standing, standing_of
from twin.commands.timetable import Timetable, covered
from twin.commands.twosteps import TwoSteps
from twin.commands.upkeep import Upkeep
from twin.commands.values import words_of
from twin.errors import TransientError
from twin.model.roles import SCHEDULE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twin.audit import Audit
    from twin.clock import Clock
    from twin.commands.book import Policy, Schedule
    from twin.commands.carrier import Reach
    from twin.commands.held import Held
    from twin.commands.journal import Journal
    from twin.commands.programme import Phase
    from twin.commands.reported import Reported
    from twin.commands.scribe import InThread
    from twin.commands.sender import Write
    from twin.frame import Batch
    from twin.model.district import District

MOST_QUEUED = 16
LOOK_NS = NS
RETRY_NS = 60 * NS

_NOT_NOW = "barrio is starting or stopping: nothing is sent now"


class Commander:
    """Commands of all districts of a platform."""

    def __init__(
        self,
        districts: Sequence[District],
        reported: Reported,
        journal: Journal,
        audit: Audit,
        write: Write,
        reach: Reach,
        in_thread: InThread,
        clock: Clock,
    ) -> None:
        self.journal = journal
        self.audit = audit
        self.stopping = False
        self.policies: dict[str, Policy] = {}
        compiled = []
        for district in districts:
            if (book := district.commands) is not None:
                self.policies |= book.policies
                compiled += [(policy, book.compile_interlocks) for policy in book.policies.values()]
        self.interlocks = Interlocks(compiled, reported)
        self.differences = Differences(reported)
        self.timetable = Timetable(districts, self._follow)
        self._covered = covered(districts)
        self._reported = reported
        self._in_thread = in_thread
        self._clock = clock
        self._gate = Gate(self.policies, reported, self.interlocks)
        self._scribe = Scribe(audit, journal, in_thread)
        self._crew = Crew()
        self.carrier = Carrier(self._gate, reported, self.differences, self._scribe, write, reach, clock)
        self._steps = TwoSteps(self._scribe, self.carrier.sender, clock)
        self._upkeep = Upkeep(self.carrier, self._crew, self.differences, reported, self._scribe, clock)
        self._looked = self._ticked = 0
        self._ready = False

    # --- what people ask for --------------------------------------------------------------------------------

    async def ask(self, asked: Asked) -> Command:
        """Return the command as it stands: refused, prepared, waiting, or what became of its write."""
        return await self._crew.finish(self._ask(asked))

    async def ask_all(self, asked: Sequence[Asked]) -> list[Command]:
        """Ask for many at once; an answer for each, in order."""
        alone = len(asked) == 1
        return await asyncio.gather(*(self._crew.finish(self._ask(one, alone=alone)) for one in asked))

    async def confirm(self, number: int, code: str, who: str, roles: frozenset[str]) -> Command:
        """Confirm a prepared command; Refusal when that cannot be, and then it stands as before or is over."""
        return await self._crew.finish(self._confirm(number, code, who, roles))

    async def cancel(self, number: int, who: str, roles: frozenset[str]) -> Command:
        """Take a prepared command back; Refusal when there is none."""
        prepared = self._steps.get(number)
        if prepared is None:
            raise await self._not_prepared(number)
        self._gate.permitted(prepared.command.path, roles)
        self._steps.drop(prepared.command, State.CANCELLED, f"taken back by {who}")
        return prepared.command

    async def release(
        self, path: str, priority: int, who: str, roles: frozenset[str], why: str = ""
    ) -> Command | None:
        """Give a level of a point back; returns what holds it then or brings its value back. Refusal else."""
        return await self._crew.finish(self._release(path, priority, who, roles, why))

    def desired(self) -> list[Standing]:
        """Return every point of which something is desired, beside what it shows."""
        points = self.carrier.points.values()
        standing = (standing_of(held, self.differences, self._reported) for held in points)
        return [one for one in standing if one is not None]

    async def find(self, number: int) -> Command | None:
        """Return a command by its number, None when there is none."""
        found = self.carrier.commands.get(number) or self._steps.find(number)
        if found is None:
            await self._scribe.idle()
            found = await self._in_thread(self.journal.command, number)
        return found

    async def recent(self, under: str | None, state: str | None, limit: int) -> list[Command]:
        """Return commands, the newest first; `under` is a point, device or district."""
        await self._scribe.idle()
        found: list[Command] = await self._in_thread(self.journal.recent, under, state, limit)
        return found

    # --- life -----------------------------------------------------------------------------------------------

    async def restore(self, *, at_rest: bool = False) -> None:
        """Take over what the process before this one left; with `at_rest` only to show it."""
        now = self._clock.now_ns()
        kept = await self._in_thread(self.journal.kept, now - LONGEST_RATE_S * NS)
        record = resume(kept, self.carrier, self.policies, self._covered, now)
        for path, at in kept.accepted:
            self._gate.count(path, at)
        for remark in self.audit.remarks:
            record.step(now, "audit_remark", words=remark)
        if self.journal.set_aside is not None:
            words = f"the journal was damaged and is in {self.journal.set_aside.name}: nobody holds a point any more"
            record.step(now, "journal_lost", words=words)
        if not at_rest:
            await self._scribe.put(record)
        self._ready = not at_rest

    def observe(self, readings: Batch) -> None:
        """Take readings for the moving windows of interlocks."""
        self.interlocks.observe(readings)

    def tick(self, now_ns: int) -> None:
        """Do what is due; cheap when nothing is. Raises what went wrong in the background: a bug."""
        self._scribe.check()
        self._crew.check()
        if not self._ready or self.stopping:
            return
        self.carrier.sender.watch(now_ns)
        if now_ns < self._ticked:
            self.timetable.again()
        self._ticked = now_ns
        self.timetable.tick(now_ns)
        if abs(now_ns - self._looked) >= LOOK_NS:
            self._looked = now_ns
            self._steps.expire(now_ns)
            self._upkeep.scan(now_ns)

    async def close(self, within_s: float = 5.0) -> None:
        """Take no more, let what was begun end, and put it on record; what is cut off stays as sending."""
        self.stopping = True
        await self._crew.close(within_s)
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._scribe.idle()
        self._scribe.stop()

    # --- asking ---------------------------------------------------------------------------------------------

    async def _ask(self, asked: Asked, *, alone: bool = True) -> Command:
        command = self._draft(asked)
        try:
            check_words(asked)
            held = self._queued(self.carrier.hold(self._gate.permitted(asked.path, asked.roles, alone=alone)))
        except Refusal as refusal:
            return await self._refuse(command, refusal)
        held.queue += 1
        try:
            async with held.lock:
                return await self._take(held, command, asked)
        finally:
            held.queue -= 1

    def _queued(self, held: Held) -> Held:
        if held.queue >= MOST_QUEUED:
            raise Refusal(Why.BUSY, f"{held.path}: {MOST_QUEUED} commands wait already")
        return held

    async def _take(self, held: Held, command: Command, asked: Asked) -> Command:
        if asked.key and (first := await self._first(asked)) is not None:
            return await self._repeated(command, first, held.policy, asked)
        try:
            command.value = self._gate.value(held.policy, asked.value)
            command.lease_s = self._gate.lease(held.policy, asked.lease_s)
            self._gate.priority(held.policy, asked.priority)
            self._check(held, command, asked)
            if held.policy.rule.confirm is None:
                await self._carry_out(held, command)
            else:
                command.before = self._reported.of(command.path)
                await self._steps.prepare(held, command, asked)
        except Refusal as refusal:
            return await self._refuse(command, refusal)
        return command

    def _check(self, held: Held, command: Command, asked: Asked) -> None:
        """Refusal for what may change between two steps of a command."""
        if self.stopping or not self._ready:
            raise Refusal(Why.STOPPING, _NOT_NOW)
        self._gate.expectation(held.policy, asked.expect)
        self.carrier.check_way(held, command.value)
        self._gate.rate(held.policy, self._clock.now_ns())

    async def _carry_out(self, held: Held, command: Command) -> None:
        await self.carrier.carry_out(held, command)
        self._gate.count(command.path, self._clock.now_ns())

    async def _first(self, asked: Asked) -> Command | None:
        """Return the command that was asked for with this key, None when this is the first."""
        found: Command | None = await self._in_thread(self.journal.by_key, asked.key, asked.path)
        if found is None:
            return None
        return self.carrier.commands.get(found.id) or self._steps.find(found.id) or found

    async def _repeated(self, command: Command, first: Command, policy: Policy, asked: Asked) -> Command:
        """Return the command that has a key already; another command has no right to it."""
        try:
            value = self._gate.value(policy, asked.value)
        except Refusal:
            value = None
        if (value, asked.who, asked.priority) == (first.value, first.who, first.priority):
            return first
        whose = f"command {first.id}: {words_of(policy.point, first.value)} by {first.who}"
        return await self._refuse(command, Refusal(Why.KEY_REUSED, f"key {asked.key!r} belongs to {whose}"))

    def _draft(self, asked: Asked) -> Command:
        now = self._clock.now_ns()
        # What is no value stands in a refusal all the same, and JSON has no word for it.
        value = (
            asked.value if isinstance(asked.value, str) or math.isfinite(asked.value) else str(asked.value)
        )
        return Command(
            *(self.carrier.number(), asked.path, value, asked.who, sorted(asked.roles), asked.why),
            *(asked.priority, State.WAITING, now, now),
            key=asked.key,
        )

    async def _refuse(self, command: Command, refusal: Refusal) -> Command:
        """Put a refusal on record where that is possible; it holds in any case. The key is free again."""
        now = self._clock.now_ns()
        command.key = ""
        if command.state is State.REJECTED:
            return command
        command.move(State.REFUSED, now, refusal.words, refusal.reason.value)
        record = Record().step(now, "refused", **facts(command), reason=command.reason, words=command.words)
        try:
            await self._scribe.put(record.keep(put_command(command)))
        except TransientError as error:
            command.words += f" (not on record: {error.words})"
        return command

    # --- two steps, and giving back -------------------------------------------------------------------------

    async def _confirm(self, number: int, code: str, who: str, roles: frozenset[str]) -> Command:
        prepared = self._steps.get(number)
        if prepared is None:
            raise await self._not_prepared(number)
        command, policy = prepared.command, self._gate.permitted(prepared.command.path, roles)
        held = self.carrier.hold(policy)
        async with held.lock:
            if self._steps.get(number) is None:
                raise await self._not_prepared(number)
            self._steps.check(command, policy, code, who)
            self._steps.begin(command, who)
            try:
                if held.version != prepared.version:
                    raise _overtaken(held)
                self._check(held, command, prepared.asked)
                await self._carry_out(held, command)
            except Refusal as refusal:
                return await self._refuse(command, refusal)
            finally:
                self._steps.end(command)
            return command

    async def _not_prepared(self, number: int) -> Refusal:
        command = await self.find(number)
        if command is None:
            return Refusal(Why.NO_SUCH_COMMAND, f"there is no command {number}")
        by = f", {command.confirmed_by} confirmed it" if command.confirmed_by else ""
        reason = Why.TOO_LATE if command.state is State.EXPIRED else Why.NOT_PREPARED
        return Refusal(
            reason, f"command {number} does not wait for a confirmation: it is {command.state}{by}"
        )

    async def _release(
        self, path: str, priority: int, who: str, roles: frozenset[str], why: str
    ) -> Command | None:
        held = self.carrier.hold(self._gate.permitted(path, roles))
        if self.stopping or not self._ready:
            raise Refusal(Why.STOPPING, _NOT_NOW)
        async with held.lock:
            if held.array.get(priority) is None:
                levels = ", ".join(f"{level} by {slot.who}" for level, slot in held.array) or "none"
                words = f"nobody holds {path} at priority {priority}; held are: {levels}"
                raise Refusal(Why.NOTHING_HELD, words)
            await self.carrier.give_back(held, priority, f"released by {who}", by=who, why=why)
            top = held.array.strongest()
            return self.carrier.commands.get(top[1].command) if top else held.restoring

    # --- programmes -----------------------------------------------------------------------------------------

    def _follow(self, schedule: Schedule, phase: Phase, paths: Sequence[str]) -> None:
        """Let points follow a programme from now on."""
        for path in paths:
            held = self.carrier.hold(self.policies[path])
            self._crew.work(held, self._change(schedule, phase, held))

    async def _change(self, schedule: Schedule, phase: Phase, held: Held) -> None:
        """Give a point the value of a programme, or take it back; what is not on record is tried again later."""
        try:
            async with held.lock:
                await self._changed(schedule, phase, held)
        except Refusal as refusal:
            if refusal.reason is Why.NOT_RECORDED:
                self.timetable.late(schedule, held.path, self._clock.now_ns() + RETRY_NS)

    async def _changed(self, schedule: Schedule, phase: Phase, held: Held) -> None:
        slot, top = held.array.get(schedule.priority), held.array.strongest()
        own = slot is not None and slot.who == schedule.who
        if phase.value is None:
            if own:
                await self.carrier.give_back(held, schedule.priority, "nothing is scheduled now")
            return
        if slot and own and slot.value == phase.value and top and top[0] < schedule.priority:
            return
        roles = frozenset({SCHEDULE})
        command = self._draft(Asked(held.path, phase.value, schedule.who, roles, priority=schedule.priority))
        try:
            await self._carry_out(held, command)
        except Refusal as refusal:
            await self._refuse(command, refusal)
            raise


def _overtaken(held: Held) -> Refusal:
    top = held.array.strongest()
    by = f"command {top[1].command} of {top[1].who}" if top else "a release"
    return Refusal(Why.OVERTAKEN, f"{held.path} has changed since it was asked for ({by}): ask again")
