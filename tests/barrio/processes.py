"""The command as its users run it: processes of their own, with all that they say."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from twin.folder import DataFolder

COMMAND = [sys.executable, "-m", "barrio"]
WITHIN_S = 60.0


def environment(**variables: str) -> dict[str, str]:
    """The environment of this process without settings of barrio, and `variables`."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("BARRIO_")}
    return own | variables


def barrio(*words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*COMMAND, *words],
        cwd=cwd,
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
        stdin=subprocess.DEVNULL,
    )


@contextmanager
def started(*words: str, cwd: Path, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command beside the test; it is gone when the block ends."""
    process = subprocess.Popen(
        [*COMMAND, *words],
        cwd=cwd,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def demo(
    *words: str, cwd: Path, until: Callable[[Mapping[str, Any]], object], **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a demo over `cwd/data` until its status is what is waited for, then end it as Ctrl-C does."""
    words = ("demo", "--json", "--data", "data", "--listen", "127.0.0.1:0", *words)
    folder = DataFolder(cwd / "data")
    with started(*words, cwd=cwd, **variables) as process:
        ends = time.monotonic() + WITHIN_S
        while process.poll() is None and time.monotonic() < ends:
            url = (folder.read_platform() or {}).get("http")
            if url and until(wait_for(f"{url}/api/v1/status", process, data=folder.path).json()):
                break
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=WITHIN_S)
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def wait_for(
    url: str, process: subprocess.Popen[str], status: int = 200, data: Path | None = None
) -> httpx.Response:
    """Return the first answer with that status; what the process said when it ended instead.

    With a data folder it is the operator who asks.
    """
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise AssertionError(f"it ended with {process.returncode}: {process.communicate()[1]}")
        try:
            shown = {} if data is None else {"Authorization": f"Bearer {DataFolder(data).read_token()}"}
            answer = httpx.get(url, timeout=5, trust_env=False, headers=shown)
            if answer.status_code == status:
                return answer
        except (httpx.TransportError, FileNotFoundError):
            pass
        time.sleep(0.1)
    raise AssertionError(f"{url} did not answer {status} within {WITHIN_S:g} s")
