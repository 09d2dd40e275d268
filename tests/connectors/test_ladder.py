"""The rung follows from the record, check by check."""

import json
from dataclasses import replace

import pytest

from connectors.conformance.suite import Suite
from connectors.ladder import CHECKS, PASSED, Record, Rung, digest, judge, read_record

SOURCES = "sha256:0"
FULL = Record(
    connector="knx",
    kit="0.1.0",
    sources=SOURCES,
    checks=dict.fromkeys(CHECKS, PASSED),
    lines=(95, 100),
    properties=1,
)


def without(check, outcome):
    return replace(FULL, checks={**FULL.checks, check: outcome})


def test_every_check_of_the_suite_stands_on_the_ladder():
    """The suite's tests and the ladder's checks are the same, but for the record's own."""
    tests = {name.removeprefix("test_") for name in dir(Suite) if name.startswith("test_")}

    assert tests - {"record_is_true"} == set(CHECKS)


def test_all_passed_is_platinum():
    """Who has passed everything stands at the top, with nothing missing."""
    found = judge(FULL, "knx", SOURCES)

    assert (found.rung, found.proven, found.missing) == (Rung.PLATINUM, True, [])


@pytest.mark.parametrize(("check", "needed"), [(check, needed) for check, (needed, _) in CHECKS.items()])
def test_failed_check_stops_below_its_rung(check, needed):
    """The rung that needs a check is not reached without it, and its sentence is what is missing."""
    found = judge(without(check, "failed"), "knx", SOURCES)

    assert found.rung == needed - 1
    assert found.missing == [f"{CHECKS[check][1]} ({check}: failed)"]


def test_check_that_was_left_out_is_missing():
    """Skipped is not passed, and the reason is said."""
    found = judge(without("discovers", "skipped: the connector has no `discover`"), "knx", SOURCES)

    assert found.rung is Rung.SILVER
    assert "has no `discover`" in found.missing[0]


def test_check_that_never_ran_is_missing():
    """A record of an older suite does not prove what that suite did not try."""
    checks = {name: outcome for name, outcome in FULL.checks.items() if name != "leaks_nothing"}
    found = judge(replace(FULL, checks=checks), "knx", SOURCES)

    assert found.rung is Rung.BRONZE
    assert found.missing == ["leaks nothing over 200 reconnects (leaks_nothing: not tried)"]


def test_one_failed_case_fails_its_check():
    """A check of many cases is passed when all of them are."""
    cases = {"comes_back_after[reset]": PASSED, "comes_back_after[silence]": "failed"}
    checks = {name: outcome for name, outcome in FULL.checks.items() if name != "comes_back_after"} | cases
    found = judge(replace(FULL, checks=checks), "knx", SOURCES)

    assert found.rung is Rung.BRONZE
    assert "comes_back_after[silence]: failed" in found.missing[0]


@pytest.mark.parametrize(
    ("record", "rung", "words"),
    [
        (replace(FULL, lines=(94, 100)), Rung.BRONZE, "94 of 100"),
        (replace(FULL, lines=(0, 0)), Rung.BRONZE, "0 of 0"),
        (replace(FULL, properties=0), Rung.SILVER, "property tests"),
    ],
)
def test_lines_and_properties_count(record, rung, words):
    """Silver needs 95 % of the lines, Gold a property test."""
    found = judge(record, "knx", SOURCES)

    assert found.rung is rung
    assert words in found.missing[0]


@pytest.mark.parametrize(
    ("record", "sources"), [(None, SOURCES), (FULL, "sha256:1"), (replace(FULL, connector="dali"), SOURCES)]
)
def test_without_a_fitting_record_nothing_is_proven(record, sources):
    """No record, one of other files, or one of another connector proves nothing."""
    found = judge(record, "knx", sources)

    assert (found.rung, found.proven) == (Rung.NONE, False)
    assert found.missing


def test_record_is_read_as_it_was_written(tmp_path):
    """A record survives the way to its file."""
    path = tmp_path / "conformance.json"
    path.write_text(FULL.text(), encoding="utf-8")

    assert read_record(path) == FULL


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"checks": 3}', json.dumps({"connector": "knx"})])
def test_broken_record_is_none(tmp_path, text):
    """What cannot be understood proves nothing, and is no error."""
    path = tmp_path / "conformance.json"
    path.write_text(text, encoding="utf-8")

    assert read_record(path) is None


def test_digest_sees_code_and_readme_and_nothing_else(tmp_path):
    """A changed byte, a new file and a new name change the digest; the record and caches do not."""
    (tmp_path / "codec.py").write_text("A = 1\n")
    digests = [digest(tmp_path)]
    for change in (
        lambda: (tmp_path / "codec.py").write_text("A = 2\n"),
        lambda: (tmp_path / "README.md").write_text("# It\n"),
        lambda: (tmp_path / "codec.py").rename(tmp_path / "other.py"),
    ):
        change()
        digests.append(digest(tmp_path))
    (tmp_path / "conformance.json").write_text("{}")

    assert len(set(digests)) == 4
    assert digest(tmp_path) == digests[-1]
