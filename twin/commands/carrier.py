"""Carries commands to devices: what is strongest is sent, and what nobody holds any more goes back.

Every change of one point is made under the point's lock. What a programme wants, or a point gets back, and that could
not be sent (the link is down, an interlock does not hold) is owed, and tried again. No value is sent while an interlock
does not hold, whoever wants it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from twin.clock import NS
from twin.commands.command import RESTORE, SELF, Command, Done, Refusal, State, Why
from twin.commands.held import LONGEST_WAIT_NS, Held, Owed
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
from twin.commands.scribe import Record
from twin.commands.sender import Sender, facts

if TYPE_CHECKING:
    from collections.abc import Callable

    from twin.clock import Clock
    from twin.commands.book import Policy
    from twin.commands.differences import Differences
    from twin.commands.gate import Gate
    from twin.commands.reported import Reported
    from twin.commands.scribe import Scribe
    from twin.commands.sender import Write
    from twin.commands.values import Value

    Reach = Callable[[str], str]

AGAIN_NS = 2 * NS
UNSAID_NS = 10 * NS
"""Something that is owed for no longer than this is no news."""


class Carrier:
    """Holds the points that are under command."""

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
        self.last_id = 0
        self.sender = Sender(reported, scribe, write, clock, self._written)
        self._gate = gate
        self._reported = reported
        self._differences = differences
        self._scribe = scribe
        self._reach = reach
        self._clock = clock

    def hold(self, policy: Policy) -> Held:
        """Return the point of a policy."""
        return self.points.setdefault(policy.path, Held(policy))

    def number(self) -> int:
        """Return the number of the next command."""
        self.last_id += 1
        return self.last_id

    def check_way(self, held: Held, value: Value) -> None:
        """Refusal while the link is down or an interlock does not hold."""
        if words := self._reach(held.path):
            raise Refusal(Why.LINK_DOWN, f"{held.path} cannot be reached: {words}")
        self._gate.interlocks(held.policy, value, self._clock.now_ns())

    # --- a command ------------------------------------------------------------------------------------------

    async def carry_out(self, held: Held, command: Command) -> None:
        """Let a command take its level, and send it when none is stronger; under the point's lock.

        Refusal when nothing was sent; then everything is as it was, but for a programme, which keeps its level.
        """
        now, path, first = self._clock.now_ns(), held.path, not held.has_before
        command.before = self._reported.of(path)
        command.until = now + round(command.lease_s * NS) if command.lease_s else 0
        record = Record().step(now, "accepted", **facts(command))
        if first:
            held.before, held.has_before = self._shown_before(held), True
            record.keep(put_before(path, held.before))
        top = held.array.strongest()
        slot = Slot(command.id, command.value, command.who, now, command.until)
        replaced = held.array.put(command.priority, slot)
        record.keep(put_slot(path, command.priority, slot))
        try:
            takes = await self._enter(held, command, top, record)
        except Refusal as refusal:
            self._undo(held, command, replaced, refusal, first=first)
            raise
        self._end_replaced(replaced, command)
        if command.until:
            held.lease(command.id, self._clock.monotonic_s() + command.lease_s)
        if takes:
            self._took(held, command, top[1] if top and top[1] is not replaced else None)

    async def _enter(
        self, held: Held, command: Command, top: tuple[int, Slot] | None, record: Record
    ) -> bool:
        """Take the point or a place behind; returns whether it is the strongest now. Refusal when nothing was sent."""
        if top is not None and top[0] < command.priority:
            await self._let_wait(held, command, top, record)
            return False
        if command.of_schedule:
            try:
                self.check_way(held, command.value)
            except Refusal as refusal:
                command.move(State.WAITING, self._clock.now_ns(), refusal.words)
                await self.sender.put(record.keep(put_command(command)))
                self.owe(held, refusal.words)
                return True
        try:
            await self._send_first(held, command, record)
        except Refusal as refusal:
            if not command.of_schedule or refusal.reason is not Why.LINK_DOWN:
                raise
            self._withhold(held, command, refusal, tried=True)
        return True

    async def _let_wait(self, held: Held, command: Command, top: tuple[int, Slot], record: Record) -> None:
        level, slot = top
        words = f"command {slot.command} of {slot.who} at priority {level} goes first"
        command.move(State.WAITING, self._clock.now_ns(), words)
        await self.sender.put(record.keep(put_command(command)))
        self.commands[command.id] = command
        held.version += 1

    async def _send_first(self, held: Held, command: Command, record: Record) -> None:
        written = await self.sender.send(held, command, record)
        if written.done is Done.REFUSED:
            command.move(State.REJECTED, self._clock.now_ns(), written.words)
            self.sender.say("rejected", command, words=written.words)
            raise Refusal(Why.REJECTED, written.words or "the device refused it")
        held.owed = None

    def _took(self, held: Held, command: Command, overridden: Slot | None) -> None:
        """Note that a command has its point now: who held it before waits."""
        now = self._clock.now_ns()
        held.version += 1
        self.commands[command.id] = command
        if held.restoring is not None:
            self._end(held.restoring, f"command {command.id} came first")
            held.restoring = None
        if overridden is not None and (other := self.commands.get(overridden.command)):
            other.move(State.WAITING, now, f"command {command.id} of {command.who} goes first")
            self.sender.say("overridden", other, by=command.who, words=other.words)
        self._desires(
            held, command.priority, Slot(command.id, command.value, command.who, now, command.until)
        )

    def _undo(
        self, held: Held, command: Command, replaced: Slot | None, refusal: Refusal, *, first: bool
    ) -> None:
        path, record = held.path, Record()
        if replaced is None:
            held.array.relinquish(command.priority)
            record.keep(drop_slot(path, command.priority))
        else:
            held.array.put(command.priority, replaced)
            record.keep(put_slot(path, command.priority, replaced))
        if first:
            held.before, held.has_before = None, False
            record.keep(drop_before(path))
        if refusal.reason is not Why.NOT_RECORDED:
            self._scribe.later(record)

    # --- going back -----------------------------------------------------------------------------------------

    async def give_back(self, held: Held, level: int, words: str, by: str = "", why: str = "") -> None:
        """Give a level back and send what comes next; under the point's lock.

        Refusal when it could not be put on record: then it is as it was.
        """
        now, top, slot = self._clock.now_ns(), held.array.strongest(), held.array.get(level)
        if slot is None or top is None:
            return
        command = self.commands.get(slot.command)
        step = {
            "id": slot.command,
            "path": held.path,
            "who": slot.who,
            "priority": level,
            "value": slot.value,
        }
        record = Record().step(now, "ended", **step, words=words, by=by, why=why)
        record.keep(drop_slot(held.path, level))
        if command is not None:
            ended = replace(command)
            ended.move(State.ENDED, now, words)
            record.keep(put_command(ended))
        await self.sender.put(record)
        held.array.relinquish(level)
        held.version += 1
        if command is not None:
            command.move(State.ENDED, now, words)
            self.commands.pop(command.id, None)
            if held.awaiting is command:
                self.sender.forget(held)
        if top[0] == level:
            self._desire_next(held)
            await self.settle(held)

    async def settle(self, held: Held) -> None:
        """Send what should be there now: the strongest command, or the value before; under the point's lock."""
        while (command := self._next(held)) is not None:
            recorded = False
            try:
                self.check_way(held, command.value)
                recorded = True
                written = await self.sender.send(held, command, Record())
            except Refusal as refusal:
                self._withhold(held, command, refusal, tried=recorded)
                return
            held.owed = None
            if written.done is not Done.REFUSED:
                if command.priority == RESTORE:
                    self._forget_before(held)
                return
            self._reject(held, command, written.words)
        held.owed = None

    def take_over(self, held: Held) -> None:
        """Go on with a point as a process before this one left it."""
        now, top = self._clock.now_ns(), held.array.strongest()
        command = self.commands.get(top[1].command) if top else None
        if top is not None:
            self._differences.want(held.policy, top[1].value)
        if (top is None and held.has_before) or (command and command.state is State.WAITING):
            held.owed = held.owed or Owed("not sent before barrio stopped", now, now)
        elif command is not None and command.state in {State.WRITTEN, State.UNKNOWN}:
            held.sent_at = now
            self.sender.follow(held, command)

    def owe(self, held: Held, words: str, *, tried: bool = False) -> None:
        """Try again later to send what should be there; less and less often what was tried in vain."""
        now = self._clock.now_ns()
        owed = held.owed = held.owed or Owed(words, now, now)
        owed.words, owed.tries = words, owed.tries + tried
        owed.again = now + min(AGAIN_NS * 2 ** min(owed.tries, 8), LONGEST_WAIT_NS)

    def is_due(self, held: Held, now_ns: int) -> bool:
        """Whether something that is owed should be tried now: not while its link is known to be down."""
        if held.owed is None or held.owed.waits(now_ns):
            return False
        words = self._reach(held.path)
        top = held.array.strongest()
        command = held.restoring if top is None else self.commands.get(top[1].command)
        if not words or command is None:
            return True
        self._withhold(
            held, command, Refusal(Why.LINK_DOWN, f"{held.path} cannot be reached: {words}"), tried=False
        )
        return False

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
        found = Command(*(self.number(), held.path, value, SELF, (), words, RESTORE, State.WAITING, now, now))
        self.commands[found.id] = found
        return found

    def _leave(self, held: Held) -> None:
        """Leave a point as it is: its rule says so, or nobody knows what was there before."""
        now, path = self._clock.now_ns(), held.path
        unknown = held.policy.rule.release != "none"
        words = "no value before is known" if unknown else "its rule leaves the value as it is"
        record = Record().step(now, "left", path=path, who=SELF, words=words)
        self._scribe.later(record.keep(undesire(path, now)))
        self._forget_before(held)

    def _withhold(self, held: Held, command: Command, refusal: Refusal, *, tried: bool) -> None:
        """Note that what should be sent is not sent for now; said once, when it is more than a short absence."""
        now = self._clock.now_ns()
        if (command.state, command.words) != (State.WAITING, refusal.words):
            command.move(State.WAITING, now, refusal.words)
            self._scribe.later(Record().keep(put_command(command)))
        self.owe(held, refusal.words, tried=tried)
        if held.owed is not None and not held.owed.said and now - held.owed.since >= UNSAID_NS:
            held.owed.said = True
            self.sender.say("withheld", command, words=refusal.words)

    def _reject(self, held: Held, command: Command, words: str) -> None:
        """Give up what a device does not take: the next one is tried."""
        now, record = self._clock.now_ns(), Record()
        command.move(State.REJECTED, now, words)
        record.step(now, "rejected", **facts(command), words=words).keep(put_command(command))
        if command.priority == RESTORE:
            held.restoring = None
            self._forget_before(held)
        else:
            held.array.relinquish(command.priority)
            record.keep(drop_slot(command.path, command.priority))
        self.commands.pop(command.id, None)
        self._scribe.later(record)
        self._desire_next(held)

    def _forget_before(self, held: Held) -> None:
        held.before, held.has_before = None, False
        self._differences.forget(held.path)
        self._scribe.later(Record().keep(drop_before(held.path)))

    # --- small things ---------------------------------------------------------------------------------------

    def _written(self, held: Held, command: Command) -> None:
        """End what brought the value before back, once its write is over: it holds nothing."""
        if command.priority == RESTORE:
            held.restoring = None
            self._end(command, "the value before was sent")
            self._scribe.later(Record().keep(undesire(command.path, self._clock.now_ns())))

    def _shown_before(self, held: Held) -> Value | None:
        """Return the value to go back to: what the device shows, or what it is just being brought back to."""
        return self._reported.of(held.path) if held.restoring is None else held.restoring.value

    def _end_replaced(self, replaced: Slot | None, command: Command) -> None:
        if replaced is not None and (other := self.commands.get(replaced.command)):
            self._end(other, f"command {command.id} of {command.who} took its place")

    def _end(self, command: Command, words: str) -> None:
        command.move(State.ENDED, self._clock.now_ns(), words)
        self.commands.pop(command.id, None)
        self.sender.say("ended", command, words=words)

    def _desire_next(self, held: Held) -> None:
        """Say what is desired of a point after a level was given back."""
        top, now = held.array.strongest(), self._clock.now_ns()
        if top is not None:
            self._desires(held, *top)
        elif held.has_before and held.before is not None and held.policy.rule.release == "restore":
            self._desires(held, RESTORE, Slot(0, held.before, SELF, now))
        else:
            self._differences.forget(held.path)
            self._scribe.later(Record().keep(undesire(held.path, now)))

    def _desires(self, held: Held, level: int, slot: Slot) -> None:
        held.difference_said = False
        self._differences.want(held.policy, slot.value)
        self._scribe.later(Record().keep(*desire(held.path, slot, level, self._clock.now_ns())))
