"""Writes requirements.lock and requirements-dev.lock from pyproject.toml: every version exact, every file by its hash.

Run through `make lock`. Versions that are already locked stay, unless `--upgrade` is given. The locks are resolved
on the oldest Python that we support; they hold the hashes of all files of a release, so they serve every platform.
"""

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
HEADER = "# Made by `make lock` from pyproject.toml; do not edit.\n"
# Where packages come from is the business of the machine that installs, so nothing of it may reach the locks.
HERE_ONLY = ("PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST")
COMPILE = (
    *(sys.executable, "-m", "piptools", "compile", "--quiet", "--generate-hashes", "--allow-unsafe"),
    *("--strip-extras", "--no-header", "--no-emit-options", "--no-emit-index-url", "--no-emit-trusted-host"),
    *("--no-emit-find-links", "--resolver=backtracking", "--newline=lf"),
)


def group(groups: dict[str, list[Any]], name: str) -> list[str]:
    """The requirements of one dependency group, with the groups that it includes."""
    found: list[str] = []
    for entry in groups[name]:
        found += [entry] if isinstance(entry, str) else group(groups, entry["include-group"])
    return found


def lock(folder: Path, target: Path, requirements: list[str], options: list[str]) -> None:
    """Resolve the requirements in a scratch folder and write the result to the target."""
    source, result = folder / "barrio.in", folder / target.name
    source.write_text("\n".join(requirements) + "\n")
    if target.exists():
        result.write_text(target.read_text())
    environment = {name: value for name, value in os.environ.items() if name not in HERE_ONLY}
    command = [*COMPILE, *options, "--output-file", result.name, source.name]
    # No shell, and every word of the command stands in this file.
    subprocess.run(command, cwd=folder, env=environment, check=True, stdin=subprocess.DEVNULL)
    text = re.sub(r"-[rc] (barrio\.in|requirements\.lock)", "barrio", result.read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith(("-", "# "))]
    target.write_text(HEADER + "\n".join(lines).strip("\n") + "\n")


def main() -> None:
    """Write both locks; the second is held to the first, so that it is a superset of it."""
    if sys.version_info[:2] != OLDEST:
        sys.exit(f"make lock: runs on Python {OLDEST[0]}.{OLDEST[1]}, this one is {sys.version.split()[0]}")
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime = [*declared["project"]["dependencies"], *group(declared["dependency-groups"], "build")]
    dev = group(declared["dependency-groups"], "dev")
    options = [option for option in sys.argv[1:] if option == "--upgrade"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lock(folder, ROOT / "requirements.lock", runtime, options)
        lock(
            folder,
            ROOT / "requirements-dev.lock",
            runtime + dev,
            [*options, "--constraint=requirements.lock"],
        )


if __name__ == "__main__":
    main()
