"""One run of a link: polls in their slots, writes between two polls, redials, and says who is silent.

The usual poll runs in callbacks: a timer sends the request, the answer is decoded where it arrives, handed over and the
next timer set, which costs no task a wake-up. Everything that must wait (dialling, a write, a sink without room) is
done by the one task of the link: a callback calls for it and nothing is asked meanwhile. So there is never more than
one request on its way, and never a second task that writes to the connection.

- A device that refuses a block gives bad readings for it or, where the plan learns from it, is asked anew at once.
- A unit that does not answer is reported silent. Where a second connection does no harm the `Scout` looks for it from
  then on, so that its neighbours do not wait for it; else it is asked again now and then, with less patience.
- When no unit answers, or no connection can be made, the session ends with `TransientError`.
- A connection that the peer closed between two polls is made anew without a word: many devices do that.
- Where answers have no number, a unit that missed one is first asked for another number of registers than it was: its
  late answer cannot pass for the new one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from connectors.modbus.client import NEVER_QUIET
from connectors.modbus.delivery import delivered
from connectors.modbus.pdu import ConnectionLost, Refused, Unanswered
from connectors.modbus.polling import Slots
from connectors.modbus.reader import Readers, set_aside
from connectors.modbus.scout import Scout
from connectors.modbus.writing import Order
from twin.errors import TransientError
from twin.frame import Frame
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Sequence

    from connectors.base import Sink
    from connectors.modbus.client import Answer, Connection
    from connectors.modbus.polling import Poll, Unit
    from connectors.modbus.reader import Reader
    from connectors.modbus.transport import Dialler

MOST_REFUSALS = 32
"""Requests that one poll may have refused while the plan learns; then its neighbours have their turn."""

_EARLY_S = 0.0005
"""A timer may wake this much too early."""


class Session:
    """One run of a link; `run` once."""

    def __init__(self, dialler: Dialler, units: Sequence[Unit], sink: Sink) -> None:
        self.units = units
        self.slowest_s = 0.0
        self._dialler = dialler
        self._sink = sink
        self._loop = asyncio.get_running_loop()
        self._connection: Connection | None = None
        self._was_cut = False
        self._scout = Scout(
            dialler, self._found, self._still_silent, self._return, self._patience_s, self._witness
        )
        self._shares = dialler.way.shares_one_line
        self.is_up = False
        self._slots: Slots
        self._readers: Readers
        self._orders: list[Order] = []
        self._rests: list[Coroutine[object, object, None]] = []
        self._attention: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        # The poll under way, its question and when that was asked.
        self._poll: Poll | None = None
        self._reader: Reader
        self._asked_at = 0.0
        self._is_check = False

    async def run(self) -> None:
        """Poll until cancelled; `TransientError` when the peer is away or no unit behind it answers."""
        try:
            await self._dial()
            self._line_up()
            while True:
                self._attention = self._loop.create_future()
                self._next()
                await self._attention
                await self._attend()
        finally:
            await self._stop()

    def enqueue(self, order: Order) -> None:
        """Carry out a write between two polls, as soon as the answer that is awaited has come."""
        self._orders.append(order)
        if self._timer is not None:
            self._call_task()

    # What the task does.

    async def _dial(self) -> None:
        self._close()
        self._was_cut = False
        self._connection = await self._dialler.dial()

    def _line_up(self) -> None:
        self._slots = Slots(self.units, self._loop.time())
        self._readers = Readers(2 * self._slots.requests + 16)

    async def _attend(self) -> None:
        while self._rests:
            await self._rests.pop(0)
        while self._orders:
            await self._carry_out(self._orders.pop(0))
        if self._connection is None or not self._connection.alive:
            if self._scout.is_connected and (self._was_cut or self._connection is not None):
                # The peer takes one connection, and the newest wins: the scout would cut us off again and again.
                self._scout.stand_down()
            await self._dial()

    async def _carry_out(self, order: Order) -> None:
        if order.is_void:
            return
        try:
            if self._connection is None or not self._connection.alive:
                await self._dial()
        except TransientError as error:
            order.fail(error)
            raise
        if self._connection is None:
            return
        unanswered = await order.carry_out(self._connection, check=self._shares and order.unit.unsure)
        if unanswered is not None:
            order.unit.unsure = True
            self._renew_after(unanswered)

    async def _stop(self) -> None:
        self._cancel_timer()
        self._close()
        for order in self._orders:
            order.fail(TransientError(self._dialler.way.name, "the link is down, nothing was sent"))
        for rest in self._rests:
            rest.close()
        if self._attention is not None and self._attention.done() and not self._attention.cancelled():
            self._attention.exception()
        await self._scout.end()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # What callbacks do.

    def _call_task(self) -> None:
        self._cancel_timer()
        if self._attention is not None and not self._attention.done():
            self._attention.set_result(None)

    def _guarded(self, step: Callable[..., None], *given: Answer) -> None:
        """Take a step; whatever it raises is raised by `run`, since a callback has nobody to raise it to."""
        try:
            step(*given)
        except Exception as error:  # noqa: BLE001 (raised again by run, TransientError and bugs alike)
            if self._attention is not None and not self._attention.done():
                self._attention.set_exception(error)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake(self) -> None:
        self._timer = None
        self._guarded(self._next)

    def _next(self) -> None:
        """Go on with the poll under way, begin the next one that is due, or set the timer for it."""
        if self._poll is not None:
            self._ask()
            return
        if self._orders:
            self._call_task()
            return
        due = self._slots.next_due()
        if due - self._loop.time() > _EARLY_S:
            self._timer = self._loop.call_at(min(due, self._loop.time() + 3600), self._wake)
            return
        self._poll = self._slots.take()
        self._ask()

    def _ask(self) -> None:
        """Send the next request of the poll under way, once the connection is there and free."""
        poll, connection = self._poll, self._connection
        if self._rests or self._orders:
            self._call_task()
            return
        if poll is None or not poll.pending:
            self._end_poll()
            self._next()
            return
        if connection is None or not connection.alive:
            self._call_task()
            return
        now = self._loop.time()
        if connection.ready_at > now:
            self._wait_for_quiet(poll, connection, now)
            return
        unit = poll.unit
        reader = self._reader = self._readers.of(unit, poll.pending[0])
        self._is_check = self._shares and unit.unsure
        self._asked_at = now
        request = reader.check(unit) if self._is_check else reader.request
        connection.start(request, self._patience_s(unit), self._answered)

    def _wait_for_quiet(self, poll: Poll, connection: Connection, now: float) -> None:
        if now > max(poll.due, self._asked_at) + self._dialler.timeout_s + connection.quiet_s:
            raise TransientError(connection.peer, NEVER_QUIET)
        self._timer = self._loop.call_at(connection.ready_at, self._wake)

    def _answered(self, answer: Answer) -> None:
        self._guarded(self._take, answer)

    def _take(self, answer: Answer) -> None:
        poll = self._poll
        if poll is None:
            return
        unit = poll.unit
        if isinstance(answer, Unanswered):
            self._missed(poll, answer)
        elif self._is_check:
            unit.unsure = False
        elif isinstance(answer, Refused):
            self._refused(poll, answer)
        else:
            poll.read.append(poll.pending.pop(0))
            received = self._sink.now_ns()
            unit.plan.answered(self._reader.block, received)
            self._heard(unit)
            self._deliver(self._reader.frame(answer, received))
        self._ask()

    def _heard(self, unit: Unit) -> None:
        self.slowest_s = max(self.slowest_s, self._loop.time() - self._asked_at)
        unit.misses = 0
        if not self.is_up:
            self.is_up = True
            self._sink.up()
        if unit.tells_set_aside:
            unit.tells_set_aside = False
            self._tell_set_aside(unit, None)

    def _refused(self, poll: Poll, refusal: Refused) -> None:
        unit, received = poll.unit, self._sink.now_ns()
        block = poll.pending.pop(0)
        aside = unit.plan.refused(block, refusal.code, received)
        self._heard(unit)
        if aside is None:
            self._deliver(self._reader.refused(refusal.words, received))
            return
        poll.refusals += 1
        if aside:
            self._tell_set_aside(unit, {block.points[at].id for at in aside})
        if poll.refusals < MOST_REFUSALS:
            poll.replan()

    def _tell_set_aside(self, unit: Unit, ids: Collection[int] | None) -> None:
        frame = set_aside(unit, ids, self._sink.now_ns())
        if frame is not None:
            self._deliver(frame)

    def _missed(self, poll: Poll, error: Unanswered) -> None:
        unit, connection = poll.unit, self._connection
        self._renew_after(error)
        if isinstance(error, ConnectionLost) and connection is not None and connection.answered:
            # Closed since it last answered: reading twice does no harm, and the new one has not answered yet.
            return
        poll.pending.clear()
        unit.unsure = True
        self._still_silent(unit, error, self._asked_at)
        if all(other.misses for other in self.units):
            raise TransientError(error.peer, error.words) from error
        if not self._shares and not self._scout.is_useless:
            self._scout.look_for(unit, self._readers.of(unit, unit.plan.any_block))

    def _renew_after(self, error: Unanswered) -> None:
        """Leave a connection whose answers may come late; a line has no other to offer, it is let go quiet."""
        self._was_cut = isinstance(error, ConnectionLost)
        if error.spoils_connection and self._connection is not None and not self._connection.is_line:
            self._close()

    def _end_poll(self) -> None:
        poll, self._poll = self._poll, None
        if poll is not None:
            self._slots.put_back(poll, self._loop.time())

    def _deliver(self, frame: Frame) -> None:
        rest = delivered(self._sink.submit(frame))
        if rest is not None:
            self._rests.append(rest)

    # What the scout asks and says.

    def _patience_s(self, unit: Unit) -> float:
        return unit.patience_s(self.slowest_s, in_line=not unit.is_sought)

    def _found(self, unit: Unit, reader: Reader, answer: bytes | Refused) -> None:
        """Take the answer of a unit that is back, and poll it at once, whatever its period."""
        unit.misses, unit.ask_from = 0, 0.0
        if isinstance(answer, bytes):
            self._deliver(reader.frame(answer, self._sink.now_ns()))
        self._return(unit)

    def _witness(self) -> Reader | None:
        """Return what a unit is asked for that answers, None while there is none."""
        known = next((unit for unit in self.units if not unit.misses), None)
        return self._readers.of(known, known.plan.any_block) if known else None

    def _return(self, unit: Unit) -> None:
        """Ask a unit between the others again, as soon as it may be asked."""
        unit.is_sought = False
        self._slots.move(unit, max(unit.ask_from, self._loop.time()))
        if self._poll is None and self._timer is not None:
            self._cancel_timer()
            self._guarded(self._next)

    def _still_silent(self, unit: Unit, error: TransientError, asked_at: float) -> None:
        unit.missed(asked_at, self._loop.time())
        # Its silence hides what was told of them.
        unit.tells_set_aside = True
        self._sink.silent(unit.ids, Reason.NO_ANSWER, error.words)
