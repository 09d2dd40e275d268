"""Interlocks: conditions that must hold at the moment at which a value is sent, whoever sends it.

One that cannot be told, because a value that it reads does not stand, does not hold. All interlocks of all points are
one program, evaluated for one point at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twin.commands.values import words_of
from twin.quality import FIRST_BAD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from twin.commands.book import Interlock, Policy
    from twin.commands.reported import Reported
    from twin.commands.values import Value
    from twin.expressions.program import Program
    from twin.frame import Batch

_MOST_SHOWN = 5


class Interlocks:
    """The interlocks of all points that may be written."""

    def __init__(
        self,
        policies: Iterable[tuple[Policy, Callable[[Policy], tuple[Interlock, ...]]]],
        reported: Reported,
    ) -> None:
        self._reported = reported
        self._of: dict[str, tuple[Interlock, ...]] = {}
        self._first: dict[str, int] = {}
        self._program: Program | None = None
        self._build(policies)

    @property
    def needs(self) -> Sequence[tuple[int, float]]:
        """Series ids whose history moving windows want at the start, with seconds."""
        return self._program.needs if self._program else ()

    def warm(self, rows: Batch) -> None:
        """Take that history."""
        if self._program is not None:
            self._program.warm(rows)

    def observe(self, readings: Batch) -> None:
        """Take readings for moving windows."""
        if self._program is not None:
            self._program.observe(readings)

    def failing(self, policy: Policy, value: Value, now_ns: int) -> str:
        """Return why a value may not be sent now, for people; empty when it may."""
        found = self._of.get(policy.path)
        if self._program is None or not found:
            return ""
        first = self._first[policy.path]
        result = self._program.evaluate(
            np.arange(first, first + len(found), dtype=np.intp), self._reported, now_ns
        )
        for at, interlock in enumerate(found):
            if not interlock.guards(value):
                continue
            if result.quality[at] >= FIRST_BAD:
                return f"{interlock.because}: whether {self._shown(interlock)} cannot be told"
            if not result.value[at]:
                return f"{interlock.because}: {self._shown(interlock)} does not hold"
        return ""

    def _build(self, policies: Iterable[tuple[Policy, Callable[[Policy], tuple[Interlock, ...]]]]) -> None:
        every: list[Interlock] = []
        for policy, compiled in policies:
            if policy.rule.interlocks:
                self._of[policy.path] = compiled(policy)
                self._first[policy.path] = len(every)
                every += self._of[policy.path]
        if every:
            from twin.expressions.program import Program

            reported = self._reported
            expressions = [interlock.expression for interlock in every]
            self._program = Program(expressions, reported.ids, reported.state_ids, reported.size)

    def _shown(self, interlock: Interlock) -> str:
        """Return the text of an interlock with what its inputs say now."""
        inputs = interlock.expression.inputs
        said = [f"{path.partition('/')[2]} {self._said(path)}" for path in inputs[:_MOST_SHOWN]]
        more = f" and {len(inputs) - _MOST_SHOWN} more" if len(inputs) > _MOST_SHOWN else ""
        return (
            f"{interlock.expression.text!r} ({', '.join(said)}{more})"
            if said
            else repr(interlock.expression.text)
        )

    def _said(self, path: str) -> str:
        trouble = self._reported.trouble(path)
        if trouble:
            return f"has no value: {trouble}"
        return f"is {words_of(self._reported.points[path].point, self._reported.of(path))}"
