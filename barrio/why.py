"""Why does this point have no value now? Step by step along the way of a reading, from the files to the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from barrio.status import store_words
from twin.clock import NS
from twin.quality import FIRST_BAD, Level, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from barrio.platform import Platform
    from barrio.supervisor import LinkStatus
    from twin.deadletters import Letter
    from twin.derived.point import Derived
    from twin.live import State
    from twin.model.bound import BoundPoint

WORTH_SAYING_S = 5.0
MOST_SHOWN = 3

_CHECKS = {Reason.OUT_OF_RANGE, Reason.NOT_A_NUMBER}


class Verdict(StrEnum):
    """What happens to a reading at a station; `unseen` where none came this far."""

    PASSES = "passes"
    STOPS = "stops"
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True)
class Step:
    """One station of the way of a reading."""

    name: str
    verdict: Verdict
    words: str


def explain(platform: Platform, item: BoundPoint, letter: Letter | None) -> list[Step]:
    """Return the steps for a point, never empty; the first that stops it is the reason.

    `letter` is the newest dead letter of the point, which the caller fetches since that asks the disk.
    """
    return _Explanation(platform, item, letter).steps()


def outline(platform: Platform, item: BoundPoint, steps: Sequence[Step]) -> list[Step]:
    """Return steps with no more words than the reason of the first that stops: no address, no other point."""
    code = int(platform.gaps.reason[item.id] or platform.live.quality[item.id])
    found, said = [], Reason(code).meaning
    for step in steps:
        stops = step.verdict is Verdict.STOPS
        found.append(Step(step.name, step.verdict, said if stops else ""))
        said = "" if stops else said
    return found


@dataclass(slots=True)
class _Explanation:
    platform: Platform
    item: BoundPoint
    letter: Letter | None

    def steps(self) -> list[Step]:
        state = self.platform.live.state(self.item.id)
        heard = bool(np.isfinite(self.platform.live.heard_s[self.item.id]))
        way = [self._link(), self._device(state, heard=heard)]
        if self._is_computed:
            way = [self._inputs(state)]
        return [
            self._configured(),
            *way,
            self._check(state, heard=heard),
            self._spool(heard=heard),
            self._store(state),
            self._live(state),
        ]

    @property
    def _zone(self) -> ZoneInfo:
        return self.platform.catalogue.zone(self.item)

    @property
    def _is_computed(self) -> bool:
        return self.item in self.platform.catalogue.computed

    def _said(self, state: State) -> str:
        """Say what a quality means: no device gave what is computed, and a service says itself why it has no value."""
        if self._is_computed and state.quality is Reason.GOOD:
            return "computed, all that it needs is known"
        if self._is_computed and state.quality is Reason.UNDEFINED and state.detail:
            return state.detail
        return f"{state.quality.meaning}{_tail(state.detail)}"

    def _at(self, ns: int) -> str:
        if not ns:
            return "never"
        when = datetime.fromtimestamp(ns / NS, UTC).astimezone(self._zone)
        return when.strftime("%Y-%m-%d %H:%M:%S %Z")

    def _configured(self) -> Step:
        point, device = self.item.point, self.platform.catalogue.owners[self.item.id]
        written = f"{point.file.name}:{point.line}"
        derived = self._derived()
        if derived is not None:
            words = f"{written}, computed: {derived.expression.text}"
        elif self._is_computed:
            words = f"{written}, computed by its service"
        else:
            words = f"{written}, profile {device.profile}, {device.endpoint}"
        return Step("configured", Verdict.PASSES, words)

    def _derived(self) -> Derived | None:
        paths = (one for district in self.platform.catalogue.districts for one in district.derived)
        return next((one for one in paths if one.point.path == self.item.point.path), None)

    def _inputs(self, state: State) -> Step:
        """Say which of the points that a computed one is made of have no usable value."""
        if self.platform.at_rest:
            return self._link()
        derived = self._derived()
        if derived is None:
            verdict = Verdict.STOPS if state.quality.level is Level.BAD else Verdict.PASSES
            return Step("inputs", verdict, self._said(state))
        missing = [words for path in derived.expression.inputs if (words := self._missing(path))]
        total = len(derived.expression.inputs)
        if not missing:
            return Step("inputs", Verdict.PASSES, f"all {total} have a usable value")
        shown = "; ".join(missing[:MOST_SHOWN]) + ("; …" if len(missing) > MOST_SHOWN else "")
        enough = state.quality.level is not Level.BAD
        verdict = Verdict.PASSES if enough else Verdict.STOPS
        return Step("inputs", verdict, f"{len(missing)} of {total} have no usable value: {shown}")

    def _missing(self, path: str) -> str:
        """Return a point and why it has no usable value, empty when it has one."""
        series = self.platform.catalogue.points[path].id
        code = int(self.platform.gaps.reason[series] or self.platform.live.quality[series])
        return f"{path}: {Reason(code).meaning}" if code >= FIRST_BAD else ""

    def _status(self) -> LinkStatus | None:
        found = (status for status, _ in self.platform.supervisor.links if self.item.id in status.ids)
        return next(found, None)

    def _link(self) -> Step:
        status = self._status()
        if self.platform.at_rest:
            since = self._at(self.platform.folder.alive_ns())
            return Step("link", Verdict.STOPS, f"barrio does not run with this data folder since {since}")
        if not self.item.point.readable:
            return Step("link", Verdict.STOPS, "the point is a command: it is written, and gives no readings")
        if status is None:
            return Step("link", Verdict.STOPS, "no link reads this point")
        if status.up:
            return Step("link", Verdict.PASSES, f"{status.name} is up since {self._at(status.since)}")
        return Step(
            "link", Verdict.STOPS, f"{status.name} is down since {self._at(status.since)}: {status.words}"
        )

    def _device(self, state: State, *, heard: bool) -> Step:
        reason = Reason(int(self.platform.gaps.reason[self.item.id]))
        words = self.platform.gaps.words.get(self.item.id, "")
        since = self._at(int(self.platform.gaps.since[self.item.id]))
        if reason in {
            Reason.NO_ANSWER,
            Reason.SILENT,
            Reason.LINK_DOWN,
            Reason.NOT_HEARD_YET,
            Reason.BUFFER_FULL,
        }:
            when = f", {since}" if reason is Reason.NOT_HEARD_YET else f" since {since}"
            return Step("device", Verdict.STOPS, f"{reason.meaning}{when}{_tail(words)}")
        if not heard:
            return Step("device", Verdict.STOPS, "nothing was heard since barrio started")
        if state.quality.level is Level.BAD and state.quality not in _CHECKS:
            return Step(
                "device", Verdict.STOPS, f"{state.quality.meaning}{_tail(state.detail)} (since {since})"
            )
        return Step("device", Verdict.PASSES, f"answered at {self._at(state.received)}{self._skew()}")

    def _skew(self) -> str:
        """Say how far the device's own time lay from the receipt's, where it is worth a word."""
        ahead_s = int(self.platform.settler.skew[self.item.id]) / NS
        if abs(ahead_s) < WORTH_SAYING_S:
            return ""
        return f", with its own time {abs(ahead_s):,.0f} s {'ahead of' if ahead_s > 0 else 'behind'} ours"

    def _check(self, state: State, *, heard: bool) -> Step:
        if not heard or (state.quality.level is Level.BAD and state.quality not in _CHECKS):
            return Step("check", Verdict.UNSEEN, "no value came this far")
        if state.quality in _CHECKS:
            return Step("check", Verdict.STOPS, f"dropped: {state.quality.meaning}{_tail(state.detail)}")
        words = self._said(state) if self._is_computed else state.quality.meaning
        return Step("check", Verdict.PASSES, f"quality {state.quality.level}: {words}")

    def _spool(self, *, heard: bool) -> Step:
        refuses = self.platform.intake.tally.words
        if refuses:
            return Step("spool", Verdict.STOPS, f"the spool takes nothing: {refuses}")
        waiting = self.platform.spool.books().waiting
        words = store_words(self.platform)
        if waiting and words:
            return Step("spool", Verdict.STOPS, f"{waiting:,} readings wait in the spool: {words}")
        return Step(
            "spool", Verdict.PASSES if heard else Verdict.UNSEEN, f"{waiting:,} readings wait in the spool"
        )

    def _store(self, state: State) -> Step:
        words = store_words(self.platform)
        if words:
            return Step("store", Verdict.STOPS, f"takes nothing now: {words}")
        if self.letter is not None and self.letter.time >= state.time:
            return Step(
                "store", Verdict.STOPS, f"rejected by the store with these words: {self.letter.words}"
            )
        return Step("store", Verdict.PASSES if state.time else Verdict.UNSEEN, "takes what comes")

    def _live(self, state: State) -> Step:
        if state.quality >= Reason.NOT_HEARD_YET:
            return Step("value", Verdict.STOPS, "there was never a value")
        if np.isnan(state.value):
            return Step("value", Verdict.STOPS, f"none: {self._said(state)}")
        return Step("value", Verdict.PASSES, f"{self._shown(state.value)} at {self._at(state.time)}")

    def _shown(self, value: float) -> str:
        point, intervals = self.item.point, self.platform.intervals
        if point.states:
            return self.platform.catalogue.states[int(value)]
        register = intervals.register(self.item.id) if intervals.has(self.item.id) else None
        number = f"{value:g}" if register is None else register.text(register.step(value))
        return f"{number} {point.quantity.unit}".strip()


def _tail(words: str) -> str:
    return f": {words}" if words else ""
