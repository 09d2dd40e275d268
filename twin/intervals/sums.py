"""The sum check: what a main meter counted against the meters that it feeds, interval by interval."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from twin.intervals.flags import Flag, Why

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twin.intervals.line import Line
    from twin.intervals.register import Register

_FEW_STEPS = 10


def checked(main: tuple[Register, Line], parts: Sequence[tuple[Register, Line]], tolerance: float) -> Line:
    """Return the main meter's intervals, suspect where they differ by more than `tolerance`, a share of the larger.

    Only where all of them were measured: what is estimated proves nothing. Differences of some steps are rounding.
    """
    register, line = main
    alike = np.ones(len(line), np.bool_)
    together = np.zeros(len(line))
    for other, part in parts:
        alike &= part.flag <= Flag.LATE
        together += other.values(part.delta)
    mine = register.values(line.delta)
    apart = np.abs(mine - together)
    rounding = _FEW_STEPS * 10.0 ** -min(one.decimals for one, _ in (main, *parts))
    odd = alike & (line.flag <= Flag.LATE) & (apart > rounding)
    odd &= apart > tolerance * np.maximum(np.abs(mine), np.abs(together))
    flag, why = line.flag.copy(), line.why.copy()
    flag[odd], why[odd] = Flag.SUSPECT, Why.SUM
    return replace(line, flag=flag, why=why)
