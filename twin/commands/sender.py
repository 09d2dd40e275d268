"""One write: on the disk before the device is asked, and followed until the device shows the value, or does not.

A write that may have happened is never sent again by itself.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from twin.clock import NS
from twin.commands.command import Done, Refusal, State, Why
from twin.commands.journal import put_command
from twin.commands.scribe import Record
from twin.commands.values import same, words_of
from twin.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from twin.clock import Clock
    from twin.commands.command import Command, Written
    from twin.commands.held import Held
    from twin.commands.reported import Reported
    from twin.commands.scribe import Scribe
    from twin.commands.values import Value

    Write = Callable[[str, Value], Awaitable[Written]]

MOST_WRITES = 64
"""Writes at once that people asked for, and as many again of programmes and returns: neither waits for the other."""


class Sender:
    """Writes to devices, and reads back from what they report; `settled` is told when a write is over."""

    def __init__(
        self,
        reported: Reported,
        scribe: Scribe,
        write: Write,
        clock: Clock,
        settled: Callable[[Held, Command], None],
    ) -> None:
        self.awaiting: dict[str, Held] = {}
        self._reported = reported
        self._scribe = scribe
        self._write = write
        self._clock = clock
        self._settled = settled
        self._rooms = {own: asyncio.Semaphore(MOST_WRITES) for own in (False, True)}

    async def send(self, held: Held, command: Command, record: Record) -> Written:
        """Put on record that a command is sent, send it, note what became of it; Refusal when nothing was sent."""
        now, stood = self._clock.now_ns(), command.state
        command.move(State.SENDING, now)
        record.step(now, "sending", **facts(command)).keep(put_command(command))
        try:
            await self.put(record)
        except Refusal:
            command.state = stood
            raise
        self.forget(held)
        async with self._rooms[command.of_barrio]:
            held.sent_at = self._clock.now_ns()
            try:
                written = await self._write(command.path, command.value)
            except TransientError as error:
                command.state = stood
                self.say("not_sent", command, words=error.words)
                raise Refusal(Why.LINK_DOWN, f"{command.path}: nothing was sent: {error.words}") from error
        if written.done is not Done.REFUSED:
            self._note(held, command, written)
        return written

    def follow(self, held: Held, command: Command) -> None:
        """Watch what the device reports for what was written to it."""
        if held.policy.point.readable:
            command.deadline = self._clock.now_ns() + round(held.policy.rule.read_back.within * NS)
            held.awaiting = command
            self.awaiting[held.path] = held

    def forget(self, held: Held) -> None:
        """Follow the last write of a point no more."""
        held.awaiting = None
        self.awaiting.pop(held.path, None)

    def watch(self, now_ns: int) -> None:
        """Look whether devices show what was written to them."""
        for held in list(self.awaiting.values()):
            command = held.awaiting
            if command is not None and self._is_over(held, command, now_ns):
                self.forget(held)
                self._settled(held, command)

    def say(self, step: str, command: Command, **more: Any) -> None:
        """Put a step that was taken on record, and how the command stands."""
        record = Record().step(self._clock.now_ns(), step, **facts(command) | more)
        self._scribe.later(record.keep(put_command(command)))

    async def put(self, record: Record) -> None:
        """Return when a record is on the disk; Refusal when it cannot be."""
        try:
            await self._scribe.put(record)
        except TransientError as error:
            words = f"it cannot be put on record, so it is not done: {error.words}"
            raise Refusal(Why.NOT_RECORDED, words) from error

    def _note(self, held: Held, command: Command, written: Written) -> None:
        """Note what a link said of a write, and what the device showed at once."""
        command.read_back = written.read_back
        if written.read_back is not None:
            self._reported.told(held.path, written.read_back, self._clock.now_ns())
        if written.done is Done.UNKNOWN:
            self._change(command, State.UNKNOWN, written.words or "the device did not answer")
            self.follow(held, command)
        elif same(command.value, written.read_back, held.policy.tolerance):
            self._change(command, State.CONFIRMED, written.words)
            self._settled(held, command)
        elif not held.policy.point.readable:
            self._change(command, State.UNCONFIRMED, "the point cannot be read back")
            self._settled(held, command)
        else:
            self._change(command, State.WRITTEN, written.words)
            self.follow(held, command)

    def _is_over(self, held: Held, command: Command, now_ns: int) -> bool:
        """Judge a write by what the device has reported since."""
        shown = self._reported.since(held.path, held.sent_at)
        if same(command.value, shown, held.policy.tolerance):
            command.read_back = shown
            self._change(command, State.CONFIRMED, "")
        elif now_ns < command.deadline:
            return False
        elif command.state is State.UNKNOWN:
            self.say("unknown", command, words="it cannot be told whether the device took it")
        elif shown is not None:
            command.read_back = shown
            self._change(command, State.MISMATCH, f"shows {words_of(held.policy.point, shown)}")
        else:
            within_s = held.policy.rule.read_back.within
            self._change(command, State.UNCONFIRMED, f"nothing was read back within {within_s:g} s")
        return True

    def _change(self, command: Command, state: State, words: str) -> None:
        command.move(state, self._clock.now_ns(), words)
        self.say(state.value, command, words=words, shown=command.read_back)


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
