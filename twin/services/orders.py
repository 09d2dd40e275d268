"""What happens to a request: each step is put on disk, and told to whoever it concerns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.clock import NS
from twin.notify_spec import channel_of
from twin.services import messages
from twin.services.draw import Left
from twin.services.request import UNACKNOWLEDGED, WAITING, Request, State, Step
from twin.services.request_book import Refill

if TYPE_CHECKING:
    from collections.abc import Iterable

    from twin.notify_spec import ChannelSpec
    from twin.services.book import ServiceBook
    from twin.services.kit import Kit
    from twin.services.level import Rise
    from twin.services.tank import TankWatch

BARRIO = "barrio"


class Orders:
    """Takes requests from step to step; `next` is the number of the next one."""

    def __init__(self, books: Iterable[ServiceBook], kit: Kit) -> None:
        self.next = 1
        self._channels: dict[str, ChannelSpec] = {
            channel_of(book.district, one.id): one for book in books for one in book.suppliers
        }
        self._kit = kit

    # --- the way of a request -------------------------------------------------------------------------------

    def open(self, watch: TankWatch, reason: str, now: int, monotonic_s: float) -> None:
        """Open a request for a reason: on disk first, then told to the supplier."""
        rule, level, left = watch.tank.rule, watch.level.now, watch.left
        if level is None:
            return
        allowed_s = rule.needed_within
        hours = None
        if isinstance(left, Left):
            hours = (left.hours, left.low, left.high)
            # Where the margin is more than half of what is left, half of it is kept.
            allowed_s = min(allowed_s, max(left.low * 3600 - rule.margin, left.low * 1800))
        request = Request(
            id=self.next,
            tank=watch.tank.key,
            supplier=rule.supplier,
            what=rule.what or rule.id,
            opened=now,
            deadline=now + round(allowed_s * NS),
            reason=reason,
            level=round(level, 2),
            fill_to=rule.fill_to,
            quantity=watch.quantity(level, rule.fill_to),
            hours=hours,
            low=round(level, 2),
            steps=(Step(now, State.REQUESTED, BARRIO, reason),),
        )
        self.next += 1
        self.keep(watch, request)
        watch.wait_for(request, now, monotonic_s)
        self.tell("requested", watch, request)

    def delivering(self, watch: TankWatch, request: Request, rise: Rise, now: int) -> None:
        """Something arrives."""
        words = f"the level rises: {rise.low:.1f} % to {rise.high:.1f} % so far"
        facts = {
            "low": round(rise.low, 2),
            "rise_began": round(rise.began_s * NS),
            "high": round(rise.high, 2),
        }
        self.keep(watch, request.step(now, State.DELIVERING, BARRIO, words, **facts))

    def delivered(self, watch: TankWatch, rise: Rise, now: int, monotonic_s: float) -> None:
        """What has arrived is all; it is closed when that has lasted."""
        request = watch.request
        if request is None:
            return
        quantity = watch.quantity(rise.low, rise.high)
        words = f"the level rose from {rise.low:.1f} % to {rise.high:.1f} %"
        if quantity is not None:
            asked = "" if request.quantity is None else f", {request.quantity:.1f} m3 were asked for"
            words += f": {quantity:.1f} m3{asked}"
        facts = {"high": round(rise.high, 2), "delivered": quantity}
        found = request.step(now, State.DELIVERED, BARRIO, words, **facts)
        self.keep(watch, found)
        watch.close_s = monotonic_s + watch.tank.rule.steady
        self.tell("delivered", watch, found)

    def close(self, watch: TankWatch, now: int) -> None:
        """Close a request that was delivered."""
        watch.close_s = None
        if watch.request is not None:
            self.end(watch, watch.request.step(now, State.CLOSED, BARRIO, "delivered"))

    def escalate(self, watch: TankWatch, why: str, now: int) -> None:
        """Tell those who have to know that a request is not acknowledged, or not delivered."""
        request = watch.request
        if request is None:
            return
        waited_min = max(0, now - request.opened) / NS / 60
        done = "acknowledged" if why == UNACKNOWLEDGED else "delivered"
        words = f"not {done} after {waited_min:.0f} min"
        if watch.trouble is not None:
            words += f"; the level is not known now: {watch.trouble.meaning}"
        facts = {"escalations": (*request.escalations, why)}
        found = request.step(now, State.ESCALATED, BARRIO, words, **facts)
        self.keep(watch, found)
        self.tell("escalated", watch, found, why)
        self._kit.note("supply_escalated", now, f"request {request.id}: {words}", watch.tank.key)

    def was_false(self, watch: TankWatch, rise: Rise, now: int) -> None:
        """The level only came back to where it was: withdraw what was asked for because of it."""
        words = (
            f"the level fell to {rise.low:.1f} % at once and is back at {rise.high:.1f} %: it was the sensor"
        )
        self._kit.note("level_jumped", now, words, watch.tank.key)
        request = watch.request
        if request is not None and request.state in WAITING and request.opened >= rise.began_s * NS:
            found = request.step(now, State.CANCELLED, BARRIO, words)
            self.end(watch, found)
            self.tell("cancelled", watch, found)

    def refilled(self, watch: TankWatch, rise: Rise, request: int | None, now: int) -> None:
        """Keep a refill; one that nobody asked for is noticed."""
        quantity = watch.quantity(rise.low, rise.high)
        began, ended = round(rise.began_s * NS), round(rise.ended_s * NS)
        refill = Refill(watch.tank.key, began, ended, rise.low, rise.high, quantity, request)
        self._kit.submit(self._kit.journal.requests.refilled, refill)
        if request is None:
            words = f"the level rose from {rise.low:.1f} % to {rise.high:.1f} %"
            words += "" if quantity is None else f", {quantity:.1f} m3"
            self._kit.note("refill_noticed", now, f"{words}: nobody had told of it", watch.tank.key)

    # --- out ------------------------------------------------------------------------------------------------

    def keep(self, watch: TankWatch, request: Request) -> None:
        """Put how a request stands on disk."""
        watch.request = request
        self._kit.submit(self._kit.journal.requests.put, request)

    def end(self, watch: TankWatch, request: Request) -> None:
        """Put a request on disk that has ended, and free its tank."""
        self._kit.submit(self._kit.journal.requests.put, request)
        watch.request, watch.last = None, request
        watch.due, watch.close_s = {}, None

    def tell(self, event: str, watch: TankWatch, request: Request, why: str = "") -> None:
        """Tell the supplier, or who is called when it does not come."""
        rule = watch.tank.rule
        name = rule.escalate_to if event == "escalated" and rule.escalate_to is not None else request.supplier
        channel = channel_of(watch.tank.district, name)
        spec = self._channels.get(channel)
        if spec is None:
            # The supplier of a request from before the files were changed.
            return
        body = messages.body(event, request, watch.tank, spec)
        key = messages.key_of(request.id, f"{event}-{why}" if why else event)
        self._kit.submit(self._kit.outbox.put, channel, f"supply.{event}", body, key)

    def channel(self, request: Request) -> ChannelSpec | None:
        """Return how the supplier of a request is reached, None when the files do not name it any more."""
        return self._channels.get(channel_of(request.tank.partition("/")[0], request.supplier))
