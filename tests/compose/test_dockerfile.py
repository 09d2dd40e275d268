"""compose/Dockerfile: what it installs is locked, what it ends as is no root, what it builds is barrio."""

import re
import subprocess
import sys
import zipfile
from fnmatch import fnmatch
from importlib.metadata import distribution, requires
from pathlib import Path
from shutil import copytree, ignore_patterns

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import ROOT
from tests.compose.reading import FOLDER

TEXT = (FOLDER / "Dockerfile").read_text("utf-8")


def instructions(text):
    """Return `(word, arguments)` of every instruction, lines that go on joined, comments left out."""
    lines = [line for line in text.splitlines() if not re.match(r"\s*#", line)]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]


def stages():
    """Return the instructions of each stage, its FROM first."""
    found: list[list[tuple[str, str]]] = []
    for word, arguments in instructions(TEXT):
        if word == "FROM":
            found.append([])
        if found:
            found[-1].append((word, arguments))
    return found


def all_of(word, stage=None):
    return [arguments for one, arguments in (stage or instructions(TEXT)) if one == word]


BUILD, LAST = stages()


def test_both_stages_begin_with_one_exact_image():
    """A version, no `latest`, room for a digest; the environment runs on the Python that made it."""
    [first, second] = all_of("FROM")

    assert first == f"{second} AS build"
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+\$\{PYTHON_DIGEST\}", second)
    assert all_of("ARG") == ['PYTHON_DIGEST=""']


def test_what_is_installed_is_locked():
    """Every file by its hash from the lock, nothing that would have to be compiled; our own wheel by itself."""
    installs = re.findall(r"pip install ([^&]*)", " && ".join(all_of("RUN")))

    assert [one.split() for one in installs] == [
        ["--only-binary", ":all:", "--require-hashes", "-r", "requirements.lock"],
        ["--no-deps", "--no-index", "/dist/barrio-*.whl"],
    ]
    assert "--no-index" in re.findall(r"pip wheel ([^&]*)", TEXT)[0]


def test_it_names_no_place_to_fetch_from():
    """No index, no address at all, no ADD, no download: where packages come from is the builder's business."""

    words = TEXT.replace("http://127.0.0.1:8080/", "")
    assert not re.search(r"https?://|index-url|find-links|trusted-host|curl|wget|apt-get", words)
    assert all_of("ADD") == []


def test_it_ends_as_nobody_in_particular():
    """The last user is the one that compose names, by number; nothing is done as root after it."""
    words = [word for word, _ in LAST]
    after = words[words.index("USER") :]

    assert all_of("USER", LAST) == ["10001:10001"]
    assert not set(after) & {"RUN", "COPY", "ADD"}
    assert "--uid 10001" in TEXT
    assert "--gid 10001" in TEXT


def test_the_last_stage_holds_no_tools():
    """Only the environment comes over; pip is gone from both; nothing is compiled there."""

    assert all_of("COPY", LAST) == ["--from=build /opt/barrio /opt/barrio"]
    assert re.search(r"pip uninstall .*\bpip\b", all_of("RUN", LAST)[0])
    assert len(all_of("RUN", LAST)) == 1


def test_no_secret_is_in_it():
    """Neither as an argument nor as a variable."""
    given = " ".join(all_of("ENV") + all_of("ARG"))

    assert not re.search(r"TOKEN|PASSWORD|SECRET", given)


def test_it_says_what_it_is_and_how_it_is():
    """Labels, one port, a health check that needs nothing but Python, commands without a shell."""

    assert "org.opencontainers.image.licenses" in all_of("LABEL", LAST)[0]
    assert all_of("EXPOSE", LAST) == ["8080"]
    [check] = all_of("HEALTHCHECK", LAST)
    assert 'CMD ["python", "-m", "barrio.ready", "http://127.0.0.1:8080/readyz"]' in check
    assert all(one.startswith("[") for one in all_of("CMD", LAST))


def copied():
    """Names that the build stage copies from the repository."""
    words = [one.split() for one in all_of("COPY", BUILD)]
    return [name for one in words for name in (one[:-1] if one[-1] == "./" else [one[0]])]


def test_the_builder_gets_what_is_copied_and_no_more():
    """The list of what goes to the builder and the copies name the same; secrets and data stay here."""
    lines = (FOLDER / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]

    assert rules[0] == "*"
    assert sorted(rule[1:] for rule in rules if rule.startswith("!")) == sorted(copied())
    assert not any(fnmatch("compose", rule[1:]) for rule in rules if rule.startswith("!"))


def needed():
    """Names of all distributions that barrio needs to run, through all levels."""
    found: set[tuple[str, frozenset[str]]] = set()
    todo = [Requirement(one) for one in requires("barrio") or ()]
    while todo:
        one = todo.pop()
        # Once for each set of extras: what one asks for plainly another may ask for with more.
        this = (canonicalize_name(one.name), frozenset(one.extras))
        if this in found or not (one.marker is None or one.marker.evaluate({"extra": ""})):
            continue
        found.add(this)
        extras = [{"extra": extra} for extra in ("", *one.extras)]
        inner = [Requirement(text) for text in distribution(one.name).requires or ()]
        todo += [
            Requirement(f"{r.name}{'[' + ','.join(r.extras) + ']' if r.extras else ''}")
            for r in inner
            if r.marker is None or any(r.marker.evaluate(environment) for environment in extras)
        ]
    return {name for name, _ in found}


def test_what_is_taken_out_again_is_only_for_building():
    """No package that barrio needs is uninstalled, and of what only building needs none stays."""
    [gone] = re.findall(r"pip uninstall --yes --quiet ([^&]*)", " && ".join(all_of("RUN", BUILD)))
    locked = re.findall(r"^([a-z0-9.-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    for_us = needed()

    assert {"fastapi", "duckdb", "starlette"} < for_us
    assert not set(gone.split()) & for_us
    left = {"packaging"} | {"pip", "setuptools"}
    assert set(locked) - for_us - {"uvloop"} <= set(gone.split()) | left


def test_the_build_stage_builds_barrio_from_what_it_copies(tmp_path):
    """Run as the Dockerfile has it, in a folder with what it copies and nothing else, pip makes a whole wheel."""
    source, target = tmp_path / "src", tmp_path / "dist"
    source.mkdir()
    for name in copied():
        if (ROOT / name).is_dir():
            copytree(ROOT / name, source / name, ignore=ignore_patterns("__pycache__", "*.pyc"))
        else:
            (source / name).write_bytes((ROOT / name).read_bytes())
    [options] = re.findall(r"pip wheel (.*?) --wheel-dir /dist \.", TEXT)
    command = [
        sys.executable,
        "-m",
        "pip",
        "--quiet",
        "wheel",
        *options.split(),
        "--wheel-dir",
        str(target),
        ".",
    ]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(target.glob("barrio-*.whl"))) as wheel:
        names = wheel.namelist()
    assert {Path(name).parts[0] for name in names if name.endswith(".py")} == {
        *("barrio", "connectors", "dashboards", "provisioning", "twin")
    }
    assert "twin/districts/ciudad-maderas/provisioning.yaml" in names
