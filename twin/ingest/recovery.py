"""What the files of a spool say after a stop of any kind: pure sorting out, nothing is written here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from twin.ingest.books import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from twin.ingest.segment import Found


class Hole(NamedTuple):
    """Readings that were durable and are damaged, between two wall-clock times in ns (0: not known)."""

    readings: int
    after: int
    before: int


@dataclass(frozen=True, slots=True)
class Recovery:
    """What `Spool.open` found.

    `readings_damaged` leaves out what an earlier start has reported already; when it is not 0, `records_skipped` and
    `holes` tell of all damage that has not gone by.
    """

    waiting_batches: int
    waiting_readings: int
    readings_damaged: int
    records_skipped: int
    bytes_set_aside: int
    seconds: float
    holes: tuple[Hole, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether nothing was lost."""
        return self.readings_damaged == 0


@dataclass(slots=True)
class Findings:
    """The spool's state, the records that wait, and the holes between them."""

    state: State
    waiting: list[Found] = field(default_factory=list)
    holes: list[Hole] = field(default_factory=list)

    @property
    def skipped(self) -> int:
        """Records that are missing before the newest one."""
        return self.state.seq - self.state.settled_seq - len(self.waiting)

    @property
    def lost(self) -> int:
        """Readings in all holes that are still ahead."""
        return sum(hole.readings for hole in self.holes)


def sort_out(states: Sequence[State], records: Iterable[Found], *, ring_damaged: bool) -> Findings:
    """Settle what counts, from the states of the ring and the records of all segments.

    Which append was last is told by the highest attempt, what has been settled by the highest settled number: the
    two are noted by different threads, so no single state need hold both.
    """
    kept = _kept(max(states, key=lambda state: state.attempt, default=State()), records)
    evidence = [*states, *(found.header.state for found in kept)]
    state = _newest(evidence)
    if ring_damaged:
        state = _trust_deletion(state, kept)
    findings = Findings(state)
    findings.waiting += (
        found for found in kept if found.whole and found.header.state.seq > state.settled_seq
    )
    _find_holes(findings)
    return findings


def _kept(ended: State, records: Iterable[Found]) -> list[Found]:
    """Return the records that stand, in order: not those whose append failed or was tried again later."""
    latest: dict[int, Found] = {}
    for found in records:
        state = found.header.state
        failed = state.attempt <= ended.attempt and state.seq > ended.seq
        rival = latest.get(state.seq)
        if not failed and (rival is None or rival.header.state.attempt < state.attempt):
            latest[state.seq] = found
    return [latest[seq] for seq in sorted(latest)]


def _newest(evidence: Sequence[State]) -> State:
    """Merge states that were noted at different times."""
    if not evidence:
        return State()
    tail = max(evidence, key=lambda state: state.attempt)
    settled = max(evidence, key=lambda state: state.settled_seq)
    return State(
        attempt=tail.attempt,
        seq=tail.seq,
        appended=tail.appended,
        unchanged=max(state.unchanged for state in evidence),
        dropped=max(state.dropped for state in evidence),
        settled_seq=settled.settled_seq,
        settled_rows=settled.settled_rows,
        stored=settled.stored,
        quarantined=settled.quarantined,
        passed=settled.passed,
        damaged=max(state.damaged for state in evidence),
    )


def _trust_deletion(state: State, kept: Sequence[Found]) -> State:
    """Count readings before the first record as stored when the ring that said so is damaged.

    A segment is deleted only when all of it is settled, and the ring that says so is synced before.
    """
    if not kept or kept[0].header.state.seq <= state.settled_seq + 1:
        return state
    first = kept[0].header
    rows = first.state.appended - first.rows
    return state._replace(
        settled_seq=first.state.seq - 1,
        settled_rows=rows,
        stored=state.stored + rows - state.settled_rows,
    )


def _find_holes(findings: Findings) -> None:
    """Compare the running count of readings with the records that are left."""
    state = findings.state
    reached, moment = state.settled_rows, 0
    for found in findings.waiting:
        header = found.header
        begin = header.state.appended - header.rows
        if begin > reached:
            findings.holes.append(Hole(begin - reached, moment, header.written))
        reached, moment = header.state.appended, header.written
    if state.appended > reached:
        findings.holes.append(Hole(state.appended - reached, moment, 0))
