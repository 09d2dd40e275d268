"""Listeners who are given the same, and for whom it is therefore put together once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from barrio.live.words import GAP, READING
from twin.access.scope import Tier

if TYPE_CHECKING:
    import numpy.typing as npt

    from barrio.live.notes import Note
    from barrio.live.selection import Selection
    from barrio.live.subscriber import Subscriber
    from barrio.live.words import Dialect


class Group:
    """Subscribers with one selection and one dialect. `parts` are events that are being put together for them."""

    def __init__(self, selection: Selection, dialect: Dialect) -> None:
        self.selection = selection
        self.dialect = dialect
        self.members: set[Subscriber] = set()
        self.parts: list[str] = []
        self.readings = READING in selection.kinds

    @cached_property
    def raw(self) -> npt.NDArray[np.bool_]:
        """Which series are given as they come, by series id."""
        return _mask(self.selection.raw, len(self.selection.sight.mask))

    @cached_property
    def all(self) -> npt.NDArray[np.bool_]:
        """Which series are selected, by series id."""
        return _mask(self.selection.ids, len(self.selection.sight.mask))

    @cached_property
    def owners(self) -> frozenset[str]:
        """`district/owner` of every device or site of which something is selected."""
        known = self.selection.sight.owners
        found = (known[series] for series in self.selection.ids.tolist())
        return frozenset(f"{one.district}/{one.id}" for one in found)

    def wants(self, note: Note) -> bool:
        """Whether an alarm or a gap concerns it.

        Gaps say nothing of values, but in their words (`said`). Alarms do: whoever is not given readings as they
        come is not given those either.
        """
        if note.kind not in self.selection.kinds:
            return False
        if note.kind == GAP:
            return bool(self.all[note.series])
        if note.series:
            return bool(self.raw[note.series])
        sight = self.selection.sight
        return sight.whole or (note.path in self.owners and sight.wholly(note.path))

    def said(self, note: Note) -> str:
        """Return the data of a note as this group is told it.

        The words of a gap name the reading that was refused: they are for who is given readings as they come.
        """
        on_duty = self.selection.sight.scope.tier is Tier.OPERATOR
        if note.kind == GAP:
            on_duty = on_duty and bool(self.raw[note.series])
        return (on_duty and note.on_duty) or note.data

    def put_together(self) -> bytes:
        """Return what was put together as one message, and begin anew."""
        message = self.dialect.many(self.parts)
        self.parts.clear()
        return message


def _mask(ids: npt.NDArray[np.int32], size: int) -> npt.NDArray[np.bool_]:
    found = np.zeros(size, np.bool_)
    found[ids] = True
    return found
