"""Supply requests: opened when a tank runs low, told to its supplier, closed when the level has risen.

- One open request per tank. It is on disk before the supplier can answer, and the notification has a key of its own, so
  that a restart neither forgets a request nor makes a second one.
- Nothing is asked for while the level is bad, silent or has not lasted.
- Who cancels a request, or closes it by hand, is not asked again until the need is over or `needed_within` has passed.
- A level that rises without a request is a refill of which nobody told.
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from itertools import cycle, islice
from typing import TYPE_CHECKING

from twin.clock import NS
from twin.errors import BarrioError
from twin.quality import Reason
from twin.services import messages
from twin.services.draw import Left
from twin.services.level import Rise
from twin.services.orders import BARRIO, Orders
from twin.services.request import WAITING, Request, State
from twin.services.tank import TankWatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from twin.notify_spec import ChannelSpec
    from twin.services.book import ServiceBook
    from twin.services.kit import Kit, Outlet

_LONGEST_H = 99_999.0
_SHORT_H = 10.0
_MOST_AT_ONCE = 25
"""Draws that are estimated in one tick: tanks that are polled together do not hold up the loop together."""


class NotNow(BarrioError):
    """Raised when a request cannot become what is asked: it has ended, or somebody was faster."""


class Supply:
    """All tanks that ask for supply; used in the event loop's thread."""

    def __init__(
        self,
        books: Iterable[ServiceBook],
        ids: Mapping[str, int],
        states: Mapping[str, int],
        kit: Kit,
        out: Outlet,
    ) -> None:
        books = list(books)
        self.tanks = {tank.key: TankWatch(tank, ids) for book in books for tank in book.tanks}
        self.by_series = {watch.level_id: watch for watch in self.tanks.values()}
        self._turns = cycle(list(self.tanks.values()))
        self._orders = Orders(books, kit)
        self._districts = {book.district for book in books}
        self._states = states
        self._kit = kit
        self._out = out

    # --- start ----------------------------------------------------------------------------------------------

    def restore(self, newest: int, lasts: Sequence[Request]) -> None:
        """Go on with what the journal holds: the highest number that was given, and the last request of each tank.

        What the supplier may not have been told before a crash is put into the outbox again, under the same key.
        """
        self._orders.next = newest + 1
        now, monotonic_s = self._kit.clock.now_ns(), self._kit.clock.monotonic_s()
        for request in lasts:
            watch = self.tanks.get(request.tank)
            if watch is None:
                self._orphan(request, now)
                continue
            if not request.is_open:
                self._hold(watch, request, now, monotonic_s)
                continue
            watch.wait_for(request, now, monotonic_s)
            if request.state is State.DELIVERING:
                began_s, high = request.rise_began / NS, max(request.high, request.low)
                watch.level.resume(Rise(request.low, began_s, high, now / NS, over=False))
            elif request.state is State.DELIVERED:
                watch.close_s = monotonic_s + watch.tank.rule.steady
            if request.state is State.REQUESTED and not request.sent:
                self._orders.tell("requested", watch, request)
        for watch in self.tanks.values():
            watch.trouble = self._kit.trouble(watch.level_id)

    def _orphan(self, request: Request, now: int) -> None:
        """Close the request of a tank that a district of ours does not have any more."""
        if request.is_open and request.tank.partition("/")[0] in self._districts:
            found = request.step(now, State.CLOSED, BARRIO, "no rule is about this tank any more")
            self._kit.submit(self._kit.journal.requests.put, found)

    @staticmethod
    def _hold(watch: TankWatch, request: Request, now: int, monotonic_s: float) -> None:
        """Do not ask again at once where people had ended the request."""
        watch.last = request
        if request.steps and request.steps[-1].who != BARRIO:
            left_s = watch.tank.rule.needed_within - max(0, now - request.ended) / NS
            watch.held_until_s = monotonic_s + left_s

    # --- readings -------------------------------------------------------------------------------------------

    def take(self, series: int, now: int, monotonic_s: float) -> None:
        """Take the newest reading of a level."""
        watch, live = self.by_series[series], self._kit.live
        trouble = self._kit.trouble(series)
        if trouble is not None:
            watch.lose(trouble)
            return
        volume = None
        if watch.volume_id is not None and self._kit.trouble(watch.volume_id) is None:
            volume = self._kit.value(watch.volume_id)
        rise = watch.read(int(live.received[series]) / NS, self._kit.value(series), volume)
        if rise is not None:
            self._rises(watch, rise, now, monotonic_s)
        if watch.request is not None and watch.arrives(monotonic_s):
            self._arrives(watch, now, monotonic_s)
        reason = watch.asks(monotonic_s) if watch.request is None else ""
        if reason:
            self._orders.open(watch, reason, now, monotonic_s)

    def tick(self, now: int, monotonic_s: float) -> None:
        """Look at everything that comes with time: silence, escalations, closing; say hours left and state."""
        self._refresh()
        for watch in self.tanks.values():
            trouble = self._kit.trouble(watch.level_id)
            if trouble is not None and trouble != watch.trouble:
                watch.lose(trouble)
            for why in watch.overdue(monotonic_s):
                self._orders.escalate(watch, why, now)
            if watch.close_s is not None and monotonic_s >= watch.close_s:
                self._orders.close(watch, now)
            self._say(watch, monotonic_s)

    def _refresh(self) -> None:
        """Estimate draws that are stale, the tanks taking turns."""
        stale = (watch for watch in islice(self._turns, len(self.tanks)) if watch.level.stale)
        for watch in islice(stale, _MOST_AT_ONCE):
            watch.level.refresh()

    def _say(self, watch: TankWatch, monotonic_s: float) -> None:
        left = watch.left
        if isinstance(left, Left):
            hours = min(left.hours, _LONGEST_H)
            self._out.put(watch.hours_id, _rounded(hours), monotonic_s)
        else:
            quality = Reason.UNDEFINED if watch.trouble is None else Reason.INPUT_MISSING
            self._out.put(watch.hours_id, float("nan"), monotonic_s, quality, left.words)
        state = "normal" if watch.request is None else str(watch.request.state)
        self._out.put(watch.state_id, float(self._states[state]), monotonic_s)

    # --- the way of a request -------------------------------------------------------------------------------

    def _rises(self, watch: TankWatch, rise: Rise, now: int, monotonic_s: float) -> None:
        request = watch.request
        if rise.false:
            self._orders.was_false(watch, rise, now)
        elif not rise.over and request is not None and request.state in WAITING:
            if watch.tank.rule.delivered_when.level_rises is not None:
                self._orders.delivering(watch, request, rise, now)
        elif rise.over:
            self._orders.refilled(watch, rise, None if request is None else request.id, now)
            if request is not None and request.state is State.DELIVERING:
                self._orders.delivered(watch, rise, now, monotonic_s)

    def _arrives(self, watch: TankWatch, now: int, monotonic_s: float) -> None:
        """The level is where it should be, by a rise that goes on, or one that nobody could see."""
        request, level = watch.request, watch.level.now
        if request is None or level is None:
            return
        rise = watch.level.rise or Rise(request.low, now / NS, level, now / NS, over=False)
        self._orders.delivering(watch, request, rise, now)
        if watch.level.rise is None:
            self._orders.refilled(watch, rise, request.id, now)
            self._orders.delivered(watch, rise, now, monotonic_s)

    # --- people and suppliers -------------------------------------------------------------------------------

    def open_request(self, number: int) -> Request | None:
        """Return an open request by its number."""
        watch = self._watch_of(number)
        return None if watch is None else watch.request

    def channel(self, request: Request) -> ChannelSpec | None:
        """Return how the supplier of a request is reached, None when the files do not name it any more."""
        return self._orders.channel(request)

    def acknowledge(self, number: int, who: str, reference: str = "", words: str = "") -> Request:
        """Acknowledge an open request; a second time changes nothing. NotNow when it is not open."""
        watch, request = self._open_one(number)
        if request.acknowledged:
            return request
        now = self._kit.clock.now_ns()
        state = State.ACKNOWLEDGED if request.may(State.ACKNOWLEDGED) else request.state
        said = words or ("acknowledged" + (f", reference {reference}" if reference else ""))
        facts = {"acknowledged": now, "reference": reference, "sent": request.sent or now}
        found = request.step(now, state, who, said, **facts)
        self._orders.keep(watch, found)
        return found

    def cancel(self, number: int, who: str, words: str = "") -> Request:
        """Cancel an open request and tell the supplier. NotNow when it cannot be cancelled any more."""
        return self._by_hand(number, State.CANCELLED, who, words or "cancelled")

    def close(self, number: int, who: str, words: str = "") -> Request:
        """Close an open request by hand. NotNow when it is not open."""
        return self._by_hand(number, State.CLOSED, who, words or "closed by hand")

    def answered(self, key: str, status: int, body: str) -> None:
        """Take what a channel answered to a notification: `key` is ours, `status` that of HTTP (0: not by HTTP)."""
        number = messages.request_of(key)
        watch = None if number is None else self._watch_of(number)
        if watch is None or watch.request is None or not key.endswith("/requested"):
            return
        if status and not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return
        request = watch.request
        if not request.sent:
            request = replace(request, sent=self._kit.clock.now_ns())
            self._orders.keep(watch, request)
        reference = messages.acknowledgement(body)
        if reference is not None:
            self.acknowledge(request.id, request.supplier, reference)

    def _by_hand(self, number: int, state: State, who: str, words: str) -> Request:
        watch, request = self._open_one(number)
        if not request.may(state):
            raise NotNow(f"request {number} is {request.state}: it cannot become {state}")
        now = self._kit.clock.now_ns()
        found = request.step(now, state, who, words)
        self._orders.end(watch, found)
        watch.held_until_s = self._kit.clock.monotonic_s() + watch.tank.rule.needed_within
        if state is State.CANCELLED:
            self._orders.tell("cancelled", watch, found)
        return found

    def _open_one(self, number: int) -> tuple[TankWatch, Request]:
        watch = self._watch_of(number)
        if watch is None or watch.request is None:
            raise NotNow(f"request {number} is not open")
        return watch, watch.request

    def _watch_of(self, number: int) -> TankWatch | None:
        return next(
            (one for one in self.tanks.values() if one.request is not None and one.request.id == number), None
        )


def _rounded(hours: float) -> float:
    """Return hours to two figures below 10 and whole ones above, so that seconds are not none."""
    return float(f"{hours:.2g}") if hours < _SHORT_H else float(round(hours))
