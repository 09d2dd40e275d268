"""Which active alarm is the cause of which others, so that what hangs below one fault is one alarm and not hundreds.

An alarm explains others because its rule says so, because it is that of their link, or because it stands for a group
of them. The work of one look is linear in the alarms that are explained.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from twin.alarms.alarm import Group

    Mask = npt.NDArray[np.bool_]
    Places = npt.NDArray[np.intp]

NOBODY = -1
_ROUNDING = 1e-9
_DEEPEST = 64


class Causes:
    """The causes of all alarms, found anew with each `look`; `of` is the place of each one's cause, or `NOBODY`.

    `explainable` marks the alarms that may have a cause, `explains` those that may be one.
    """

    def __init__(self, size: int, effects: Mapping[int, Sequence[int]], groups: Groups) -> None:
        self.groups = groups
        self.of = np.full(size, NOBODY, np.intp)
        self._effects = {place: np.array(sorted(set(found)), np.intp) for place, found in effects.items()}
        self._places = np.array(sorted(self._effects), np.intp)
        self.explainable = np.zeros(size, np.bool_)
        for found in self._effects.values():
            self.explainable[found] = True
        self.explains = np.zeros(size, np.bool_)
        self.explains[self._places] = True
        self.explains[groups.places] = True
        # A group may have the cause that its members have.
        self.explainable[groups.explained_with(self.explainable)] = True
        self.explainable[groups.members] = True
        self.explainable[groups.inner] = True

    def look(self, active: Mask) -> tuple[Mask, Places]:
        """Find what the active alarms explain; returns which groups there are now, and the cause of each.

        `of` holds the effects of rules and links afterwards; see `take` for those of groups.
        """
        self.of[:] = NOBODY
        for place in self._places[active[self._places]].tolist():
            effects = self._effects[place]
            free = effects[self.of[effects] == NOBODY]
            self.of[free] = place
        return self.groups.look(active, self.of)

    def take(self, active: Mask, causes: Places) -> None:
        """Let the groups that are active explain their members; `causes` are those of the groups themselves."""
        self.of[self.groups.places] = causes
        for index in np.flatnonzero(active[self.groups.places] & (causes == NOBODY)).tolist():
            place = self.groups.places[index]
            members = self.groups.members_of(index)
            self.of[members[self.of[members] == NOBODY]] = place
        self._take_inner(active, causes)

    def look_again(self, active: Mask) -> None:
        """Find the causes of what was active when the process before this one ended."""
        _, causes = self.look(active)
        self.take(active, causes)

    def roots(self) -> Places:
        """Return the last cause in the chain of causes of each alarm, `NOBODY` where it has none."""
        found = self.of.copy()
        for _ in range(_DEEPEST):
            further = np.where(found == NOBODY, NOBODY, self.of[found])
            go_on = further != NOBODY
            if not go_on.any():
                break
            found = np.where(go_on, further, found)
        return found

    def _take_inner(self, active: Mask, causes: Places) -> None:
        places = self.groups.places
        for inner, outer in self.groups.inside:
            if active[places[outer]] and causes[outer] == NOBODY and self.of[places[inner]] == NOBODY:
                self.of[places[inner]] = places[outer]


class Groups:
    """Alarms that stand for many others, as columns."""

    def __init__(self, groups: Sequence[Group], inside: Sequence[tuple[int, int]]) -> None:
        lengths = [len(group.members) for group in groups]
        self.places = np.array([group.place for group in groups], np.intp)
        self.members = np.array([one for group in groups for one in group.members], np.intp)
        self.begins = np.concatenate(([0], np.cumsum(lengths)))[:-1].astype(np.intp)
        self.sizes = np.array(lengths, np.intp)
        self.inside = list(inside)
        self.inner = self.places[sorted({inner for inner, _ in inside})]
        self._at_least = np.array([group.at_least for group in groups], np.intp)
        self._share = np.array([group.share for group in groups], np.float64)

    def members_of(self, index: int) -> Places:
        """Return the places of the members of a group."""
        return self.members[self.begins[index] : self.begins[index] + self.sizes[index]]

    def explained_with(self, explainable: Mask) -> Places:
        """Return the places of the groups that have a member which may have a cause."""
        if not len(self.places):
            return self.places
        return self.places[np.logical_or.reduceat(explainable[self.members], self.begins)]

    def look(self, active: Mask, of: Places) -> tuple[Mask, Places]:
        """Return which groups hold, and the cause of each: `NOBODY` where enough members have no cause themselves."""
        if not len(self.places):
            return np.zeros(0, np.bool_), self.places
        begun, explained = active[self.members], of[self.members] != NOBODY
        all_begun = np.add.reduceat(begun.astype(np.intp), self.begins)
        own_begun = np.add.reduceat((begun & ~explained).astype(np.intp), self.begins)
        own_size = self.sizes - np.add.reduceat(explained.astype(np.intp), self.begins)
        own = self._enough(own_begun, own_size)
        holds = own | self._enough(all_begun, self.sizes)
        causes = np.full(len(self.places), NOBODY, np.intp)
        for index in np.flatnonzero(holds & ~own).tolist():
            found = of[self.members_of(index)]
            causes[index] = found[found != NOBODY][0]
        return holds, causes

    def counts(self, active: Mask) -> npt.NDArray[np.intp]:
        """Return how many members of each group are active."""
        return np.add.reduceat(active[self.members].astype(np.intp), self.begins)

    def _enough(self, count: npt.NDArray[np.intp], size: npt.NDArray[np.intp]) -> Mask:
        found: Mask = (count >= self._at_least) & (count >= self._share * size - _ROUNDING)
        return found
