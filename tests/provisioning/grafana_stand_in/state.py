"""What the parts of the stand-in share: its state, and an answer that ends a call early."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

UID = re.compile(r"[a-zA-Z0-9_-]{1,40}")


class Answer(Exception):
    """An answer that ends a call early."""

    def __init__(self, code: int, message: str, /, **more: Any) -> None:
        self.code, self.body = code, {"message": message, **more}
        super().__init__(message)


@dataclass
class Page:
    """A saved dashboard."""

    id: int
    json: dict[str, Any]
    version: int
    folder: str
    schema: str = "v1"
    from_file: bool = False
    versions: list[tuple[int, str]] = field(default_factory=list)


class State:
    """All that this Grafana holds, empty; `version` says which Grafana it is."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.folders: dict[str, dict[str, Any]] = {}
        self.grants: dict[str, list[dict[str, Any]]] = {}
        self.teams: dict[int, dict[str, Any]] = {}
        self.preferences: dict[int, dict[str, Any]] = {}
        self.sources: dict[str, dict[str, Any]] = {}
        self.pages: dict[str, Page] = {}
        self.rules: dict[str, dict[str, Any]] = {}
        self.intervals: dict[tuple[str, str], int] = {}
        self.points: dict[str, dict[str, Any]] = {}
        self.policies: dict[str, Any] = {"receiver": "grafana-default-email", "routes": []}
        self.library_panels: dict[str, int] = {}
        self.numbers_teams = True
        """Whether a search for teams gives their numbers: `searchTeamsViaK8s` does not."""
        self.number = 0
        self.first_version = 1
        """Version that a new dashboard gets; more than 1 for one that was there before, where Grafana counts on."""

    @property
    def major(self) -> int:
        """11, 12 or 13."""
        return int(self.version.split(".", 1)[0])
