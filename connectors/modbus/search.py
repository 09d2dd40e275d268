"""Finds out which part of a refused request is to blame, by asking for its halves.

- A refused run of spans is cut in two: where a border is under suspicion, else at the bridged gap nearest to the
  middle, else in the middle. The half that is refused is cut again; a single span that is refused is an offender.
- Two halves that answer where the whole was refused put the border between them under suspicion. It is believed when it
  has been seen twice, so that one odd refusal splits nothing for good.
- When all of a run is known its cuts are undone: only what was learned keeps its neighbours apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.modbus.plan import Span, covered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from connectors.modbus.plan import Extent
    from connectors.modbus.registers import Table

Run = tuple[Span, ...]


@dataclass(slots=True, eq=False)
class Piece:
    """A run whose whole was refused (then it has halves), or a half of one that is still to be asked."""

    run: Run
    parent: Piece | None = None
    halves: tuple[Piece, Piece] | None = None
    done: bool = False
    answered: bool = False

    def leaves(self) -> Iterator[Piece]:
        """Yield what is to be asked of it, in the order of addresses."""
        if self.halves is None:
            yield self
        else:
            for half in self.halves:
                yield from half.leaves()


class Search:
    """The runs of one device that are being cut. `believe` is told each border that no request may cross."""

    def __init__(self, believe: Callable[[Table, Extent], None]) -> None:
        self._believe = believe
        self._roots: list[Piece] = []
        self._suspects: dict[Table, set[Extent]] = {}

    @property
    def is_open(self) -> bool:
        """Whether an answer could teach something."""
        return bool(self._roots) or any(self._suspects.values())

    def leaves(self) -> Iterator[Piece]:
        """Yield what is to be asked as it stands."""
        for root in self._roots:
            yield from root.leaves()

    def split(self, run: Run, part: Piece | None) -> None:
        """Cut a run of several spans that was refused; `part` is what it is of a run that is cut already."""
        if part is None:
            part = Piece(run)
            self._roots.append(part)
        part.done = part.answered = False
        cut = _cut(run, self._suspects.get(run[0].table, set()))
        part.halves = (Piece(run[:cut], part), Piece(run[cut:], part))

    def answered(self, part: Piece) -> bool:
        """Take note that a part was answered; True when that ends the search of its run."""
        if part.done:
            return False
        part.answered = True
        return self.found(part)

    def found(self, part: Piece) -> bool:
        """Take note that all is known of a part; True when that ends the search of its run."""
        part.done = True
        while (whole := part.parent) is not None and whole.halves is not None:
            left, right = whole.halves
            if not (left.done and right.done):
                return False
            whole.done = True
            if left.answered and right.answered:
                self._blame(whole.run[0].table, _border(left.run, right.run))
            part = whole
        if part not in self._roots:
            return False
        self._roots.remove(part)
        return True

    def forget(self, unwanted: Callable[[Run], bool]) -> None:
        """End the search of runs; what is not known of them is learned anew."""
        self._roots = [root for root in self._roots if not unwanted(root.run)]

    def acquit(self, table: Table, crossed: Extent) -> None:
        """Drop the suspicion against borders that an answer has crossed."""
        start, stop = crossed
        suspects = self._suspects.get(table, set())
        suspects -= {(near, far) for near, far in suspects if start <= near and far < stop}

    def _blame(self, table: Table, border: Extent) -> None:
        suspects = self._suspects.setdefault(table, set())
        if border in suspects:
            suspects.discard(border)
            self._believe(table, border)
        else:
            suspects.add(border)


def _cut(run: Run, suspects: set[Extent]) -> int:
    """Return where to cut a run: at a suspect, else at the gap nearest to the middle, else in the middle."""
    middle = len(run) / 2
    cuts = range(1, len(run))
    blamed = [cut for cut in cuts if _border(run[:cut], run[cut:]) in suspects]
    gaps = [cut for cut in cuts if covered(run[:cut])[1] < run[cut].start]
    return min(blamed or gaps or cuts, key=lambda cut: abs(cut - middle))


def _border(left: Run, right: Run) -> Extent:
    """Return the two addresses nearest to each other that neither run covers both."""
    end, start = covered(left)[1], right[0].start
    return min(end, start) - 1, max(end, start)
