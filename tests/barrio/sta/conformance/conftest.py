"""Notes which requirements of the standard did not hold in this run."""

from collections.abc import Generator

import pytest

from tests.barrio.sta.conformance.requirements import failed


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Take down a failure by the requirements of its test."""
    report = yield
    if report.failed:
        failed.update(getattr(getattr(item, "function", None), "requirements", ()))
    return report
