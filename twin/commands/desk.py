"""The desk at which commands are asked for, confirmed and released, and that keeps what was promised.

Everything here runs in the event loop; the disk and the devices are others'. Commands of one point are taken one after
the other. Nothing is done that is not on the disk first, see `twin.commands.scribe`.
"""

from __future__ import annotations

import asyncio
import math
import secrets
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from twin.commands.carrier import Carrier, facts
from twin.commands.command import Asked, Command, Refusal, State, Why
from twin.commands.differences import Differences
from twin.commands.gate import Gate, check_words
from twin.commands.interlocks import Interlocks
from twin.commands.journal import put_command
from twin.commands.rates import LONGEST_RATE_S, NS
from twin.commands.restart import resume
from twin.commands.scribe import Record, Scribe
from twin.commands.spec import SCHEDULE
from twin.commands.standing import Standing, standing_of
from twin.commands.timetable import Timetable, covered
from twin.commands.values import words_of
from twin.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from twin.clock import Clock
    from twin.commands.audit import Audit
    from twin.commands.book import Policy, Schedule
    from twin.commands.carrier import Reach, Write
    from twin.commands.held import Held
    from twin.commands.journal import Journal
    from twin.commands.programme import Phase
    from twin.commands.reported import Reported
    from twin.commands.scribe import InThread
    from twin.frame import Batch
    from twin.model.district import District

T = TypeVar("T")

