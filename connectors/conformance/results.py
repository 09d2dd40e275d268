"""What the suite gives, connector by connector, while pytest runs; and the records that are made of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.conformance.lines import LinesRun
from connectors.ladder import CHECKS, PASSED, RECORD, Record, digest, judge, read_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.conformance.subject import Subject

OWN = "record_is_true"
"""The check of the record itself, which stands in no record."""


@dataclass(slots=True)
class OnTrial:
    """One connector: its checks by test id with their outcomes (empty: not yet run), and its property tests."""

    subject: Subject
    names: dict[str, str] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)
    properties: dict[str, bool] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether all that belongs to the suite was run."""
        known = {name.partition("[")[0] for name in self.outcomes}
        return known >= CHECKS.keys() and len(self.outcomes) == len(self.names)

    def record(self, lines: tuple[int, int]) -> Record:
        """Return the record of this run."""
        return Record(
            connector=self.subject.connector.name,
            kit=version("barrio"),
            sources=digest(self.subject.folder),
            checks=self.outcomes,
            lines=lines,
            properties=sum(self.properties.values()),
        )


class Results:
    """All connectors of one run of pytest."""

    def __init__(self, *, recording: bool) -> None:
        self.recording = recording
        self._trials: dict[str, OnTrial] = {}
        self._tests: list[tuple[str, Path]] = []
        self._lines = LinesRun()

    def add(self, test: str, function: Any, owner: Any, name: str, path: Path) -> None:
        """Take note of a test that will run."""
        if hasattr(owner, "is_conformance_suite"):
            trial = self._trials.setdefault(owner.subject.connector.name, OnTrial(owner.subject))
            if name.partition("[")[0] in CHECKS:
                trial.names[test] = name
        elif getattr(function, "is_hypothesis_test", False):
            self._tests.append((test, path))

    def start(self) -> None:
        """Begin to count lines, when recording; find whose the property tests are."""
        for trial in self._trials.values():
            for test, path in self._tests:
                if path.is_relative_to(trial.subject.home_of_tests):
                    trial.properties[test] = False
        if self.recording:
            self._lines.start([trial.subject.folder for trial in self._trials.values()])

    def stop(self) -> None:
        """End the count of lines."""
        self._lines.stop()

    def take(self, test: str, outcome: str, why: str) -> None:
        """Take down what became of a test."""
        words = f"{outcome}: {why}" if outcome == "skipped" else outcome
        for trial in self._trials.values():
            if test in trial.names:
                name = trial.names[test]
                # A test that passed and then failed to tidy up has failed.
                if trial.outcomes.get(name, PASSED) == PASSED:
                    trial.outcomes[name] = words
            if test in trial.properties:
                trial.properties[test] = outcome == PASSED

    def of(self, connector: str) -> OnTrial:
        """Return one connector's results."""
        return self._trials[connector]

    def write(self, file: str | None) -> None:
        """Write records: beside the code when recording, all of them to `file` when it is named."""
        records = {
            trial.subject.folder: self._record(trial) for trial in self._trials.values() if trial.complete
        }
        if self.recording:
            for folder, record in records.items():
                (folder / RECORD).write_text(record.text(), encoding="utf-8")
        if file:
            data = [json.loads(record.text()) for record in records.values()]
            Path(file).write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def _record(self, trial: OnTrial) -> Record:
        return trial.record(self._lines.counted(trial.subject.folder) if self.recording else (0, 0))

    def summary(self) -> Iterator[str]:
        """Yield a line for each connector: where it stands, or what has been left out."""
        for name, trial in self._trials.items():
            if not trial.complete:
                yield f"conformance of {name}: {len(trial.outcomes)} of {len(trial.names)} checks, not all of the suite"
            elif self.recording:
                record = self._record(trial)
                found = judge(record, name, record.sources)
                missing = f"; missing to the next: {'; '.join(found.missing)}" if found.missing else ""
                run, of = record.lines
                yield f"conformance of {name}: {found.rung.slug}, {run} of {of} lines{missing}"

    def differences(self, connector: str) -> list[str]:
        """Return how the record beside a connector's code differs from this run; empty when it does not."""
        trial = self._trials[connector]
        record = read_record(trial.subject.folder / RECORD)
        if record is None:
            return ["there is no record"]
        differing = [
            f"{name}: {record.checks.get(name, 'not there')} is recorded, {outcome} was found"
            for name, outcome in trial.outcomes.items()
            if record.checks.get(name) != outcome
        ]
        differing += [f"{name}: recorded, not there" for name in record.checks.keys() - trial.outcomes.keys()]
        if record.sources != digest(trial.subject.folder):
            differing.append("the connector's files have changed since")
        return differing
