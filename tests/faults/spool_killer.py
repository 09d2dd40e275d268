"""Kill a process that fills a spool, again and again: `python -m tests.faults.spool_killer FOLDER ROUNDS SEED`.

One spool lives through all rounds. In each, a child opens it, appends and acknowledges, and writes down what it was
told; after a seeded time it is killed with SIGKILL, and what the spool then holds is compared with the child's notes.
Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.twin.ingest.batches import batch, same
from twin.frame import Batch
from twin.ingest.spool import Limits, Spool

LIMITS = Limits(max_bytes=2_000_000, segment_bytes=100_000, memory_bytes=50_000)


def fill(folder: Path, notes: Path, seed: int) -> None:
    """Append and acknowledge until killed."""
    rng = random.Random(seed)
    spool = Spool(folder / "spool", LIMITS)
    spool.open()
    log = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    while True:
        kind, rows = rng.randrange(1 << 30), rng.randint(1, 1500)
        os.write(log, f"offer {spool.last_seq + 1} {rows} {kind}\n".encode())
        os.write(log, f"taken {spool.append(batch(rows, kind))} 0 0\n".encode())
        if rng.random() < 0.4:
            upto = rng.choice(spool.read(spool.settled_seq, 5_000)).seq
            bad = rng.randint(0, 1)
            os.write(log, f"settling {upto} {bad} 0\n".encode())
            spool.acknowledge(upto, bad)
            os.write(log, f"settled {upto} {bad} 0\n".encode())


@dataclass
class Notes:
    """What all children wrote down."""

    offered: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)
    settled: int = 0
    settling: int = 0
    quarantined: int = 0
    in_doubt: int = 0

    def read(self, path: Path) -> None:
        """Take in the notes of one child."""
        for line in path.read_text().splitlines() if path.exists() else ():
            verb, *numbers = line.split()
            seq, one, two = map(int, numbers)
            if verb == "offer":
                self.offered.setdefault(seq, []).append((one, two))
            elif verb == "taken":
                self.taken.add(seq)
            elif verb == "settling":
                self.settling, self.in_doubt = seq, one
            else:
                self.settled, self.quarantined, self.in_doubt = seq, self.quarantined + one, 0


def compare(folder: Path, notes: Notes) -> list[str]:
    """Return every way in which the spool does not hold what it said it had."""
    spool = Spool(folder / "spool", LIMITS)
    recovery = spool.open()
    got: dict[int, Batch] = {}
    seq = spool.settled_seq
    while more := spool.read(seq, 50_000):
        got |= {each.seq: each for each in more}
        seq = more[-1].seq
    books = spool.books()
    doubtful = books.quarantined - notes.quarantined
    wrong = {
        "lost": [seq for seq in notes.taken if seq > spool.settled_seq and seq not in got],
        "altered": [
            seq
            for seq, each in got.items()
            if not any(same(each, batch(rows, kind)) for rows, kind in notes.offered[seq])
        ],
        "settled": spool.settled_seq not in (notes.settled, notes.settling),
        "quarantined": doubtful not in (0, notes.in_doubt),
        "damaged": books.damaged or not recovery.clean,
        "books": not books.balanced or books.waiting != sum(len(each) for each in got.values()),
    }
    notes.settled, notes.quarantined, notes.in_doubt = spool.settled_seq, books.quarantined, 0
    spool.close()
    return [f"{name}: {what}" for name, what in wrong.items() if what]


def main(folder: Path, rounds: int, seed: int) -> dict[str, object]:
    """Run all rounds, stopping at the first that finds fault."""
    rng = random.Random(seed)
    notes = Notes()
    faults: list[str] = []
    for number in range(rounds):
        path = folder / f"notes-{number}"
        child = os.fork()
        if child == 0:
            fill(folder, path, rng.randrange(1 << 30) + number)
        time.sleep(rng.uniform(0.001, 0.06))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        notes.read(path)
        faults = compare(folder, notes)
        if faults:
            return {"rounds": number, "faults": faults}
    return {"rounds": rounds, "faults": faults, "taken": len(notes.taken), "settled": notes.settled}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))  # noqa: T201
