"""From what happened to what each group is given: an index from points to the groups that want them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from barrio.live.words import READING, Place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from barrio.live.catchup import Reader
    from barrio.live.group import Group
    from barrio.live.hub import Hub
    from barrio.live.notes import Note
    from barrio.live.ring import Rows
    from barrio.live.rounds import Round
    from barrio.live.words import Dialect

A_ROUND = 5_000
"""Readings that are given at once."""


class Spread:
    """Who wants what; `next` puts events together for the groups that want them."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._wanted: dict[int, dict[Dialect, list[Group]]] = {}
        self._any = np.zeros(0, np.bool_)
        self._groups: set[Group] = set()
        self._touched: dict[Group, None] = {}

    def add(self, group: Group) -> None:
        """Take a group that has its first member."""
        self._groups.add(group)
        if len(self._any) < self._hub.size:
            self._any = np.zeros(self._hub.size, np.bool_)
        if group.readings:
            for series in group.selection.raw.tolist():
                self._wanted.setdefault(series, {}).setdefault(group.dialect, []).append(group)
            self._any[group.selection.raw] = True

    def remove(self, group: Group) -> None:
        """Let a group go that has no member any more."""
        self._groups.discard(group)
        if not group.readings:
            return
        for series in group.selection.raw.tolist():
            dialects = self._wanted[series]
            dialects[group.dialect].remove(group)
            if not dialects[group.dialect]:
                del dialects[group.dialect]
            if not dialects:
                del self._wanted[series]
                self._any[series] = False

    def next(self, after: int, until: int) -> tuple[list[Group], int]:
        """Return the groups that have something to be given, and the number of the last event that was looked at."""
        rows = self._hub.ring.since(after, A_ROUND)
        rows = rows.take(rows.number <= until)
        if len(rows) == A_ROUND:
            until = int(rows.number[-1])
        if self._groups:
            notes = self._hub.notes.since(after, until)
            rows = rows.take(self._any[rows.ids])
            done = 0
            for note in notes:
                upto = int(np.searchsorted(rows.number, note.number))
                self._readings(rows.take(slice(done, upto)))
                self._note(note)
                done = upto
            self._readings(rows.take(slice(done, None)))
        return self._taken(), until

    async def windows(self, one: Round, reader: Reader) -> list[Group]:
        """Put a window that ended together for the groups that are given windows only."""
        groups = [group for group in self._groups if group.readings and one.every in group.selection.coarse]
        ids = {group: reader.concerned(group, one) for group in groups}
        union = np.unique(np.concatenate([np.empty(0, np.int32), *ids.values()]))
        found = await reader.windows(one, union) if len(union) else {}
        for group, own in ids.items():
            if group in self._groups:
                self._window(group, one, found, own.tolist())
        return self._taken()

    def _window(self, group: Group, one: Round, found: dict[int, str] | None, own: Sequence[int]) -> None:
        if found is None:
            if own:
                self._put(group, one.number, "lost", self._hub.reader.unread(one))
            return
        for series in own:
            if series in found:
                self._put(group, one.number + series, READING, found[series])

    def _readings(self, rows: Rows) -> None:
        epoch, wanted, touched = self._hub.epoch, self._wanted, self._touched
        written = self._hub.readings.written(rows)
        for number, series, data in zip(rows.number.tolist(), rows.ids.tolist(), written, strict=True):
            for dialect, groups in wanted[series].items():
                part = dialect.one(f"{epoch}-{number}", READING, data)
                for group in groups:
                    group.parts.append(part)
                    touched[group] = None

    def _note(self, note: Note) -> None:
        for group in self._groups:
            if group.wants(note):
                self._put(group, note.number, note.kind, group.said(note))

    def _put(self, group: Group, number: int, kind: str, data: str) -> None:
        group.parts.append(group.dialect.one(str(Place(self._hub.epoch, number)), kind, data))
        self._touched[group] = None

    def _taken(self) -> list[Group]:
        found = list(self._touched)
        self._touched.clear()
        return found
