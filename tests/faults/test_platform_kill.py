"""A platform that is killed, at any moment of its life."""

import asyncio
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.stage import Shop, balanced, settled

FOLDERS = 5
ROUNDS = 20


def start(folder: Path, seed: int) -> subprocess.Popen[str]:
    folder.mkdir()
    Shop(folder)
    command = [sys.executable, "-m", "tests.faults.victim", str(folder), str(ROUNDS), str(seed)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def notes(folder: Path, verb: str) -> dict[tuple[int, float], int]:
    """How often each pair of series and value was noted."""
    found: Counter[tuple[int, float]] = Counter()
    for path in folder.glob("notes-*"):
        for line in path.read_text().splitlines():
            said, *numbers = line.split()
            if said == verb:
                *ids, first = map(int, numbers)
                found.update((one, float(first + index)) for index, one in enumerate(ids))
    return found


def last_phases(folder: Path) -> set[str]:
    """The phases in which the children were killed."""
    texts = [path.read_text() for path in folder.glob("notes-*")]
    return {text.rsplit("phase ", 1)[1].split()[0] for text in texts if "phase " in text}


@pytest.mark.timeout(300)
async def test_killed_at_a_hundred_moments(tmp_path):
    """Whenever it is killed, what was acknowledged is stored once, nothing else is, and the books balance."""
    folders = [tmp_path / str(number) for number in range(FOLDERS)]
    said: list[str] = []
    for some in (folders[:2], folders[2:4], folders[4:]):
        children = [start(folder, 7 * int(folder.name) + 1) for folder in some]
        said += [(await asyncio.to_thread(child.communicate))[1] for child in children]
    phases: set[str] = set()
    total = 0
    for folder in folders:
        shop = Shop(folder)
        async with shop.running() as platform:
            await settled(platform)
        rows = Counter((series, value) for series, _, value in shop.rows())
        acked = notes(folder, "acked")
        phases |= last_phases(folder)
        total += len(acked)

        assert acked.keys() - rows.keys() == set()
        assert rows.keys() - notes(folder, "offered").keys() == set()
        assert max(rows.values()) == 1
        assert platform.spool.books().stored == len(shop.rows())
        assert platform.spool.books().damaged == 0
        assert balanced(platform)
    assert said == [""] * FOLDERS
    assert {"restore", "run", "drain"} <= phases
    assert total > 5_000
