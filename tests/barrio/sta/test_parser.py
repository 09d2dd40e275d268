"""The grammar of filters: what binds before what, and that any text is a tree or an AskError, at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barrio.errors import AskError
from barrio.sta.options import split
from barrio.sta.parser import parse_filter
from barrio.sta.syntax import Binary, Call, Literal, Node, Path, Unary, conjuncts
from barrio.sta.values import Instant, Lasting, Span


def shown(node: Node) -> str:
    """Write a tree with all its parentheses."""
    if isinstance(node, Literal):
        return repr(node.value)
    if isinstance(node, Path):
        return str(node)
    if isinstance(node, Call):
        return f"{node.name}({','.join(map(shown, node.arguments))})"
    if isinstance(node, Unary):
        return f"({node.operator} {shown(node.operand)})"
    return f"({shown(node.left)} {node.operator} {shown(node.right)})"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a or b and c", "(a or (b and c))"),
        ("a and b or c", "((a and b) or c)"),
        ("not a eq b and c", "((not (a eq b)) and c)"),
        ("not (a or b)", "(not (a or b))"),
        ("a add b mul c eq d", "((a add (b mul c)) eq d)"),
        ("a sub b sub c", "((a sub b) sub c)"),
        ("-a add 1", "((- a) add 1)"),
        ("-1 lt 2", "(-1 lt 2)"),
        ("a eq -2.5e3", "(a eq -2500.0)"),
        ("a/b/c eq 'it''s'", '(a/b/c eq "it\'s")'),
        ("f eq null or t eq true", "((f eq None) or (t eq True))"),
        ("contains(tolower(a),'x')", "contains(tolower(a),'x')"),
        ("now() gt a", "(now() gt a)"),
        ("Datastream/@iot.id eq 5", "(Datastream/@iot.id eq 5)"),
    ],
)
def test_what_binds_before_what(text, expected):
    """As in OData: arithmetic before comparison before not, and, or."""

    assert shown(parse_filter(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-27T12:00:00Z", Instant(1_795_780_800_000_000_000)),
        ("2026-11-27T12:00:00.123456789Z", Instant(1_795_780_800_123_456_000)),
        ("2026-11-27T06:00:00-06:00", Instant(1_795_780_800_000_000_000)),
        ("2026-11-27T18:00:00 06:00", Instant(1_795_780_800_000_000_000)),
        ("2026-11-27", Instant(1_795_737_600_000_000_000)),
        (
            "2026-11-27T12:00:00Z/2026-11-27T12:00:01Z",
            Span(1_795_780_800_000_000_000, 1_795_780_801_000_000_000),
        ),
        ("duration'P1DT2H3M4.5S'", Lasting(93_784_500_000_000)),
        ("duration'-PT1M'", Lasting(-60_000_000_000)),
        ("123456789012345678901234", 123_456_789_012_345_678_901_234),
        ("1.5", 1.5),
        ("''", ""),
    ],
)
def test_literals(text, expected):
    """Times in microseconds UTC, lengths of time, numbers as exactly as they are written."""

    assert parse_filter(text) == Literal(expected)


def test_conjuncts():
    """The parts that all have to hold, in their order."""

    assert [shown(one) for one in conjuncts(parse_filter("a and (b or c) and (d and e)"))] == [
        "a",
        "(b or c)",
        "d",
        "e",
    ]
    assert conjuncts(None) == []


PIECES = st.sampled_from(
    ["a", "name", "eq", "and", "not", "(", ")", ",", "/", "-", "'", "''", "'x'", "1", "1.5", "now", "concat", "null",
     "2026-11-27T12:00:00Z", "geography", "duration", "'PT1M'", "'POINT (1 2)'", " ", "$", "\n", "é"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=60).map(" ".join) | st.lists(PIECES, max_size=60).map("".join) | st.text())
def test_any_text_is_a_tree_or_refused(text):
    """Nothing else is raised, whatever is written."""
    try:
        found = parse_filter(text)
    except AskError as error:
        assert error.parameter == "$filter"  # noqa: PT017 - either is right
    else:
        assert isinstance(found, Literal | Path | Call | Unary | Binary)


@given(st.text(alphabet="a,;()'"))
def test_parts_are_the_whole(text):
    """What is split at commas is the text again when it is joined."""
    try:
        parts = split(text, ",", "$expand")
    except AskError:
        return
    assert ",".join(parts) == text
