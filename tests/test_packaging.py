"""What is shipped: the packages, their data, the locks, the licence, and the list of exemptions."""

import re
import subprocess
import sys
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from importlib.metadata import entry_points, metadata, packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
LOCKS = ("requirements.lock", "requirements-dev.lock")
# All that a lock may say: a pin, a hash, a comment that names packages. No option, address or path fits.
LOCK_LINE = re.compile(
    r"""\#\ Made\ by\ `make\ lock`\ from\ pyproject\.toml;\ do\ not\ edit\.
    | [a-z0-9.-]+==[0-9a-z.]+(\ (;|and)\ [a-z_]+\ [!=<>]+\ "[a-z0-9._]+")*\ \\
    | \ {4}--hash=sha256:[0-9a-f]{64}(\ \\)?
    | \ {4}\#(\ via)?(\ {1,3}[A-Za-z0-9.-]+)?""",
    re.VERBOSE,
)


def pins(lock: str) -> dict[str, str]:
    found = re.findall(r"^([a-z0-9.-]+)==([^ ]+)", (ROOT / lock).read_text(), re.MULTILINE)
    return dict(found)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built anew."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        yield archive


def test_packages_belong_to_barrio():
    """No other installed distribution brings a package of one of our names."""
    owners = packages_distributions()

    # An editable install names no files, so there the list of owners is empty.
    assert {name: set(owners.get(name, ["barrio"])) for name in PACKAGES} == {
        name: {"barrio"} for name in PACKAGES
    }


def test_every_package_is_shipped_and_layered():
    """A package folder at the top is in the wheel, in the sdist, under mypy and in the layers."""
    folders = {init.parent.name for init in ROOT.glob("*/__init__.py")} - {"tests"}
    tool = PROJECT["tool"]
    layers = {layer.strip("()") for layer in tool["importlinter"]["contracts"][0]["layers"]}

    assert set(PACKAGES) == folders
    assert set(tool["importlinter"]["root_packages"]) == folders
    assert folders <= set(tool["hatch"]["build"]["targets"]["sdist"]["only-include"])
    assert folders <= set(tool["mypy"]["files"])
    assert folders <= layers


def test_wheel_holds_every_file_of_the_packages(wheel):
    """Code, districts, profiles, READMEs and type markers: the wheel holds all files of the packages, no others."""
    files = (path for name in PACKAGES for path in (ROOT / name).rglob("*") if path.is_file())
    caches = {"__pycache__", ".ruff_cache", ".mypy_cache", ".pytest_cache"}
    expected = {str(path.relative_to(ROOT)) for path in files if not caches & set(path.parts)}
    shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}

    assert shipped == expected
    assert {f"{name}/py.typed" for name in PACKAGES} <= shipped


def test_licence_is_apache(wheel):
    """The metadata name the licence, and its text travels with the wheel."""
    name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    said: Message = Parser().parsestr(wheel.read(name).decode())

    assert said["License-Expression"] == "Apache-2.0"
    assert said.get_all("License-File") == ["LICENSE", "NOTICE"]
    assert "Apache License\n                           Version 2.0" in (ROOT / "LICENSE").read_text()


def test_connectors_are_named_by_entry_points():
    """The four protocols are found by name; each connector's own tests load it."""

    assert {entry.name for entry in entry_points(group="barrio.connectors")} >= {
        "modbus",
        "opcua",
        "coap",
        "mqtt",
    }
    assert set(PROJECT["project"]["entry-points"]["barrio.connectors"]) == {"modbus", "opcua", "coap", "mqtt"}
    assert metadata("barrio")["Version"] == PROJECT["project"]["version"]


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_index_and_no_machine(lock):
    """A lock holds pins, hashes and package names: where packages come from is up to who installs."""
    lines = (ROOT / lock).read_text().splitlines()

    assert [line for line in lines if not LOCK_LINE.fullmatch(line)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash(lock):
    """Each pinned release is followed by the hash of at least one file."""
    text = (ROOT / lock).read_text()

    assert len(re.findall(r"^\S+==.*\\\n {4}--hash=", text, re.MULTILINE)) == len(pins(lock)) > 0


def test_dev_lock_holds_the_other():
    """What runs is what was tested: the same versions stand in both locks."""

    assert pins("requirements.lock").items() <= pins("requirements-dev.lock").items()


def test_locks_satisfy_the_bounds():
    """Every dependency and build tool is locked, to a version that pyproject.toml allows."""
    groups = PROJECT["dependency-groups"]
    declared = [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"], *groups["build"]]
    locked = pins("requirements.lock")
    asked = [Requirement(text) for text in declared]

    assert [
        str(one) for one in asked if locked.get(canonicalize_name(one.name), "") not in one.specifier
    ] == []
    for one in (Requirement(text) for text in groups["dev"] if isinstance(text, str)):
        assert pins("requirements-dev.lock")[canonicalize_name(one.name)] in one.specifier, one


def test_every_exemption_has_a_reason():
    """Each rule that ruff is told to ignore says why on its own line, and so does each warning."""
    text = (ROOT / "pyproject.toml").read_text()
    ruff = text[text.index("[tool.ruff]") : text.index("[tool.mypy]")]
    lint = PROJECT["tool"]["ruff"]["lint"]
    rules = {*lint["ignore"], *(rule for some in lint["per-file-ignores"].values() for rule in some)}
    exempt = re.findall(r'^ +"([A-Z]+\d*)",(.*)$', ruff, re.MULTILINE)

    assert lint["select"] == ["ALL"]
    assert {rule for rule, _ in exempt} == rules
    assert [rule for rule, reason in exempt if not re.fullmatch(r" +# \S.{10,}", reason)] == []
    assert re.findall(r'^ +"ignore:[^#\n]*$', text, re.MULTILINE) == []
