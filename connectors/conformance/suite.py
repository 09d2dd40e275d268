"""The suite: `class TestMine(Suite): subject = MySubject()` in a test module runs every check on a connector.

Each check is one sentence of `connectors.ladder.CHECKS`, which says what rung it belongs to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from connectors.conformance.bench import held, lacking
from connectors.conformance.bounded import Bounded
from connectors.conformance.described import Described
from connectors.conformance.loaded import Loaded
from connectors.conformance.robust import Robust
from connectors.conformance.subject import Subject
from connectors.conformance.valued import Valued
from connectors.ladder import RECORD

if TYPE_CHECKING:
    import pytest

    from connectors.conformance.results import Results


class Suite(Loaded, Bounded, Robust, Valued, Described):
    """Every check; give `subject` in a subclass whose name begins with `Test`."""

    is_conformance_suite: ClassVar[bool] = True
    subject: Subject

    def test_record_is_true(self, request: pytest.FixtureRequest) -> None:
        """The record beside the connector's code is what this run has given; last, after all the others."""
        names = ("barrio", "connectors.conformance.plugin")
        if not any(request.config.pluginmanager.has_plugin(name) for name in names):
            lacking("the pytest plug-in of barrio is not loaded")
        results: Results = request.getfixturevalue("barrio_results")
        name = self.subject.connector.name
        if results.recording or not results.of(name).complete:
            lacking("the record is being written" if results.recording else "not all of the suite has run")
        if not (self.subject.folder / RECORD).is_file():
            lacking(f"there is no {RECORD} yet: pytest --barrio-record writes it")
        found = results.differences(name)
        held(not found, f"{RECORD} is not true (pytest --barrio-record writes it anew): {'; '.join(found)}")
