"""Tables: cells as written, the line of each row."""

from pathlib import Path

from twin.model.csv_source import Columns, parse_csv
from twin.model.source import Faults, Source

HERE = Path("a.csv")


def parse(text: str) -> tuple[Source | None, list[str]]:
    faults = Faults()
    source = parse_csv(HERE, text, Columns(("id", "name"), ("id",)), faults)
    return source, [str(fault) for fault in faults.found]


def test_cells_are_stripped_and_empty_ones_left_out():
    """A blank around a cell means nothing, an empty cell is absent."""
    source, _ = parse("id , name\n a , x y \nb,\nc\n")

    assert source is not None
    assert source.data == [{"id": "a", "name": "x y"}, {"id": "b"}, {"id": "c"}]


def test_quoted_cells_keep_commas_and_quotes():
    """Quotes are those of RFC 4180."""
    source, _ = parse('id,name\na,"x, ""y"""\n')

    assert source is not None
    assert source.data == [{"id": "a", "name": 'x, "y"'}]


def test_a_row_is_where_it_begins():
    """A cell of several lines and blank rows do not shift the lines of the rows that follow."""
    source, found = parse('id,name\n\na,"x\ny"\nb,z\n')

    assert source is not None
    assert (source.line((0,)), source.line((1, "name")), found) == (3, 5, [])


def test_letters_after_a_quote():
    """A slip in the quotes is a fault at the row in which it is."""
    source, found = parse('id,name\na,x\nb,"y"z\n')

    assert source is None
    assert found == ["""a.csv:3: (file): not valid CSV: ',' expected after '"'"""]


def test_control_characters_are_refused():
    """A cell that cannot be shown is a fault."""
    _, found = parse("id,name\na,x\x1by\n")

    assert found == ["a.csv:2: [0].name: holds a character that is not text"]


def test_giant_cell_is_a_fault():
    """A cell beyond the csv module's own bound is no traceback."""
    source, found = parse("id\n" + "x" * 200_000)

    assert source is None
    assert found[0].startswith("a.csv:2: (file): not valid CSV: field larger than")
