"""`python -m tests.fuzz TARGET|any [libFuzzer's options]`: run one target, or all, until something is raised."""

from __future__ import annotations

import sys

import atheris  # type: ignore[import-untyped]

# Before anything of it is imported: what guides the fuzzer is which lines ran.
with atheris.instrument_imports(include=["connectors"], enable_loader_override=False):
    from tests.fuzz.targets import TARGETS, any_of


def main() -> None:
    """Fuzz; the process ends with 0 when the runs are over, otherwise with the input that did it."""
    program, name, *options = sys.argv
    atheris.Setup([program, *options], any_of if name == "any" else TARGETS[name].run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
