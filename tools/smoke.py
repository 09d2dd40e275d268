"""Tries an installed barrio from outside of the repository: its packages, its commands, and a demo whose books balance.

The demo is asked as anybody may ask it: for the console's first page and its files, the catalogue and SensorThings.

Run it with the Python that barrio is installed in, from an empty folder.
"""

import json
import re
import socket
import subprocess
import sys
import time
from importlib.metadata import entry_points, packages_distributions
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

BARRIO = Path(sys.executable).with_name("barrio")
DISTRICT = "ciudad-maderas"
ANSWERS_WITHIN_S = 30.0
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


def ask(url: str, accept: str) -> str:
    """Return what an address of this machine answers, whatever proxy there is; raise URLError when it does not."""
    with build_opener(ProxyHandler({})).open(Request(url, headers={"Accept": accept}), timeout=10) as answer:  # noqa: S310 -- made of our own address
        return str(answer.read(), "utf-8")


def try_demo() -> None:
    """Run the demo for a while, ask it what anybody may, and look at its books."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        where = f"127.0.0.1:{free.getsockname()[1]}"
    words = (BARRIO, "demo", "--for", "20s", "--json", "--listen", where)
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL) as running:
        try:
            try_answers(f"http://{where}")
            said, _ = running.communicate(timeout=90)
        except BaseException:
            running.kill()
            raise
    hold(running.returncode == 0, f"the demo ended with exit code {running.returncode}")
    books = json.loads(said.splitlines()[-1])
    hold(books["balanced"] is True, f"the books of the demo do not balance: {books}")
    hold(books["devices"]["heard"] > 0, f"the demo heard no device: {books}")
    print("smoke: barrio demo: ok")


def try_answers(url: str) -> None:
    """Ask for what a browser, a harvester of catalogues and a client of SensorThings ask for first."""
    until = time.monotonic() + ANSWERS_WITHIN_S
    while True:
        try:
            ask(f"{url}/healthz", "*/*")
            break
        except OSError as error:
            hold(time.monotonic() < until, f"the demo does not answer: {error}")
            time.sleep(0.2)
    try:
        page = ask(f"{url}/", "text/html")
        files = re.findall(r'(?:src=|href=|url\()"(/[^"]+\.(?:js|css))"', page)
        hold("Barrio" in page and len(files) > 1, f"the console has no first page: {page[:500]}")
        hold(all(ask(url + file, "*/*") for file in files), f"a file of the console is empty: {files}")
        print(f"smoke: GET / and its {len(files)} files: ok")
        for path, key in (("/catalog", "dcat:dataset"), ("/sta/v1.1", "value")):
            found = json.loads(ask(url + path, "application/json"))
            hold(bool(found.get(key)), f"GET {path} has no {key}: {str(found)[:500]}")
            print(f"smoke: GET {path}: ok")
    except URLError as error:
        sys.exit(f"smoke: {error}")


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
    try_demo()


if __name__ == "__main__":
    main()
