"""Carries commands to devices: what is strongest is sent, and what nobody holds any more goes back.

Every change of one point is made under the point's lock, and is on the disk before the device is asked. A write that
may have happened is never sent again by itself; one of which the link says that nothing was sent is owed, where a
programme wants it or a point goes back, and tried again. No value is sent while an interlock does not hold.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from twin.commands.command import RESTORE, SELF, Command, Done, Refusal, State, Why, Written
from twin.commands.held import Held
from twin.commands.journal import (
    desire,
    drop_before,
    drop_slot,
    put_before,
    put_command,
    put_slot,
    undesire,
)
from twin.commands.priorities import Slot
from twin.commands.rates import NS
from twin.commands.scribe import Record
from twin.commands.values import same, words_of
from twin.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from twin.clock import Clock
    from twin.commands.book import Policy
    from twin.commands.differences import Differences
    from twin.commands.gate import Gate
    from twin.commands.reported import Reported
    from twin.commands.scribe import Scribe
    from twin.commands.values import Value

    Write = Callable[[str, Value], Awaitable[Written]]
    Reach = Callable[[str], str]

MOST_WRITES = 64
FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 60.0
TRIES_UNSAID = 2


class Carrier:
    """Holds the points that are under command, and speaks to their devices."""

    def __init__(
        self,
        gate: Gate,
        reported: Reported,
        differences: Differences,
        scribe: Scribe,
        write: Write,
        reach: Reach,
        clock: Clock,
    ) -> None:
        self.points: dict[str, Held] = {}
        self.commands: dict[int, Command] = {}
        self.awaiting: dict[str, Held] = {}
        self.last_id = 0
        self._gate = gate
        self._reported = reported
        self._differences = differences
        self._scribe = scribe
        self._write = write
        self._reach = reach
        self._clock = clock
        self._room = asyncio.Semaphore(MOST_WRITES)

    def hold(self, policy: Policy) -> Held:
        """Return the point of a policy."""
        return self.points.setdefault(policy.path, Held(policy))

    def number(self) -> int:
        """Return the number of the next command."""
        self.last_id += 1
        return self.last_id

    # --- a command ------------------------------------------------------------------------------------------

    async def carry_out(self, held: Held, command: Command) -> None:
        """Let a command take its level, and send it when none is stronger; under the point's lock.

        Refusal when nothing was sent; then everything is as it was.
        """
        path, now = command.path, self._clock.now_ns()
        first = not held.has_before
        if first:
            held.before, held.has_before = self._shown_before(held), True
        command.before = self._reported.of(path)
        command.until = now + round(command.lease_s * NS) if command.lease_s else 0
        top = held.array.strongest()
        slot = Slot(command.id, command.value, command.who, now, command.until)
        replaced = held.array.put(command.priority, slot)
        record = Record().keep(put_slot(path, command.priority, slot))
        if first:
            record.keep(put_before(path, held.before))
        try:
            if top is not None and top[0] < command.priority:
                await self._let_wait(held, command, replaced, record)
                return
            record.step(now, "accepted", **facts(command))
            if command.of_schedule:
                self.check_way(held, command.value)
            await self._send_first(held, command, record)
        except Refusal as refusal:
            undone = self._undo(held, command, replaced, first=first)
            if command.of_schedule and refusal.reason in {Why.LINK_DOWN, Why.INTERLOCK}:
                self._owe_programme(held, command, slot, replaced, refusal.words)
                return
            if refusal.reason is not Why.NOT_RECORDED:
                self._scribe.later(undone)
            raise
        self._took(held, command, replaced, top[1] if top else None)

    async def _let_wait(self, held: Held, command: Command, replaced: Slot | None, record: Record) -> None:
        level, slot = held.array.strongest() or (0, None)
        now = self._clock.now_ns()
        words = f"command {slot.command} of {slot.who} at priority {level} goes first" if slot else ""
        command.move(State.WAITING, now, words)
        record.step(now, "accepted", **facts(command), words=words).keep(put_command(command))
        await self._put(record)
        self.commands[command.id] = command
        held.version += 1
        self._end_replaced(replaced, command)

    async def _send_first(self, held: Held, command: Command, record: Record) -> None:
        written = await self._send(held, command, record)
        now = self._clock.now_ns()
        if written.done is Done.REFUSED:
            command.move(State.REJECTED, now, written.words)
            self._say(now, "rejected", command, words=written.words)
            raise Refusal(Why.REJECTED, written.words or "the device refused it")

    def _took(self, held: Held, command: Command, replaced: Slot | None, top: Slot | None) -> None:
        """Note that a command has its point now: who held it waits, or is over."""
        now = self._clock.now_ns()
        held.version += 1
        held.owed_at, held.owed, held.tries = 0, "", 0
        self.commands[command.id] = command
        self._end_replaced(replaced, command)
        if held.restoring is not None:
            self._end(held.restoring, now, f"command {command.id} came first")
            held.restoring = None
        if top is not None and top is not replaced and (other := self.commands.get(top.command)):
            other.move(State.WAITING, now, f"command {command.id} of {command.who} goes first")
            self._say(now, "overridden", other, by=command.who, words=other.words)
        self._desires(
            held, command.priority, Slot(command.id, command.value, command.who, now, command.until)
        )

    def _owe_programme(
        self, held: Held, command: Command, slot: Slot, replaced: Slot | None, words: str
    ) -> None:
        """Let a programme keep its level though nothing could be sent: it is tried again."""
        now = self._clock.now_ns()
        if not held.has_before:
            held.before, held.has_before = self._shown_before(held), True
        held.array.put(command.priority, slot)
        command.move(State.WAITING, now, words)
        record = Record().step(now, "accepted", **facts(command), words=words)
        record.keep(put_command(command), put_slot(command.path, command.priority, slot))
        self._scribe.later(record.keep(put_before(command.path, held.before)))
        self._took(held, command, replaced, None)
        self.owe(held, words)

    def _undo(self, held: Held, command: Command, replaced: Slot | None, *, first: bool) -> Record:
        path, record = command.path, Record()
        if replaced is None:
            held.array.relinquish(command.priority)
            record.keep(drop_slot(path, command.priority))
        else:
            held.array.put(command.priority, replaced)
            record.keep(put_slot(path, command.priority, replaced))
        if first:
            held.before, held.has_before = None, False
            record.keep(drop_before(path))
        return record

    # --- going back -----------------------------------------------------------------------------------------

    async def give_back(self, held: Held, level: int, words: str, by: str = "", why: str = "") -> None:
        """Give a level back and send what comes next; under the point's lock.

        Refusal when it could not be put on record: then it is as it was.
        """
        now, path, top = self._clock.now_ns(), held.policy.path, held.array.strongest()
        slot = held.array.relinquish(level)
        if slot is None:
            return
        command = self.commands.get(slot.command)
        record = Record().keep(drop_slot(path, level))
        step = {"id": slot.command, "path": path, "who": slot.who, "priority": level, "value": slot.value}
        record.step(now, "ended", **step, words=words, by=by, why=why)
        if command is not None:
            stood = command.state, command.changed, command.words, command.reason, command.result
            command.move(State.ENDED, now, words)
            record.keep(put_command(command))
        try:
            await self._put(record)
        except Refusal:
            held.array.put(level, slot)
            if command is not None:
                command.state, command.changed, command.words, command.reason, command.result = stood
            raise
        held.version += 1
        self.commands.pop(slot.command, None)
        if held.awaiting is command:
            self._await_nothing(held)
        if top is not None and top[0] == level:
            self._desire_next(held)
            await self.settle(held)

    async def settle(self, held: Held) -> None:
        """Send what should be there now: the strongest command, or the value before; under the point's lock."""
        held.owed_at = 0
        while (command := self._next(held)) is not None:
            try:
                self.check_way(held, command.value)
                written = await self._send(held, command, Record())
            except Refusal as refusal:
                self._withhold(held, command, refusal)
                return
            held.owed, held.tries = "", 0
            if written.done is not Done.REFUSED:
                if command.priority == RESTORE:
                    self._forget_before(held)
                return
            self._reject(held, command, written.words)

    def _next(self, held: Held) -> Command | None:
        """Return what is to be sent, None when nothing is."""
        top = held.array.strongest()
        if top is not None:
            return self.commands.get(top[1].command)
        if not held.has_before:
            return None
        if held.policy.rule.release == "none" or held.before is None:
            self._leave(held)
            return None
        held.restoring = held.restoring or self._restoring(held, held.before)
        return held.restoring

    def _restoring(self, held: Held, value: Value) -> Command:
        now, words = self._clock.now_ns(), "nobody holds the point any more: back to the value before"
        found = Command(
            *(self.number(), held.policy.path, value, SELF, (), words, RESTORE, State.WAITING, now, now)
        )
        self.commands[found.id] = found
        return found

    def _leave(self, held: Held) -> None:
        """Leave a point as it is: its rule says so, or nobody knows what was there before."""
        now, path = self._clock.now_ns(), held.policy.path
        unknown = held.policy.rule.release != "none"
        words = "no value before is known" if unknown else "its rule leaves the value as it is"
        record = Record().step(now, "left", path=path, who=SELF, words=words)
        self._scribe.later(record.keep(undesire(path, now)))
        self._forget_before(held)

    def _withhold(self, held: Held, command: Command, refusal: Refusal) -> None:
        """Note that what should be sent is not sent for now; said once, when it is more than a short absence."""
        now = self._clock.now_ns()
        command.move(State.WAITING, now, refusal.words)
        if held.tries == TRIES_UNSAID:
            record = Record().step(now, "withheld", **facts(command), words=refusal.words)
            self._scribe.later(record.keep(put_command(command)))
        self.owe(held, refusal.words)

    def owe(self, held: Held, words: str) -> None:
        """Try again later to send what should be there."""
        wait_s = min(FIRST_WAIT_S * 2 ** min(held.tries, 8), LONGEST_WAIT_S)
        held.owed, held.owed_at = words, self._clock.now_ns() + round(wait_s * NS)
        held.tries += 1

    def _reject(self, held: Held, command: Command, words: str) -> None:
        """Give up what a device does not take: the next one is tried."""
        now = self._clock.now_ns()
        command.move(State.REJECTED, now, words)
        record = Record().step(now, "rejected", **facts(command), words=words).keep(put_command(command))
        if command.priority == RESTORE:
            held.restoring = None
            self._forget_before(held)
            record.keep(undesire(command.path, now))
        else:
            held.array.relinquish(command.priority)
            record.keep(drop_slot(command.path, command.priority))
        self.commands.pop(command.id, None)
        self._scribe.later(record)
        self._desire_next(held)

    def _forget_before(self, held: Held) -> None:
        held.before, held.has_before = None, False
        self._differences.forget(held.policy.path)
        self._scribe.later(Record().keep(drop_before(held.policy.path)))

    def take_over(self, held: Held, now: int) -> None:
        """Go on with a point as a process before this one left it."""
        top = held.array.strongest()
        if top is None:
            held.owed_at = now if held.has_before else 0
            return
        self._differences.want(held.policy, top[1].value)
        command = self.commands.get(top[1].command)
        if command is None:
            return
        if held.owed_at or command.state is State.WAITING:
            held.owed_at = now
        elif command.state in {State.WRITTEN, State.UNKNOWN}:
            held.sent_at = now
            self.await_read_back(held, command)

    # --- one write ------------------------------------------------------------------------------------------

    async def _send(self, held: Held, command: Command, record: Record) -> Written:
        """Put on record that a command is sent, send it, and note what became of it; Refusal when nothing was sent."""
        now, stood = self._clock.now_ns(), command.state
        command.move(State.SENDING, now)
        record.step(now, "sending", **facts(command)).keep(put_command(command))
        try:
            await self._put(record)
        except Refusal:
            command.state = stood
            raise
        self._await_nothing(held)
        async with self._room:
            held.sent_at = self._clock.now_ns()
            try:
                written = await self._write(command.path, command.value)
            except TransientError as error:
                command.state = stood
                self._say(self._clock.now_ns(), "not_sent", command, words=error.words)
                raise Refusal(Why.LINK_DOWN, f"{command.path}: nothing was sent: {error.words}") from error
        if written.done is not Done.REFUSED:
            self._note(held, command, written)
        return written

    def _note(self, held: Held, command: Command, written: Written) -> None:
        """Note what a link said of a write, and what the device showed at once."""
        now = self._clock.now_ns()
        command.read_back = written.read_back
        if written.done is Done.UNKNOWN:
            self._change(command, State.UNKNOWN, now, written.words or "the device did not answer")
        elif same(command.value, written.read_back, held.policy.tolerance):
            self._change(command, State.CONFIRMED, now, written.words)
            self._over(held, command)
            return
        elif not held.policy.point.readable:
            self._change(command, State.UNCONFIRMED, now, "the point cannot be read back")
            self._over(held, command)
            return
        else:
            self._change(command, State.WRITTEN, now, written.words)
        self.await_read_back(held, command)

    def await_read_back(self, held: Held, command: Command) -> None:
        """Watch the live twin for what was written."""
        if not held.policy.point.readable:
            return
        command.deadline = self._clock.now_ns() + round(held.policy.rule.read_back.within * NS)
        held.awaiting = command
        self.awaiting[command.path] = held

    def watch(self, now_ns: int) -> None:
        """Look whether devices show what was written to them."""
        for path, held in list(self.awaiting.items()):
            command = held.awaiting
            if command is None:
                del self.awaiting[path]
                continue
            shown = self._reported.since(path, held.sent_at)
            if same(command.value, shown, held.policy.tolerance):
                command.read_back = shown
                self._change(command, State.CONFIRMED, now_ns, "")
            elif now_ns < command.deadline:
                continue
            elif command.state is State.UNKNOWN:
                self._say(now_ns, "unknown", command, words="it cannot be told whether the device took it")
            elif shown is not None:
                command.read_back = shown
                words = f"shows {words_of(held.policy.point, shown)}"
                self._change(command, State.MISMATCH, now_ns, words)
            else:
                words = f"nothing was read back within {held.policy.rule.read_back.within:g} s"
                self._change(command, State.UNCONFIRMED, now_ns, words)
            self._await_nothing(held)
            self._over(held, command)

    def _shown_before(self, held: Held) -> Value | None:
        """Return the value to go back to: what the device shows, or what it is just being brought back to."""
        return self._reported.of(held.policy.path) if held.restoring is None else held.restoring.value

    # --- small things ---------------------------------------------------------------------------------------

    def check_way(self, held: Held, value: Value) -> None:
        """Refusal while the link is down or an interlock does not hold: then nothing is sent, by nobody."""
        path = held.policy.path
        if words := self._reach(path):
            raise Refusal(Why.LINK_DOWN, f"{path} cannot be reached: {words}")
        self._gate.interlocks(held.policy, value, self._clock.now_ns())

    def _await_nothing(self, held: Held) -> None:
        held.awaiting = None
        self.awaiting.pop(held.policy.path, None)

    def _over(self, held: Held, command: Command) -> None:
        """End what brought the value before back: it holds nothing."""
        if command.priority == RESTORE:
            now = self._clock.now_ns()
            held.restoring = None
            self._end(command, now, "the value before was sent")
            self._scribe.later(Record().keep(undesire(command.path, now)))

    def _end_replaced(self, replaced: Slot | None, command: Command) -> None:
        if replaced is not None and (other := self.commands.get(replaced.command)):
            self._end(other, self._clock.now_ns(), f"command {command.id} of {command.who} took its place")

    def _end(self, command: Command, now: int, words: str) -> None:
        command.move(State.ENDED, now, words)
        self.commands.pop(command.id, None)
        self._say(now, "ended", command, words=words)

    def _change(self, command: Command, state: State, now: int, words: str) -> None:
        command.move(state, now, words)
        shown = {} if command.read_back is None else {"shown": command.read_back}
        self._say(now, state.value, command, words=words, **shown)

    def _say(self, now: int, step: str, command: Command, **more: Any) -> None:
        self._scribe.later(Record().step(now, step, **facts(command) | more).keep(put_command(command)))

    async def _put(self, record: Record) -> None:
        try:
            await self._scribe.put(record)
        except TransientError as error:
            words = f"it cannot be put on record, so it is not done: {error.words}"
            raise Refusal(Why.NOT_RECORDED, words) from error

    def _desire_next(self, held: Held) -> None:
        """Say what is desired of a point after a level was given back."""
        top, now, path = held.array.strongest(), self._clock.now_ns(), held.policy.path
        if top is not None:
            self._desires(held, *top)
        elif held.has_before and held.before is not None and held.policy.rule.release == "restore":
            self._desires(held, RESTORE, Slot(0, held.before, SELF, now))
        else:
            self._differences.forget(path)
            self._scribe.later(Record().keep(undesire(path, now)))

    def _desires(self, held: Held, level: int, slot: Slot) -> None:
        held.difference_said = False
        self._differences.want(held.policy, slot.value)
        now = self._clock.now_ns()
        self._scribe.later(Record().keep(*desire(held.policy.path, slot, level, now)))


def facts(command: Command) -> dict[str, Any]:
    """Return what the audit log says of a command at each of its steps."""
    return {
        "id": command.id,
        "path": command.path,
        "value": command.value,
        "who": command.who,
        "roles": list(command.roles) or None,
        "priority": command.priority,
        "before": command.before,
        "why": command.why,
        "confirmed_by": command.confirmed_by,
    }
