"""Signals: the first stops, the second ends."""

import signal
import subprocess
import sys

import pytest

WAITS = """
import asyncio, os, sys
from barrio.service import run_loop, stop_on_signals

async def main():
    stop = stop_on_signals()
    print("ready", flush=True)
    await stop.wait()
    print("stopping", flush=True)
    if sys.argv[1] == "stuck":
        await asyncio.sleep(60)

run_loop(main())
"""


@pytest.mark.parametrize(("manner", "expected"), [("clean", 0), ("stuck", 130)])
def test_signals(manner, expected):
    """One signal stops cleanly; a second one, while the stop takes too long, ends the process at once."""
    command = [sys.executable, "-c", WAITS, manner]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        process.send_signal(signal.SIGINT)
        lines.append(process.stdout.readline())
        if manner == "stuck":
            process.send_signal(signal.SIGTERM)
        code = process.wait(10)

    assert lines == ["ready\n", "stopping\n"]
    assert code == expected
