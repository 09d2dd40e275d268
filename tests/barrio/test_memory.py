"""Memory that is given back."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from barrio import memory

MAPS = """\
5581d9c0b000-5581d9e0a000 r-xp 0020b000 08:01 1049 /usr/bin/python3.11
5581d9e0a000-5581d9f0a000 r--p 0040a000 08:01 1049 /usr/bin/python3.11
5581d9f0a000-5581da00a000 rw-p 0050a000 08:01 1049 /usr/bin/python3.11
7f1200000000-7f1200021000 r-xp 00000000 00:00 0 /memfd:jit (deleted)
7f1200021000-7f1200042000 r-xp 00000000 00:00 0
7ffd1d5f0000-7ffd1d5f2000 r-xp 00000000 00:00 0 [vdso]
7f1300000000-7f1300010000 r-xs 00000000 08:01 77 /var/lib/shared
7f1400000000-7f1400010000 rwxp 00000000 08:01 78 /var/lib/written
"""

LOADS = """
import sys
from pathlib import Path
from barrio.service import run_loop

async def nothing():
    import pyarrow
    print(pyarrow.default_memory_pool().backend_name)

run_loop(nothing())
"""


def test_only_code_of_files_that_nothing_can_have_written_to_is_let_go():
    assert list(memory.code(MAPS.splitlines())) == [(0x5581D9C0B000, 0x5581D9E0A000)]


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="the kernel does not tell")
def test_code_that_was_run_is_no_longer_resident_and_still_runs():
    query = "SELECT count(*) FROM range(1000) WHERE range % 7 = 0"
    with duckdb.connect(":memory:") as connection:
        assert connection.execute(query).fetchone() == (143,)
        before = resident("_duckdb")
        memory.give_back()
        assert resident("_duckdb") < before / 2
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
    before = gc.get_freeze_count()
    with memory.beginning():
        assert not gc.isenabled()
        memory.settle()
        assert gc.isenabled()
        assert gc.get_freeze_count() > before


def resident(name: str) -> int:
    """Kilobytes of the code of a library that are in memory."""
    found, inside = 0, False
    for line in Path("/proc/self/smaps").read_text("utf-8").splitlines():
        if "-" in line.split(" ")[0]:
            inside = name in line and " r-xp " in line
        elif inside and line.startswith("Rss:"):
            found += int(line.split()[1])
    return found
