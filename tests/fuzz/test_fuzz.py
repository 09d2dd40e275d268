"""The fuzzer's targets, for a bounded number of runs."""

import importlib.util
import subprocess
import sys

import pytest

from tests import ROOT
from tests.fuzz.targets import TARGETS, seeds_of_any

RUNS = 15_000

needs_atheris = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="atheris is not installed (it has no wheel for this Python)",
)


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_hold(name):
    """Each target takes the inputs that it begins with, and none at all."""
    for seed in (b"", *TARGETS[name].seeds):
        TARGETS[name].run(seed)


@needs_atheris
def test_nothing_is_raised(tmp_path):
    """Guided by which lines run, from the same seed each time, nothing but what is promised comes of any input."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(seeds_of_any()):
        (corpus / str(number)).write_bytes(seed)
    # What the fuzzer takes for its own peak is, right after the start, that of this process: getrusage(2).
    memory = ["-rss_limit_mb=0", "-malloc_limit_mb=512"]
    options = [
        f"-runs={RUNS}",
        "-seed=1",
        "-max_len=400",
        "-timeout=20",
        f"-artifact_prefix={tmp_path}/",
        *memory,
    ]

    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "any", *options, str(corpus)],
        cwd=ROOT, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-4_000:]
    assert "Done" in done.stderr
