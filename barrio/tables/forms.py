"""The formats in which tables are given: what each is called, in `?format=`, in `Accept` and as a file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from barrio.tables.table import Table


class Form(StrEnum):
    """A format, as it is asked for."""

    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"

    @property
    def media(self) -> str:
        """Its media type, without parameters."""
        return _FACTS[self].media

    @property
    def content_type(self) -> str:
        """Its media type as an answer says it."""
        return _FACTS[self].content_type or self.media

    @property
    def suffix(self) -> str:
        """What the names of its files end with."""
        return _FACTS[self].suffix

    def asked_by(self, media: str) -> bool:
        """Whether a media type, in small letters, is one of its names."""
        return media == self.media or media in _FACTS[self].also

    def write(self, table: Table) -> Iterator[bytes]:
        """Yield a table in this format, a portion at a time; reads its parts, which blocks."""
        module, function = _FACTS[self].writer
        found: Iterator[bytes] = getattr(import_module(f"barrio.tables.{module}"), function)(table)
        return found


@dataclass(frozen=True, slots=True)
class _Facts:
    media: str
    suffix: str
    writer: tuple[str, str]
    """Module of this package, imported when it is used, and function."""
    content_type: str = ""
    also: tuple[str, ...] = ()


_FACTS = {
    Form.JSON: _Facts("application/json", ".json", ("columns", "write")),
    Form.NDJSON: _Facts(
        "application/x-ndjson",
        ".ndjson",
        ("rows", "write_ndjson"),
        also=("application/ndjson", "application/jsonl", "application/x-jsonlines"),
    ),
    Form.CSV: _Facts(
        "text/csv",
        ".csv",
        ("rows", "write_csv"),
        "text/csv; charset=utf-8; header=present",
        ("application/csv",),
    ),
    Form.PARQUET: _Facts(
        "application/vnd.apache.parquet",
        ".parquet",
        ("arrow", "write_parquet"),
        also=("application/x-parquet", "application/parquet"),
    ),
    Form.ARROW: _Facts(
        "application/vnd.apache.arrow.stream",
        ".arrows",
        ("arrow", "write_stream"),
        also=("application/vnd.apache.arrow",),
    ),
}
MEDIA = tuple(one.media for one in Form)
"""Media types of all formats, the usual one first; for `barrio.api.declared`."""
