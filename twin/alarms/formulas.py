"""Alarms whose conditions are expressions, all of them as one program. Imported only where a rule has one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from twin.alarms.rule import Limits
from twin.alarms.verdict import Bounds
from twin.expressions.program import Program
from twin.quality import FIRST_BAD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from twin.alarms.alarm import Alarm
    from twin.alarms.columns import Columns
    from twin.alarms.conditions import Now

    Mask = npt.NDArray[np.bool_]
    Places = npt.NDArray[np.intp]

TRUE = Limits(above=0.5)
"""A condition is 0 or 1: it holds above the half."""


class FormulaPart:
    """Expressions against limits, or against true; evaluated where one of their inputs, or time, has moved on."""

    def __init__(
        self,
        chosen: Sequence[tuple[int, Alarm]],
        ids: Mapping[str, int],
        states: Mapping[str, int],
        size: int,
    ) -> None:
        formulas = [(place, alarm.subject.expression, alarm) for place, alarm in chosen]
        checked = [expression for _, expression, _ in formulas if expression is not None]
        conditions = [alarm.subject.condition for _, alarm in chosen]
        self.places = np.array([place for place, _ in chosen], np.intp)
        self.program = Program(checked, ids, states, size)
        self._rows = {place: row for row, (place, _) in enumerate(chosen)}
        self._bounds = Bounds.of([one if isinstance(one, Limits) else TRUE for one in conditions])
        self._value = np.full(len(chosen), np.nan)
        self._known = np.zeros(len(chosen), np.bool_)
        self._usable: Mask | None = None

    def look(self, now: Now, active: Mask, into: Columns) -> None:
        """See `twin.alarms.conditions.Part`."""
        rows = self._moved(now)
        if rows is None or len(rows):
            found = self.program.evaluate(rows, now, now.now_ns)
            which = slice(None) if rows is None else rows
            self._value[which] = found.value
            self._known[which] = found.quality < FIRST_BAD
        self._usable = now.usable
        into.known[self.places] = self._known
        begun = active[self.places] & ~self._bounds.inside(self._value)
        into.holds[self.places] = begun | self._bounds.outside(self._value)

    def value(self, place: int) -> float | None:
        """Return the value of an alarm's expression, None where it has none."""
        row = self._rows.get(place)
        found = math.nan if row is None else float(self._value[row])
        return None if math.isnan(found) else found

    def _moved(self, now: Now) -> Places | None:
        """Return which expressions are to be evaluated, None for all."""
        if self._usable is None:
            return None
        affected = self.program.affected(now.touched | (now.usable != self._usable))
        later = self.program.advance(now.now_ns)
        return affected if not len(later) else np.union1d(affected, later)
