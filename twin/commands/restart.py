"""What a new process makes of what the one before it left, whenever that ended.

- A command that stood as `sending` may have been carried out or not: it is `unknown`, is never sent again by itself,
  and what the device reports tells.
- A command that waited for a confirmation has expired.
- Who held a point holds it still, with the lease that was given; one that is over is given back at once.
- What no rule or programme of `commands.yaml` covers any more is let go, without a write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.commands.command import State
from twin.commands.journal import drop_before, drop_slot, put_command, undesire
from twin.commands.scribe import Record
from twin.commands.sender import facts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from twin.commands.book import Policy
    from twin.commands.carrier import Carrier
    from twin.commands.command import Command
    from twin.commands.journal import Kept


def resume(
    kept: Kept,
    carrier: Carrier,
    policies: Mapping[str, Policy],
    scheduled: Collection[tuple[str, int, str]],
    now: int,
) -> Record:
    """Fill a carrier with what was kept; returns what goes on record.

    `scheduled` are `(path, priority, who)` of everything that a programme may hold.
    """
    carrier.last_id = kept.last
    record = Record().step(now, "started", words=f"{len(kept.slots)} levels are held")
    gone = dict(_take_levels(kept, carrier, policies, record, now, scheduled))
    for command in kept.commands:
        _take_command(command, carrier, record, now, gone.get(command.id, ""))
    for held in carrier.points.values():
        carrier.take_over(held)
    return record


def _take_levels(
    kept: Kept,
    carrier: Carrier,
    policies: Mapping[str, Policy],
    record: Record,
    now: int,
    scheduled: Collection[tuple[str, int, str]],
) -> Iterator[tuple[int, str]]:
    """Take over who holds what; yields the commands that hold nothing any more, and why."""
    for path, value in kept.before:
        policy = policies.get(path)
        if policy is None:
            record.keep(drop_before(path), undesire(path, now))
        else:
            held = carrier.hold(policy)
            held.before, held.has_before = value, True
    of_schedule = {command.id for command in kept.commands if command.of_schedule}
    for path, level, slot in kept.slots:
        policy = policies.get(path)
        if policy is None:
            record.keep(drop_slot(path, level), undesire(path, now))
            yield slot.command, "no rule covers it any more"
        elif slot.command in of_schedule and (path, level, slot.who) not in scheduled:
            record.keep(drop_slot(path, level))
            carrier.hold(policy)
            yield slot.command, "no schedule covers it any more"
        else:
            carrier.hold(policy).array.put(level, slot)


def _take_command(command: Command, carrier: Carrier, record: Record, now: int, gone: str) -> None:
    held = carrier.points.get(command.path)
    holds = held is not None and any(slot.command == command.id for _, slot in held.array)
    if command.state is State.PREPARED:
        command.move(State.EXPIRED, now, "barrio was started again before it was confirmed")
        record.step(now, "expired", **facts(command), words=command.words)
    elif command.state is State.SENDING:
        words = "barrio stopped while it was sent: it is not known whether the device took it"
        command.move(State.UNKNOWN, now, words)
        record.step(now, "interrupted", **facts(command), words=words)
    elif not holds:
        words = gone or "barrio stopped before it was over"
        command.move(State.ENDED, now, words)
        record.step(now, "ended", **facts(command), words=words)
    if holds:
        carrier.commands[command.id] = command
    record.keep(put_command(command))
