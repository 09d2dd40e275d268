"""CSV files (RFC 4180, UTF-8, commas) as rows of text with the line of each."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twin.model.source import Place, Source, is_text, shown, suggest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from twin.model.source import Faults, Where


@dataclass(frozen=True, slots=True)
class Columns:
    """The names that a header may have and those that it must have.

    Names with dots may match `nested`, which a person is told of as `nested_form`.
    """

    names: Sequence[str]
    needed: Sequence[str]
    nested: re.Pattern[str] = re.compile(r"(?!)")
    nested_form: str = "not known here"


def parse_csv(path: Path, text: str, columns: Columns, faults: Faults) -> Source | None:
    """Return the text of a table as a list of mappings, column to text, empty cells left out.

    None, with the reason among the faults, when the header is not usable; a row that is not is left out and a fault.
    """
    lines: dict[Where, int] = {}
    table = Source(path, [], lines, is_table=True)
    try:
        rows = _rows(text)
        _, header = next(rows, (1, []))
        if not _usable(header, columns, table, faults):
            return None
        for line, cells in rows:
            lines[(len(lines),)] = line
            table.data.append(_row(header, cells, Place(table, (len(lines) - 1,)), faults))
    except csv.Error as error:
        faults.add_file(path, f"not valid CSV: {error}", _last_line(text, lines))
        return None
    return table


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the first line and the cells of every row that is not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield line, [cell.strip() for cell in cells]
        line = reader.line_num + 1


def _usable(header: list[str], columns: Columns, table: Source, faults: Faults) -> bool:
    before = len(faults)
    if not header:
        faults.add_file(table.path, f"is empty, expected a header such as {','.join(columns.needed)}")
    elif len(header) == 1 and ";" in header[0]:
        faults.add_file(table.path, "columns are separated by ; here, expected commas")
    else:
        for name in header:
            if not name:
                faults.add_file(table.path, "a column has no name")
            elif name not in columns.names and not columns.nested.fullmatch(name):
                words = f"unknown column {shown(name)}{suggest(name, columns.names)}"
                hint = f"; a name with dots is {columns.nested_form}" if "." in name else ""
                faults.add_file(table.path, words + hint)
            elif header.count(name) > 1:
                faults.add_file(table.path, f"column {name!r} stands here twice")
            elif inner := next((other for other in header if other.startswith(f"{name}.")), None):
                faults.add_file(table.path, f"column {name!r} cannot stand beside {inner!r}, a part of it")
        for name in columns.needed:
            if name not in header:
                faults.add_file(table.path, f"column {name!r} is missing")
    return len(faults) == before


def _row(header: list[str], cells: list[str], place: Place, faults: Faults) -> dict[str, str]:
    if len(cells) > len(header):
        faults.add(place, f"has {len(cells)} cells, the header names {len(header)}")
    found = {name: cell for name, cell in zip(header, cells, strict=False) if cell}
    for name, cell in found.items():
        if not is_text(cell):
            faults.add(place.at(name), "holds a character that is not text")
    return found


def _last_line(text: str, lines: dict[Where, int]) -> int:
    """Line on which the row begins that could not be read: the one after the last good one."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for _ in reader:
            line = reader.line_num + 1
    except csv.Error:
        return line
    return max(lines.values(), default=1)
