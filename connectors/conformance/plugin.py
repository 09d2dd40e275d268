"""The pytest plug-in: gathers what the suite gives for each connector, and records it on demand.

`--barrio-record` writes `conformance.json` beside each connector's code, after a run of the whole suite;
`--barrio-results FILE` writes the same for all of them to another place. While recording, the lines of the connectors
that run are counted, so run their own tests along: `pytest tests/connectors --barrio-record`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from connectors.conformance.results import Results

_RESULTS = pytest.StashKey["Results"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("barrio", "conformance of connectors")
    group.addoption(
        "--barrio-record",
        action="store_true",
        help="write conformance.json beside each connector that was tried",
    )
    group.addoption("--barrio-results", metavar="FILE", help="write the records of all connectors to FILE")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the check of the record last, wherever a subclass has put its own tests."""
    items.sort(key=lambda item: _is_trial(item) and item.name == "test_record_is_true")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Find the connectors that are on trial, once all tests are known."""
    if not any(_is_trial(item) for item in session.items):
        return
    from connectors.conformance.results import Results

    results = Results(recording=bool(session.config.getoption("barrio_record")))
    for item in session.items:
        if isinstance(item, pytest.Function):
            results.add(item.nodeid, item.obj, item.cls, _name(item), item.path)
    session.config.stash[_RESULTS] = results
    results.start()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Take down what became of a test."""
    if _current and (report.when == "call" or not report.passed):
        _current[-1].take(report.nodeid, report.outcome, _why(report))


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Any:
    """Run the tests with the results at hand, then write them."""
    results = session.config.stash.get(_RESULTS, None)
    if results is None:
        return (yield)
    _current.append(results)
    try:
        return (yield)
    finally:
        _current.remove(results)
        results.stop()
        results.write(session.config.getoption("barrio_results"))


@pytest.fixture
def barrio_results(request: pytest.FixtureRequest) -> Results | None:
    """What the suite has given so far, None without this plug-in."""
    return request.config.stash.get(_RESULTS, None)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say where each connector stands after this run."""
    results = config.stash.get(_RESULTS, None)
    for line in results.summary() if results is not None else ():
        terminalreporter.write_line(line)


_current: list[Results] = []


def _is_trial(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and hasattr(item.cls, "is_conformance_suite")


def _name(item: pytest.Function) -> str:
    """Return the check's name with its case: `comes_back_after[reset]`."""
    case = f"[{item.callspec.id}]" if hasattr(item, "callspec") else ""
    return f"{getattr(item, 'originalname', item.name).removeprefix('test_')}{case}"


def _why(report: pytest.TestReport) -> str:
    """Return why a test was left out."""
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return ""
