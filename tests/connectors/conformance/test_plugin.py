"""The plug-in records what the suite gave, no more and no less."""

import json
import os
import subprocess
import sys

import pytest

from connectors.ladder import CHECKS
from tests import ROOT

CONNECTOR = '''
"""A connector that the tests of the plug-in try."""
def half(number):
    if number < 0:
        raise ValueError
    return number / 2

class Tiny:
    name = "tiny"

connector = Tiny()
'''
TESTS = """
from unittest import SkipTest

import pytest
from hypothesis import given, settings, strategies

from connectors.conformance.subject import Subject
from connectors.conformance.suite import Suite
from connectors.ladder import CHECKS
from tiny_connector import connector, half

class TinySubject(Subject):
    connector = connector

class Quick(Suite):
    subject = TinySubject()

def outcome(name):
    def check(self):
        if name == "discovers":
            raise SkipTest("has none")
        assert name != FAILS
    return check

FAILS = {fails!r}
for name in CHECKS:
    setattr(Quick, f"test_{{name}}", outcome(name))
Quick.pytest_generate_tests = lambda self, metafunc: None

class TestTiny(Quick):
    pass

@settings(max_examples=3)
@given(strategies.integers(0, 9))
def test_half(number):
    assert half(number) * 2 == number
"""


@pytest.fixture
def project(tmp_path):
    """A folder with a connector in a package, and its tests."""
    package = tmp_path / "tiny_connector"
    package.mkdir()
    (package / "__init__.py").write_text(CONNECTOR)
    (tmp_path / "test_tiny.py").write_text(TESTS.format(fails=""))
    return tmp_path


def run(project, *arguments):
    """Run pytest there; returns its exit code and what it said."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(project), str(ROOT)])}
    options = ("-q", "-p", "no:cacheprovider", "-o", "asyncio_default_fixture_loop_scope=function")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *arguments],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def recorded(project):
    return json.loads((project / "tiny_connector" / "conformance.json").read_text())


def test_writes_outcomes_lines_and_properties(project):
    """The record holds each check with its outcome, the lines of functions that ran, the property tests that passed."""
    code, said = run(project, "--barrio-record")
    record = recorded(project)

    assert code == 0, said
    assert record["checks"] == dict.fromkeys(CHECKS, "passed") | {"discovers": "skipped: has none"}
    assert record["lines"] == {"run": 2, "of": 3}
    assert record["properties"] == 1
    assert "conformance of tiny: bronze, 2 of 3 lines" in said


def test_record_that_is_true_passes(project):
    """The run after the recording finds what was recorded."""
    run(project, "--barrio-record")
    code, said = run(project)

    assert code == 0, said


def test_record_that_claims_too_much_fails(project):
    """A record says that a check passed which fails now: the run fails and names it."""
    run(project, "--barrio-record")
    path = project / "tiny_connector" / "conformance.json"
    claimed = recorded(project)
    claimed["checks"]["discovers"] = "passed"
    path.write_text(json.dumps(claimed))
    code, said = run(project)

    assert code == 1
    assert "discovers: passed is recorded, skipped: has none was found" in said


def test_changed_connector_makes_the_record_untrue(project):
    """A record of other files fails, though every check gives the same."""
    run(project, "--barrio-record")
    with (project / "tiny_connector" / "__init__.py").open("a") as file:
        file.write("# other\n")
    code, said = run(project)

    assert code == 1
    assert "the connector's files have changed since" in said


def test_failed_check_is_recorded_as_failed(project):
    """A record is written of what was found, also when that is a failure."""
    (project / "test_tiny.py").write_text(TESTS.format(fails="leaks_nothing"))
    code, said = run(project, "--barrio-record")

    assert code == 1
    assert recorded(project)["checks"]["leaks_nothing"] == "failed"
    assert "leaks_nothing: failed" in said


def test_half_a_run_records_nothing(project):
    """Some of the checks are not the suite: no record is written."""
    run(project, "--barrio-record", "-k", "zero")

    assert not (project / "tiny_connector" / "conformance.json").exists()


def test_results_go_where_they_are_wanted(project):
    """`--barrio-results` writes to a file of its own and leaves the connector's folder alone."""
    run(project, "--barrio-results", "found.json")
    (found,) = json.loads((project / "found.json").read_text())

    assert found["connector"] == "tiny"
    assert found["checks"]["zero_is_a_value"] == "passed"
    assert not (project / "tiny_connector" / "conformance.json").exists()
