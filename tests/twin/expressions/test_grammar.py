"""Text to syntax: what binds how, and words for what is no expression."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twin.expressions.town import check
from twin.expressions.errors import ExpressionError
from twin.expressions.grammar import DEEPEST, LONGEST, parse
from twin.expressions.syntax import Binary, Name, Number, Unary

WORDS = st.sampled_from(
    [
        *(
            "level",
            "volume",
            "tank-a/level",
            "hour",
            "sum",
            "min",
            "max",
            "if",
            "rate",
            "mean",
            "this",
            "feeder",
        ),
        *("over", "where", "and", "or", "not", "site", "within", "kind", "fed", "by", "WaterTank", "town"),
        *("(", ")", ",", "+", "-", "*", "/", "^", "=", "<", ">", "<=", ">=", "!=", "'", '"', ".", "é", "≤"),
        *("20", "3.5", "%", "kW", "m3/h", "'on'", "'open'", "1h", "30min", "/h"),
    ]
)


def shape(text: str) -> str:
    """Write an expression with all its parentheses."""

    def told(node: object) -> str:
        match node:
            case Binary():
                return f"({told(node.left)} {node.operator} {told(node.right)})"
            case Unary():
                return f"({node.operator} {told(node.operand)})"
            case Number():
                return f"{node.text}{node.unit}"
            case Name():
                return node.text
            case _:
                return type(node).__name__

    return told(parse(text))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("a + b * c", "(a + (b * c))"),
        ("a - b - c", "((a - b) - c)"),
        ("a / b * c", "((a / b) * c)"),
        ("-a ^ 2", "(- (a ^ 2))"),
        ("- a + b", "((- a) + b)"),
        ("a or b and not c", "(a or (b and (not c)))"),
        ("not a = b", "(not (a = b))"),
        ("a + b > c and d", "(((a + b) > c) and d)"),
        ("(a + b) * c", "((a + b) * c)"),
        ("a-b - c", "(a-b - c)"),
        ("a -b", "(a - b)"),
        ("tank-a/level / 2", "(tank-a/level / 2)"),
        ("20 % + 3kW", "(20% + 3kW)"),
        ("20 andes", "20andes"),
        ("20 and b", "(20 and b)"),
        ("6/3", "(6 / 3)"),
        ("6 /h", "6/h"),
        ("3 m3{hot}/h - 1 L/min", "(3m3{hot}/h - 1L/min)"),
        ("1 mm[H2O] + 2 [in_i'H2O]", "(1mm[H2O] + 2[in_i'H2O])"),
        ("1e3 W + .5 W + 2.5e-3kW", "((1e3W + .5W) + 2.5e-3kW)"),
        ('"3rd-floor/level" + 1', "(3rd-floor/level + 1)"),
    ],
)
def test_what_binds_how(text, meant):
    """Operators bind as in arithmetic, names keep their hyphens, units reach as far as they can."""
    assert shape(text) == meant


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("", 1, "an expression is missing"),
        ("   ", 1, "an expression is missing"),
        ("(level", 7, "a closing parenthesis is missing"),
        ("level)", 6, "this parenthesis was never opened"),
        ("level +", 8, "it ends where something is still expected"),
        ("level == 3", 8, "equality is written with one ="),
        ("level <> 3", 8, "unequal is written !="),
        ("level != = 3", 10, "equality is written with one ="),
        ("1 < level < 3", 11, "comparisons do not follow one another: join them with and"),
        ("level ≤ 3", 7, "'≤' is not part of the language (did you mean <=?)"),
        ("level && pump", 7, "'&' is not part of the language (did you mean and?)"),
        ("level × 3", 7, "'×' is not part of the language (did you mean *?)"),
        ("pump = 'on", 8, "a quotation mark is not closed, or nothing stands between the two"),
        ("pump = ''", 8, "a quotation mark is not closed, or nothing stands between the two"),
        ("level $ 3", 7, "'$' is not expected here"),
        ("sum(level where kind WaterTank)", 22, "'WaterTank)' is not expected here"),
        ("mean(level over)", 16, "')' is not expected here"),
    ],
)
def test_what_is_no_expression(text, column, words):
    """A text that is no expression is refused at the column where it stops to be one, in words."""
    with pytest.raises(ExpressionError) as found:
        parse(text)

    assert (found.value.column, found.value.words) == (column, words)


def test_a_text_is_bounded():
    """A text longer than the limit is refused before it is read."""
    with pytest.raises(ExpressionError, match="at most 4,000 characters"):
        parse("1 + " * LONGEST)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 1500 + "1" + ")" * 1500,
        " + ".join(["1"] * (DEEPEST + 20)),
        "-" * 1500 + "1",
        "not " * 900 + "a",
        "abs(" * 150 + "1" + ")" * 150,
    ],
    ids=["parentheses", "sum", "minus", "not", "abs"],
)
def test_nesting_is_bounded(text):
    """What nests deeper than the limit is refused, not followed until the stack ends."""
    with pytest.raises(ExpressionError, match=r"too deeply|deep: divide it"):
        parse(text)


def test_the_deepest_that_is_allowed_is_checked_as_well():
    """Whatever the parser lets through, what comes after it can follow."""
    assert check(" + ".join(["level"] * DEEPEST)).inputs == ("riverside/tank-a/level",)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=25).map(" ".join)))
def test_nothing_but_an_expression_error_comes_of_any_text(text):
    """Whatever somebody writes, the answer is an expression or words about it."""
    try:
        found = check(text)
    except ExpressionError as error:
        found = None
        words = str(error)

    assert found is not None or words
