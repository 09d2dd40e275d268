"""The files of a district as they are read: what is wrong with them, and a digest over all of them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from twin.model.csv_source import parse_csv
from twin.model.source import Faults, read_text
from twin.model.yaml_source import parse_yaml

if TYPE_CHECKING:
    from pathlib import Path

    from twin.model.csv_source import Columns
    from twin.model.source import Source


class Reading:
    """Reads files one after the other; `faults` holds everything that is wrong so far."""

    def __init__(self) -> None:
        self.faults = Faults()
        self._digest = hashlib.sha256()

    @property
    def digest(self) -> str:
        """Hexadecimal digest of the names and texts of all files read so far, in their order."""
        return self._digest.hexdigest()

    def yaml(self, path: Path) -> Source | None:
        """Return a YAML file's content, None with the reasons among the faults."""
        text = self._text(path)
        return None if text is None else parse_yaml(path, text, self.faults)

    def table(self, path: Path, columns: Columns) -> Source | None:
        """Return a CSV file's rows, None with the reasons among the faults; see `parse_csv`."""
        text = self._text(path)
        return None if text is None else parse_csv(path, text, columns, self.faults)

    def _text(self, path: Path) -> str | None:
        text = read_text(path, self.faults)
        if text is not None:
            self._digest.update(f"{path.name}\0{len(text)}\0{text}".encode())
        return text