MOST_QUEUED = 16
MOST_PREPARED = 1_000
MOST_TRIES = 3
LOOK_NS = NS
_CODE = 1_000_000


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
            if district.commands is not None:
                self.policies |= district.commands.policies
                compile_interlocks = district.commands.compile_interlocks
                compiled += [(policy, compile_interlocks) for policy in district.commands.policies.values()]
        self.interlocks = Interlocks(compiled, reported)
        self.differences = Differences(reported)
        self.timetable = Timetable(districts, self._follow)
        self._districts = districts
        self._reported = reported
        self._in_thread = in_thread
        self._clock = clock
        self._gate = Gate(self.policies, reported, self.interlocks)
        self._scribe = Scribe(audit, journal, in_thread)
        self.carrier = Carrier(self._gate, reported, self.differences, self._scribe, write, reach, clock)
        self._prepared: dict[int, tuple[Command, Asked, int]] = {}
        self._confirmed: dict[int, Command] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._failure: BaseException | None = None
        self._looked = 0
        self._ticked = 0
        self._ready = False

    # --- what people ask for --------------------------------------------------------------------------------

    async def ask(self, asked: Asked) -> Command:
        """Return the command as it stands: refused, prepared, waiting, or what became of its write."""
        return await self._finish(self._ask(asked))

    async def ask_all(self, asked: Sequence[Asked]) -> list[Command]:
        """Ask for many at once; an answer for each, in order."""
        return await asyncio.gather(*(self.ask(one) for one in asked))

    async def confirm(self, number: int, code: str, who: str, roles: frozenset[str]) -> Command:
        """Confirm a prepared command; Refusal when that cannot be, and then it stands as before or is over."""
        return await self._finish(self._confirm(number, code, who, roles))

    async def cancel(self, number: int, who: str, roles: frozenset[str]) -> Command:
        """Take a prepared command back; Refusal when there is none."""
        return await self._finish(self._cancel(number, who, roles))

    async def release(
        self, path: str, priority: int, who: str, roles: frozenset[str], why: str = ""
    ) -> Command | None:
        """Give a level of a point back; returns what is strongest then, None when nothing is. Refusal else."""
        return await self._finish(self._release(path, priority, who, roles, why))

    def desired(self) -> list[Standing]:
        """Return every point of which something is desired, beside what it shows."""
        standing = (
            standing_of(held, self.differences, self._reported) for held in self.carrier.points.values()
        )
        return [one for one in standing if one is not None]

    async def find(self, number: int) -> Command | None:
        """Return a command by its number, None when there is none."""
        found = self.carrier.commands.get(number) or self._confirmed.get(number)
        if found is None and number in self._prepared:
            found = self._prepared[number][0]
        if found is None:
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
        record = resume(kept, self.carrier, self.policies, covered(self._districts), now)
        for path, at in kept.accepted:
            self._gate.count(path, at)
        for remark in self.audit.remarks:
            record.step(now, "audit_remark", words=remark)
        if not at_rest:
            await self._scribe.put(record)
        self._ready = not at_rest

    def observe(self, readings: Batch) -> None:
        """Take readings for the moving windows of interlocks."""
        self.interlocks.observe(readings)

    def tick(self, now_ns: int) -> None:
        """Do what is due; cheap when nothing is. Raises what went wrong in the background: a bug."""
        self._scribe.check()
        if self._failure is not None:
            raise self._failure
        if not self._ready or self.stopping:
            return
        self.carrier.watch(now_ns)
        if now_ns < self._ticked:
            self.timetable.again()
        self._ticked = now_ns
        self.timetable.tick(now_ns)
        if abs(now_ns - self._looked) >= LOOK_NS:
            self._looked = now_ns
            self._scan(now_ns)
            self._compare(now_ns)

    async def close(self, within_s: float = 5.0) -> None:
        """Take no more, let what was begun end, and put it on record; what is cut off stays as sending."""
        self.stopping = True
        if self._tasks:
            _, rest = await asyncio.wait(self._tasks, timeout=within_s)
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)
        try:
            async with asyncio.timeout(within_s):
                await self._scribe.idle()
        except TimeoutError:
            pass
        self._scribe.stop()

    # --- asking ---------------------------------------------------------------------------------------------

    async def _ask(self, asked: Asked) -> Command:
        command = self._draft(asked)
        try:
            check_words(asked)
            policy = self._gate.permitted(asked.path, asked.roles)
        except Refusal as refusal:
            return await self._refuse(command, refusal)
        held = self.carrier.hold(policy)
        if held.queue >= MOST_QUEUED:
            words = f"{asked.path}: {MOST_QUEUED} commands wait already"
            return await self._refuse(command, Refusal(Why.BUSY, words))
        held.queue += 1
        try:
            async with held.lock:
                return await self._take(held, command, asked)
        finally:
            held.queue -= 1

    async def _take(self, held: Held, command: Command, asked: Asked) -> Command:
        if asked.key and (first := await self._in_thread(self.journal.by_key, asked.key, asked.path)):
            return await self._repeated(command, first, held.policy, asked)
        try:
            command.value = self._gate.value(held.policy, asked.value)
            command.lease_s = self._gate.lease(held.policy, asked.lease_s)
            self._gate.priority(held.policy, asked.priority)
            self._check(held, command, asked)
            if held.policy.rule.confirm is not None:
                return await self._prepare(held, command, asked)
            await self._carry_out(held, command)
        except Refusal as refusal:
            return await self._refuse(command, refusal)
        return command

    def _check(self, held: Held, command: Command, asked: Asked) -> None:
        """Refusal for what may change between two steps of a command."""
        if self.stopping or not self._ready:
            raise Refusal(Why.STOPPING, "barrio is starting or stopping: nothing is sent now")
        self._gate.expectation(held.policy, asked.expect)
        self.carrier.check_way(held, command.value)
        self._gate.rate(held.policy, self._clock.now_ns())

    async def _carry_out(self, held: Held, command: Command) -> None:
        await self.carrier.carry_out(held, command)
        self._gate.count(command.path, self._clock.now_ns())

    async def _repeated(self, command: Command, first: Command, policy: Policy, asked: Asked) -> Command:
        """Return the answer that the first command with a key got; another command has no right to it."""
        now = self.carrier.commands.get(first.id) or (self._prepared.get(first.id) or (first,))[0]
        try:
            value = self._gate.value(policy, asked.value)
        except Refusal:
            value = None
        if (value, asked.who, asked.priority) == (now.value, now.who, now.priority):
            return now
        words = (
            f"key {asked.key!r} belongs to command {now.id}: {words_of(policy.point, now.value)} by {now.who}"
        )
        return await self._refuse(command, Refusal(Why.KEY_REUSED, words), keyless=True)

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

    async def _refuse(self, command: Command, refusal: Refusal, *, keyless: bool = False) -> Command:
        """Put a refusal on record where that is possible; it holds in any case."""
        now = self._clock.now_ns()
        if refusal.reason is Why.REJECTED:
            return command
        command.move(State.REFUSED, now, refusal.words, refusal.reason.value)
        key, command.key = command.key, ""
        record = Record().step(now, "refused", **facts(command), reason=command.reason, words=command.words)
        try:
            await self._scribe.put(record.keep(put_command(command)))
        except TransientError as error:
            command.words += f" (not on record: {error.words})"
        command.key = "" if keyless else key
        return command

    # --- two steps ------------------------------------------------------------------------------------------

    async def _prepare(self, held: Held, command: Command, asked: Asked) -> Command:
        confirm = held.policy.rule.confirm
        if len(self._prepared) >= MOST_PREPARED or confirm is None:
            raise Refusal(Why.BUSY, f"{MOST_PREPARED} commands wait for a confirmation already")
        now = self._clock.now_ns()
        command.deadline = now + round(confirm.within * NS)
        command.before = self._reported.of(command.path)
        command.move(State.PREPARED, now, f"to be confirmed within {confirm.within:g} s")
        record = Record().step(now, "prepared", **facts(command), words=command.words)
        try:
            await self._scribe.put(record.keep(put_command(command)))
        except TransientError as error:
            words = f"it cannot be put on record, so it is not done: {error.words}"
            raise Refusal(Why.NOT_RECORDED, words) from error
        command.code = f"{secrets.randbelow(_CODE):06d}"
        self._prepared[command.id] = command, asked, held.version
        return command

    async def _confirm(self, number: int, code: str, who: str, roles: frozenset[str]) -> Command:
        found = self._prepared.get(number)
        if found is None:
            raise await self._not_prepared(number)
        command, asked, version = found
        policy = self._gate.permitted(command.path, roles)
        held = self.carrier.hold(policy)
        async with held.lock:
            if number not in self._prepared:
                raise await self._not_prepared(number)
            self._check_confirmation(command, policy, code, who)
            del self._prepared[number]
            command.code, command.confirmed_by = "", who
            self._confirmed[number] = command
            try:
                if held.version != version:
                    raise self._overtaken(held, command)
                self._check(held, command, asked)
                await self._carry_out(held, command)
            except Refusal as refusal:
                return await self._refuse(command, refusal)
            finally:
                del self._confirmed[number]
            return command

    def _check_confirmation(self, command: Command, policy: Policy, code: str, who: str) -> None:
        now, rule = self._clock.now_ns(), policy.rule.confirm
        if now >= command.deadline:
            self._drop(command, State.EXPIRED, "nobody confirmed it in time")
            within = rule.within if rule else 0.0
            raise Refusal(
                Why.TOO_LATE, f"command {command.id} was to be confirmed within {within:g} s: ask again"
            )
        if rule is not None and rule.second_person and _same_person(who, command.who):
            self._say(command, "not_confirmed", by=who, reason=Why.SECOND_PERSON.value)
            words = f"command {command.id} is confirmed by somebody else than {command.who}"
            raise Refusal(Why.SECOND_PERSON, words)
        if not secrets.compare_digest(code.strip().encode(), command.code.encode()):
            command.tries += 1
            self._say(command, "not_confirmed", by=who, reason=Why.WRONG_CODE.value)
            left = MOST_TRIES - command.tries
            if left <= 0:
                self._drop(command, State.CANCELLED, f"{MOST_TRIES} wrong codes")
            words = f"this is not the code of command {command.id}: "
            raise Refusal(Why.WRONG_CODE, words + (f"{left} more tries" if left > 0 else "it is cancelled"))

    async def _cancel(self, number: int, who: str, roles: frozenset[str]) -> Command:
        found = self._prepared.get(number)
        if found is None:
            raise await self._not_prepared(number)
        self._gate.permitted(found[0].path, roles)
        self._drop(found[0], State.CANCELLED, f"taken back by {who}")
        return found[0]

    async def _not_prepared(self, number: int) -> Refusal:
        command = await self.find(number)
        if command is None:
            return Refusal(Why.NO_SUCH_COMMAND, f"there is no command {number}")
        by = f", {command.confirmed_by} confirmed it" if command.confirmed_by else ""
        reason = Why.TOO_LATE if command.state is State.EXPIRED else Why.NOT_PREPARED
        return Refusal(
            reason, f"command {number} does not wait for a confirmation: it is {command.state}{by}"
        )

    def _overtaken(self, held: Held, command: Command) -> Refusal:
        top = held.array.strongest()
        by = f"command {top[1].command} of {top[1].who}" if top else "a release"
        return Refusal(Why.OVERTAKEN, f"{command.path} has changed since it was asked for ({by}): ask again")

    def _drop(self, command: Command, state: State, words: str) -> None:
        self._prepared.pop(command.id, None)
        command.code = ""
        command.move(state, self._clock.now_ns(), words)
        self._say(command, state.value, words=words)

    def _say(self, command: Command, step: str, **more: Any) -> None:
        record = Record().step(self._clock.now_ns(), step, **facts(command) | more)
        self._scribe.later(record.keep(put_command(command)))

    # --- giving back ----------------------------------------------------------------------------------------

    async def _release(
        self, path: str, priority: int, who: str, roles: frozenset[str], why: str
    ) -> Command | None:
        policy = self._gate.permitted(path, roles)
        if self.stopping or not self._ready:
            raise Refusal(Why.STOPPING, "barrio is starting or stopping: nothing is sent now")
        held = self.carrier.hold(policy)
        async with held.lock:
            if held.array.get(priority) is None:
                set_ones = ", ".join(f"{level} by {slot.who}" for level, slot in held.array) or "none"
                words = f"nobody holds {path} at priority {priority}; held are: {set_ones}"
                raise Refusal(Why.NOTHING_HELD, words)
            await self.carrier.give_back(held, priority, f"released by {who}", by=who, why=why)
            top = held.array.strongest()
            return self.carrier.commands.get(top[1].command) if top else held.restoring

    # --- what time brings -----------------------------------------------------------------------------------

    def _scan(self, now_ns: int) -> None:
        """Look for leases that are over, confirmations that did not come, and what is owed."""
        for command, _, _ in list(self._prepared.values()):
            if now_ns >= command.deadline:
                self._drop(command, State.EXPIRED, "nobody confirmed it in time")
        for path, held in list(self.carrier.points.items()):
            if held.working or held.lock.locked():
                continue
            over = [level for level, slot in held.array if slot.until and now_ns >= slot.until]
            if over or (held.owed_at and now_ns >= held.owed_at):
                self._work(held, self._end_leases(held, over))
            elif held.idle:
                del self.carrier.points[path]

    async def _end_leases(self, held: Held, levels: Sequence[int]) -> None:
        async with held.lock:
            for level in reversed(levels):
                slot = held.array.get(level)
                if slot is not None and slot.until and self._clock.now_ns() >= slot.until:
                    await self.carrier.give_back(held, level, "its lease is over")
            if held.owed_at and self._clock.now_ns() >= held.owed_at:
                await self.carrier.settle(held)

    def _compare(self, now_ns: int) -> None:
        """Say which devices have left what is desired of them for longer than a write takes, and which are back."""
        for path in self.differences.look(now_ns):
            held = self.carrier.points.get(path)
            if held is not None and held.difference_said:
                held.difference_said = False
                self._remark(held, "agrees", now_ns)
        for path, since in self.differences.since.items():
            held = self.carrier.points.get(path)
            if held is None or held.awaiting or held.owed_at or held.working:
                continue
            if now_ns - since < held.policy.rule.read_back.within * NS:
                continue
            if not held.difference_said:
                held.difference_said = True
                self._remark(held, "differs", now_ns)
            self._hold_to_it(held, now_ns)

    def _hold_to_it(self, held: Held, now_ns: int) -> None:
        top = held.array.strongest()
        command = self.carrier.commands.get(top[1].command) if top else None
        if command is not None and command.state is not State.UNKNOWN and held.may_resend(now_ns):
            self._work(held, self._resend(held))

    async def _resend(self, held: Held) -> None:
        async with held.lock:
            await self.carrier.settle(held)

    def _remark(self, held: Held, step: str, now_ns: int) -> None:
        top = held.array.strongest()
        if top is not None:
            path, slot = held.policy.path, top[1]
            record = Record().step(now_ns, step, id=slot.command, path=path, value=slot.value, who=slot.who,
                                   priority=top[0], shown=self._reported.of(path))  # fmt: skip
            self._scribe.later(record)

    # --- programmes -----------------------------------------------------------------------------------------

    def _follow(self, schedule: Schedule, phase: Phase, paths: Sequence[str]) -> None:
        """Let points follow a programme from now on."""
        for path in paths:
            self._work(self.carrier.hold(self.policies[path]), self._change(schedule, phase, path))

    async def _change(self, schedule: Schedule, phase: Phase, path: str) -> None:
        held = self.carrier.hold(self.policies[path])
        async with held.lock:
            slot = held.array.get(schedule.priority)
            if phase.value is None:
                if slot is not None and slot.who == schedule.who:
                    await self.carrier.give_back(held, schedule.priority, "nothing is scheduled now")
                return
            top = held.array.strongest()
            same = slot is not None and (slot.who, slot.value) == (schedule.who, phase.value)
            if same and top is not None and top[0] < schedule.priority:
                return
            asked = Asked(path, phase.value, schedule.who, frozenset({SCHEDULE}), priority=schedule.priority)
            command = self._draft(asked)
            try:
                await self._carry_out(held, command)
            except Refusal as refusal:
                await self._refuse(command, refusal)

    # --- tasks ----------------------------------------------------------------------------------------------

    async def _finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something to its end, also when whoever asked for it goes away."""
        return await asyncio.shield(self._started(work))

    def _work(self, held: Held, work: Coroutine[Any, Any, Any]) -> None:
        """Do something for a point in the background."""
        held.working = True
        task = self._started(work)
        task.add_done_callback(partial(self._worked, held))

    def _worked(self, held: Held, task: asyncio.Task[Any]) -> None:
        held.working = False
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Refusal):
            self.carrier.owe(held, error.words)

    def _started(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, Refusal):
            self._failure = self._failure or error


def _same_person(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()
