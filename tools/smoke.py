"""Tries an installed barrio from outside of the repository: its packages, its commands, and a demo whose books balance.

Run it with the Python that barrio is installed in, from an empty folder.
"""

import json
import subprocess
import sys
from importlib.metadata import entry_points, packages_distributions
from pathlib import Path

BARRIO = Path(sys.executable).with_name("barrio")
DISTRICT = "ciudad-maderas"
PACKAGES = ("barrio", "connectors", "dashboards", "provisioning", "twin")


def run(*words: str) -> str:
    """Run a barrio command and return its output; a failing one ends the smoke test with what it said."""
    done = subprocess.run(
        [BARRIO, *words], check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    if done.returncode != 0:
        sys.exit(f"smoke: barrio {' '.join(words)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    print(f"smoke: barrio {' '.join(words)}: ok")
    return done.stdout


def hold(true: bool, what: str) -> None:  # noqa: FBT001 -- a condition is its subject
    """End the smoke test when something does not hold."""
    if not true:
        sys.exit(f"smoke: {what}")


def main() -> None:
    """Go from the packages to the demo."""
    owners = packages_distributions()
    for name in PACKAGES:
        hold(set(owners.get(name, [])) == {"barrio"}, f"package {name} belongs to {owners.get(name)}")
    hold("0.1.0" in run("--version"), "barrio --version does not say 0.1.0")
    run("check", DISTRICT)
    listed = run("connectors")
    for entry in entry_points(group="barrio.connectors"):
        entry.load()
        hold(entry.name in listed, f"barrio connectors does not list {entry.name}")
    run("render", DISTRICT, "--out", "files", "--store", "http://influxdb.example:8086")
    home = json.loads(Path("files/dashboards", DISTRICT, f"{DISTRICT}-home.json").read_text())
    hold(bool(home["panels"]), "the home of the district has no panels")
    books = json.loads(run("demo", "--for", "12s", "--json").splitlines()[-1])
    hold(books["balanced"] is True, f"the books of the demo do not balance: {books}")
    hold(books["devices"]["heard"] > 0, f"the demo heard no device: {books}")


if __name__ == "__main__":
    main()
