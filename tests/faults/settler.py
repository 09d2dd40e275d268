"""Kill a process that settles intervals, again and again: `python -m tests.faults.settler FOLDER ROUNDS`.

One book lives through all rounds. In each, a child looks at what came late and settles what is due, and is killed with
SIGKILL before it writes for the n-th time: n is 1 in the first round, 2 in the second, and so on. So it is killed at
every place of a transaction, just after one, and in the next. Prints how many were killed.
"""

import os
import signal
import sys
from pathlib import Path

import numpy as np

from tests.twin.intervals.bench import OTHER, START, Bench
from tests.twin.intervals.meter import HOUR, MINUTE, NS, SERIES
from twin.intervals import maker
from twin.store.duckdb import DuckDBStore

DAYS = 90
EVERY = 10 * MINUTE
MOMENTS = [START - HOUR + at * EVERY + 7 * NS for at in range(DAYS * 144 + 20)]
AT_ONCE = 2
"""Days in a portion: so few that some rounds get further than one."""
WRITES = ("INSERT", "UPDATE", "DELETE", "COMMIT")


def opened(folder: Path) -> Bench:
    """Open a book, over a store that holds all readings already."""
    bench = Bench(DuckDBStore(folder / "twin.duckdb"), folder)
    ids = np.array([SERIES, OTHER], np.int32)
    for one, time in zip(ids.tolist(), bench.store.asof(ids, 2**62).time.tolist(), strict=False):
        bench.newest[one] = time
    return bench


def live(folder: Path, writes: int) -> None:
    """Look and settle until killed, or until nothing is left."""
    left = [writes]

    def about_to(statement: str) -> None:
        if statement.startswith(WRITES):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

    bench = opened(folder)
    bench.book._database.connection.set_trace_callback(about_to)
    bench.look()
    bench.settle()


def main(folder: Path, rounds: int) -> None:
    """Run all rounds."""
    maker.DAYS_AT_ONCE = AT_ONCE
    killed = 0
    for number in range(1, rounds + 1):
        child = os.fork()
        if child == 0:
            live(folder, number)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        killed += os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    sys.stdout.write(f"{killed}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
