"""The alarms of a running platform: decided with every flush of readings and on the tick of a clock.

One step: look at all conditions (`conditions`), let delays begin and end (`columns`), find what is the cause of what
(`causes`), then bring each alarm that is concerned from its state to the next (`register`), write that down (`journal`)
and tell whoever wants to know (`notices`). The cost of a step depends on how many alarms there are and how many of them
change, not on how many readings came.

Delays, silence and waiting for causes are measured on the monotonic clock, so that a wall clock that somebody sets
neither ends nor prolongs them. Times that people read, and the end of shelving, are those of the wall clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.alarms.alarm import everything
from twin.alarms.causes import NOBODY, Causes, Groups
from twin.alarms.change import Change
from twin.alarms.columns import ACTIVE, NEVER, NORMAL, SHELVED, SUPPRESSED
from twin.alarms.conditions import Now, parts_of
from twin.alarms.desk import Desk
from twin.alarms.links import LinkAlarms
from twin.alarms.notices import Notices
from twin.alarms.register import Register
from twin.alarms.scribe import Scribe
from twin.alarms.states import STATES, Happening, State
from twin.alarms.telling import Teller
from twin.clock import NS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from twin.alarms.alarm import Alarm, Key
    from twin.alarms.book import AlarmBook
    from twin.alarms.change import Standing
    from twin.alarms.formulas import FormulaPart
    from twin.alarms.journal import Journal
    from twin.alarms.notices import Outbox
    from twin.alarms.twin import Twin
    from twin.clock import Clock
    from twin.frame import Batch, Ids
    from twin.model.district import District

    Listener = Callable[[Change, Alarm], object]
    Mask = npt.NDArray[np.bool_]
    Places = npt.NDArray[np.intp]

LINKS_COME_WITHIN_S = 60.0
"""An alarm of a link that is not there this long after the start is one that the districts know no more."""


class Alarms:
    """All alarms of all districts; used from the event loop's thread.

    `decide` is called after the twin took a flush, `tick` a few times a second, `link` when a link goes up or down.
    `submit` queues a function into the thread that writes the books. `listeners` are called with every change and its
    alarm. Construction reads the journal, so that what stood when the last process ended stands again.
    """

    def __init__(
        self,
        books: Sequence[tuple[District, AlarmBook]],
        twin: Twin,
        journal: Journal,
        outbox: Outbox | None,
        submit: Callable[..., object],
        clock: Clock,
        links: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.listeners: list[Listener] = []
        self._clock = clock
        self._twin = twin
        self._scribe = Scribe(journal, submit)
        self._notices = Notices(books, outbox, submit)
        self._started_s = clock.monotonic_s()
        self.register = Register(everything(books), *journal.numbers())
        self.register.monotonic = round(self._started_s * NS)
        readable = _readable(books)
        self._parts = parts_of(self.register.all.alarms, readable, twin.ids, twin.states)
        self._formulas = _formulas(self.register.all.alarms, twin)
        if self._formulas is not None:
            self._parts.append(self._formulas)
        self._links = LinkAlarms(books, self.register)
        self._links.add(links or {})
        self._build()
        self._gone = [one for one in journal.standing() if not self.register.restore(one)]
        self._touched = np.zeros(len(twin.live.value), np.bool_)
        teller = Teller(twin, {district.id: district.zone for district, _ in books}, readable, self._formulas)
        self.desk = Desk(self.register, self.causes, teller, self._links)
        self._was_active = True
        self.causes.look_again(self.register.columns.active)

    def _build(self) -> None:
        """Sort out what explains what, anew when there are further links."""
        found = self.register.all
        self.causes = Causes(len(found.alarms), found.effects, Groups(found.groups, found.inside))
        plain = np.ones(len(found.alarms), np.bool_)
        plain[self.causes.groups.places] = False
        self._plain = np.flatnonzero(plain)

    # --- what expressions with moving windows want ----------------------------------------------------------

    @property
    def needs(self) -> Sequence[tuple[int, float]]:
        """Series ids with the seconds of history that windows want at the start (`warm`)."""
        return self._formulas.program.needs if self._formulas is not None else ()

    def warm(self, rows: Batch) -> None:
        """Take in that history."""
        if self._formulas is not None:
            self._formulas.program.warm(rows)

    def observe(self, readings: Batch) -> None:
        """Let windows take in a flush, before `decide`."""
        if self._formulas is not None:
            self._formulas.program.observe(readings)

    # --- what the platform tells ----------------------------------------------------------------------------

    def decide(self, ids: Ids, now_ns: int) -> None:
        """Decide after readings of these series were taken."""
        self._touched[ids] = True
        self._step(now_ns)

    def tick(self, now_ns: int) -> None:
        """Decide what time alone decides: delays, silence, shelving that ends."""
        self._step(now_ns)
        self._notices.tick(self._clock.monotonic_s())

    def link(self, name: str, up: bool, words: str, devices: Sequence[str], now_ns: int) -> None:  # noqa: FBT001 - it is what the link is
        """Take that a link is up or down; `devices` are `district/device`. Decided with the next step."""
        del now_ns
        if self._links.add({name: devices}):
            self._build()
            self.desk.causes = self.causes
            self._gone = [one for one in self._gone if not self.register.restore(one)]
        self._links.say(name, up=up, words=words)

    # --- a step ---------------------------------------------------------------------------------------------

    def _step(self, now_ns: int) -> None:
        columns, monotonic_s = self.register.columns, self._clock.monotonic_s()
        monotonic = self.register.monotonic = round(monotonic_s * NS)
        now = Now(self._twin, (now_ns, monotonic_s), self._started_s, self._touched)
        for part in self._parts:
            part.look(now, columns.active, columns)
        self._touched[:] = False
        flipped = columns.flip(self._plain, monotonic)
        is_active = bool(columns.active.any())
        if is_active or self._was_active:
            flipped = np.concatenate([flipped, self._explain(monotonic)])
        self._was_active = is_active
        if len(flipped) or is_active or (columns.state != NORMAL).any():
            self._move(flipped, now_ns, monotonic)
        if self._gone and monotonic_s - self._started_s >= LINKS_COME_WITHIN_S:
            self._forget(now_ns)
        self._publish(monotonic_s)

    def _explain(self, monotonic: int) -> Places:
        """Find the causes of what is active; returns the groups that began or ended."""
        columns, groups = self.register.columns, self.causes.groups
        holds, causes = self.causes.look(columns.active)
        columns.holds[groups.places] = holds
        columns.known[groups.places] = True
        flipped = columns.flip(groups.places, monotonic)
        self.causes.take(columns.active, causes)
        return flipped

    def _move(self, flipped: Places, now_ns: int, monotonic: int) -> None:
        """Bring every alarm that is concerned to its next state: ends first, then what explains, then what begins."""
        columns = self.register.columns
        begun = flipped[columns.active[flipped]]
        columns.raised[begun] = now_ns
        self._return(flipped[~columns.active[flipped]], now_ns)
        rising = np.concatenate([begun, self._unshelve(now_ns)])
        explained = columns.active & (self.causes.of != NOBODY)
        self._suppress(explained, now_ns)
        self._hold(rising[~explained[rising]], monotonic)
        self._release(explained, monotonic)
        self._raise(explained, now_ns, monotonic)
        self._escalate(now_ns, monotonic)

    def _return(self, places: Places, now_ns: int) -> None:
        register = self.register
        register.columns.held[places] = NEVER
        for place in places.tolist():
            if register.columns.state_of(place) in _ANNOUNCED:
                register.move(place, Happening.RETURNED, now_ns)

    def _unshelve(self, now_ns: int) -> Places:
        """End the shelving whose time is over; returns those whose conditions hold."""
        columns = self.register.columns
        over = np.flatnonzero((columns.state == SHELVED) & (columns.until <= now_ns))
        for place in over.tolist():
            self.register.move(place, Happening.UNSHELVED, now_ns)
        return over[columns.active[over]]

    def _suppress(self, explained: Mask, now_ns: int) -> None:
        columns = self.register.columns
        places = np.flatnonzero(explained & (columns.state != SHELVED) & (columns.state != SUPPRESSED))
        for place in places.tolist():
            cause = self.register.number(int(self.causes.of[place]))
            self.register.move(place, Happening.SUPPRESSED, now_ns, cause=cause)

    def _hold(self, rising: Places, monotonic: int) -> None:
        """Let what may have a cause wait for it."""
        columns = self.register.columns
        wait = self.causes.explainable[rising] & (columns.state[rising] != SHELVED)
        columns.held[rising] = monotonic + np.where(wait, columns.hold[rising], 0)
        columns.held[rising[columns.state[rising] == SHELVED]] = NEVER

    def _release(self, explained: Mask, monotonic: int) -> None:
        """Let what lost its cause come forward after a while."""
        columns = self.register.columns
        lonely = columns.active & (columns.state == SUPPRESSED) & ~explained
        columns.settling[~lonely] = NEVER
        begins = lonely & (columns.settling == NEVER)
        columns.settling[begins] = monotonic + columns.settle[begins]
        ripe = lonely & (columns.settling <= monotonic)
        columns.held[ripe] = monotonic

    def _raise(self, explained: Mask, now_ns: int, monotonic: int) -> None:
        columns = self.register.columns
        for place in np.flatnonzero(columns.active & ~explained & (columns.held <= monotonic)).tolist():
            self.register.move(place, Happening.RAISED, now_ns, self.desk.said(place))

    def _escalate(self, now_ns: int, monotonic: int) -> None:
        columns = self.register.columns
        for place in np.flatnonzero((columns.state == ACTIVE) & (columns.escalates <= monotonic)).tolist():
            self.register.move(place, Happening.ESCALATED, now_ns)
            columns.escalates[place] = NEVER

    def _forget(self, now_ns: int) -> None:
        """End what the configuration knows no more."""
        removed = [_removed(one, now_ns) for one in self._gone]
        self._scribe.put(removed)
        self._gone = []

    def _publish(self, monotonic_s: float) -> None:
        """Write down what happened and tell it."""
        changes = self.register.take()
        if not changes:
            return
        self._scribe.put([change for change, _ in changes])
        self._notices.tell(changes, monotonic_s)
        for listener in self.listeners:
            for change, alarm in changes:
                listener(change, alarm)

    @property
    def lost(self) -> int:
        """How many changes found no room on their way to a disk that took nothing."""
        return self._scribe.lost

    def counts(self) -> dict[State, int]:
        """Return how many alarms are in each state."""
        found = np.bincount(self.register.columns.state, minlength=len(STATES))
        return {state: int(found[code]) for code, state in enumerate(STATES)}

    # --- what people ask and do -----------------------------------------------------------------------------

    def key_of(self, number: int) -> Key | None:
        """Return what names the alarm of a number, None when no alarm that is configured has it."""
        place = self.register.place(number)
        return None if place is None else self.register.all.alarms[place].key

    def standing(self) -> list[Standing]:
        """Return every alarm that is not normal, by number, with what it says now."""
        return self.desk.standing()

    def acknowledge(self, number: int, who: str, comment: str = "") -> Change:
        """Acknowledge an alarm; NotPossible with the reason when its state does not allow it."""
        return self._done(self.desk.acknowledge(number, self._clock.now_ns(), who, comment))

    def shelve(self, number: int, until: int, who: str, comment: str = "") -> Change:
        """Put an alarm aside until a time in ns UTC; NotPossible as in `acknowledge`."""
        return self._done(self.desk.shelve(number, self._clock.now_ns(), until, who, comment))

    def unshelve(self, number: int, who: str, comment: str = "") -> Change:
        """End the shelving of an alarm: what holds is raised anew. NotPossible as in `acknowledge`."""
        return self._done(self.desk.unshelve(number, self._clock.now_ns(), who, comment))

    def _done(self, change: Change) -> Change:
        self._publish(self._clock.monotonic_s())
        return change


_ANNOUNCED = frozenset({State.ACTIVE, State.ACKNOWLEDGED, State.SUPPRESSED})


def _formulas(alarms: Sequence[Alarm], twin: Twin) -> FormulaPart | None:
    chosen = [(place, one) for place, one in enumerate(alarms) if one.subject.expression is not None]
    if not chosen:
        return None
    from twin.alarms.formulas import FormulaPart

    return FormulaPart(chosen, twin.ids, twin.states, len(twin.live.value))


def _readable(books: Sequence[tuple[District, AlarmBook]]) -> dict[str, list[str]]:
    """Return the paths of the points that are read, by `district/device`."""
    return {
        f"{district.id}/{device.id}": [point.path for point in device.points.values() if point.readable]
        for district, _ in books
        for device in district.devices.values()
    }


def _removed(one: Standing, now_ns: int) -> Change:
    return Change(
        number=one.number,
        key=one.key,
        at=now_ns,
        happening=Happening.REMOVED,
        before=one.state,
        after=State.NORMAL,
        active=False,
        raised=one.since,
        priority=one.priority,
        what=one.what,
        words=one.words,
    )
