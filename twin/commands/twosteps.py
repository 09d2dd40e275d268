"""Commands of two steps: prepared with a code that is good once and for a short time, then confirmed or not."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twin.clock import NS
from twin.commands.command import Asked, Command, Refusal, State, Why
from twin.commands.journal import put_command
from twin.commands.scribe import Record
from twin.commands.sender import facts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from twin.clock import Clock
    from twin.commands.book import Policy
    from twin.commands.held import Held
    from twin.commands.scribe import Scribe
    from twin.commands.sender import Sender

MOST_PREPARED = 1_000
MOST_TRIES = 3
_CODES = 1_000_000


@dataclass(frozen=True, slots=True)
class Prepared:
    """A command that waits for its confirmation; `version` is that of its point when it was asked for.

    It ends at its deadline or, where the wall clock was set back, at `ends_s` of the clock that nobody can set.
    """

    command: Command
    asked: Asked
    version: int
    ends_s: float


class TwoSteps:
    """The commands that wait for a confirmation, and those that are just being confirmed."""

    def __init__(self, scribe: Scribe, sender: Sender, clock: Clock) -> None:
        self._waiting: dict[int, Prepared] = {}
        self._under_way: dict[int, Command] = {}
        self._scribe = scribe
        self._sender = sender
        self._clock = clock

    def find(self, number: int) -> Command | None:
        """Return a command that waits, or is being confirmed; None when there is none."""
        found = self._waiting.get(number)
        return found.command if found else self._under_way.get(number)

    def get(self, number: int) -> Prepared | None:
        """Return what waits for a confirmation, None when it does not any more."""
        return self._waiting.get(number)

    async def prepare(self, held: Held, command: Command, asked: Asked) -> None:
        """Let a command wait for its confirmation; Refusal when it cannot."""
        confirm = held.policy.rule.confirm
        if len(self._waiting) >= MOST_PREPARED or confirm is None:
            raise Refusal(Why.BUSY, f"{MOST_PREPARED} commands wait for a confirmation already")
        now = self._clock.now_ns()
        command.deadline = now + round(confirm.within * NS)
        command.move(State.PREPARED, now, f"to be confirmed within {confirm.within:g} s")
        record = Record().step(now, "prepared", **facts(command), words=command.words)
        await self._sender.put(record.keep(put_command(command)))
        command.code = f"{secrets.randbelow(_CODES):06d}"
        self._waiting[command.id] = Prepared(
            command, asked, held.version, self._clock.monotonic_s() + confirm.within
        )

    def check(self, command: Command, policy: Policy, code: str, who: str) -> None:
        """Refusal when a confirmation comes too late, from the wrong person, or with the wrong code."""
        rule = policy.rule.confirm
        if self._is_over(self._waiting[command.id], self._clock.now_ns()):
            self.drop(command, State.EXPIRED, "nobody confirmed it in time")
            within_s = rule.within if rule else 0.0
            words = f"command {command.id} was to be confirmed within {within_s:g} s: ask again"
            raise Refusal(Why.TOO_LATE, words)
        if rule is not None and rule.second_person and _same_person(who, command.who):
            self._say(command, "not_confirmed", by=who, reason=Why.SECOND_PERSON.value)
            words = f"command {command.id} is confirmed by somebody else than {command.who}"
            raise Refusal(Why.SECOND_PERSON, words)
        if not secrets.compare_digest(code.strip().encode(), command.code.encode()):
            command.tries += 1
            self._say(command, "not_confirmed", by=who, reason=Why.WRONG_CODE.value)
            left = MOST_TRIES - command.tries
            if not left:
                self.drop(command, State.CANCELLED, f"{MOST_TRIES} wrong codes")
            words = f"this is not the code of command {command.id}: "
            raise Refusal(
                Why.WRONG_CODE,
                words + (f"{left} more {'try' if left == 1 else 'tries'}" if left else "it is cancelled"),
            )

    def begin(self, command: Command, who: str) -> None:
        """Take a command that was confirmed: nobody else can confirm it."""
        del self._waiting[command.id]
        command.code, command.confirmed_by = "", who
        self._under_way[command.id] = command

    def end(self, command: Command) -> None:
        """Note that a confirmed command was carried out, or refused."""
        self._under_way.pop(command.id, None)

    def drop(self, command: Command, state: State, words: str) -> None:
        """Let a command wait no more."""
        self._waiting.pop(command.id, None)
        command.code = ""
        command.move(state, self._clock.now_ns(), words)
        self._say(command, state.value, words=words)

    def expire(self, now_ns: int) -> None:
        """Drop what nobody confirmed in time."""
        late: Iterable[Command] = [
            one.command for one in self._waiting.values() if self._is_over(one, now_ns)
        ]
        for command in late:
            self.drop(command, State.EXPIRED, "nobody confirmed it in time")

    def _is_over(self, prepared: Prepared, now_ns: int) -> bool:
        return now_ns >= prepared.command.deadline or self._clock.monotonic_s() >= prepared.ends_s

    def _say(self, command: Command, step: str, **more: Any) -> None:
        record = Record().step(self._clock.now_ns(), step, **facts(command) | more)
        self._scribe.later(record.keep(put_command(command)))


def _same_person(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()
