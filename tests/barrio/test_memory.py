"""Memory that is given back."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from barrio import memory

SMAPS = Path("/proc/self/smaps")
LOADS = """
import sys
from pathlib import Path
from barrio.service import run_loop

async def nothing():
    import pyarrow
    print(pyarrow.default_memory_pool().backend_name)

run_loop(nothing())
"""
pytestmark = pytest.mark.skipif(not SMAPS.exists(), reason="the kernel does not tell")


def test_nothing_is_let_go_that_was_ever_written_to():
    """Also not what is protected by now: the loader wrote addresses there, which are in no file."""
    asked = memory.read_only()
    found = [one for one in pages() if any(start < one[1] and one[0] < stop for start, stop in asked)]
    written = [one for one in pages() if one[3] and "r--p" in one[2] and ".so" in one[2]]

    assert asked
    assert written
    assert {one[2].split()[1] for one in found} <= {"r-xp", "r--p"}
    assert [one for one in found if one[3] or ("/" not in one[2] and "[vdso]" not in one[2])] == []


def test_code_and_constants_are_no_longer_resident_and_still_serve():
    query = "SELECT count(*) FROM range(1000) WHERE range % 7 = 0"
    with duckdb.connect(":memory:") as connection:
        assert connection.execute(query).fetchone() == (143,)
        before = resident(" r-xp "), resident(" r--p ")
        memory.give_back()
        after = resident(" r-xp "), resident(" r--p ")
        assert after[0] < before[0] / 2
        assert after[1] < before[1] / 2
        assert connection.execute(query).fetchone() == (143,)


def test_pyarrow_takes_the_allocator_that_everything_else_has():
    """Its own would keep memory beside the one that is given back."""
    known = {name: value for name, value in os.environ.items() if name != "ARROW_DEFAULT_MEMORY_POOL"}
    done = subprocess.run(
        [sys.executable, "-c", LOADS], capture_output=True, text=True, check=True, env=known
    )

    assert done.stdout == "system\n"


def test_a_start_looks_for_no_garbage_and_what_comes_after_it_does():
    """Also where the start ends in an error."""
    with pytest.raises(ZeroDivisionError), memory.beginning():
        raise ZeroDivisionError
    assert gc.isenabled()
    with memory.beginning():
        assert not gc.isenabled()
        memory.settle()
        assert gc.isenabled()
        assert gc.get_freeze_count()
    gc.unfreeze()


def resident(protection: str) -> int:
    """Kilobytes of DuckDB's library that are in memory."""
    return sum(one[4] for one in pages() if "_duckdb" in one[2] and protection in one[2])


def pages() -> list[tuple[int, int, str, int, int]]:
    """Where each mapping of this process begins and ends, its line, and how many kB are its own and resident."""
    found: list[tuple[int, int, str, int, int]] = []
    for line in SMAPS.read_text("utf-8").splitlines():
        head, *rest = line.split(maxsplit=1)
        if "-" in head and not head.endswith(":"):
            start, stop = (int(one, 16) for one in head.split("-"))
            found.append((start, stop, line, 0, 0))
        elif head in {"Rss:", "Anonymous:"}:
            number = int(rest[0].split()[0])
            start, stop, words, own, there = found[-1]
            found[-1] = (
                (start, stop, words, number, there)
                if head == "Anonymous:"
                else (start, stop, words, own, number)
            )
    return found
