"""Text to syntax, with lark (LALR): the grammar, its limits, and words for what does not follow it.

Names may contain `-` and `/`, so minus and division stand between spaces. A unit follows its number, with or without a
space: `20 %`, `3.5kW`, `-5 %/h`; it reaches as far as it can, and the words of the language are never part of it.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from twin.expressions.errors import ExpressionError
from twin.expressions.syntax import Node, children

if TYPE_CHECKING:
    from lark import Lark
    from lark.exceptions import UnexpectedInput

    from twin.expressions.syntax import Expression

LONGEST = 4000
"""Characters of the longest text that is read."""
DEEPEST = 80
"""How deep operators, functions and parentheses may nest."""
_DEEPEST_PARENTHESES = 200

GRAMMAR = (
    r"""
?start: either
?either: both | either OR both -> binary
?both: truth | both AND truth -> binary
?truth: comparison | NOT truth -> unary
?comparison: sum | sum COMPARE sum -> binary
?sum: product | sum (PLUS | MINUS) product -> binary
?product: signed | product (TIMES | DIVIDED) signed -> binary
?signed: power | MINUS signed -> unary
?power: atom | atom POWER number -> binary
?atom: number
     | STRING -> word
     | (NAME | REFERENCE | QUOTED) -> name
     | NAME "(" [either ("," either)*] ")" -> call
     | NAME "(" either "over" number ")" -> moving
     | NAME "(" either "where" filter ")" -> selected
     | "(" either ")"
number: NUMBER

?filter: some
?some: all | some OR all -> joined
?all: one | all AND one -> joined
?one: NOT one -> neither
    | "(" filter ")"
    | NAME COMPARE _value -> equals
    | NAME "within" _value -> within
    | NAME LINK _value -> related
_value: NAME | STRING | QUOTED

OR: "or"
AND: "and"
NOT: "not"
LINK: "by" | "of" | "in"
COMPARE: "<=" | ">=" | "!=" | "=" | "<" | ">"
PLUS: "+"
MINUS: "-"
TIMES: "*"
DIVIDED: "/"
POWER: "^"
NUMBER: /DECIMAL(?:[ \t]*(?!(?:and|or|not|over|where)\b)UNIT)?/
REFERENCE: /[A-Za-z_][A-Za-z0-9_-]*\/[A-Za-z0-9_-]*[A-Za-z0-9_]/
NAME: /[A-Za-z_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?/
QUOTED: /"[^"\n]{1,200}"/
STRING: /'[^'\n]{1,200}'/
%ignore /[ \t\r\n]+/
""".replace("DECIMAL", r"(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
    .replace("UNIT", r"\/?CODE(?:[.\/]CODE)*")
    .replace(
        "CODE",
        r"(?:[A-Za-z%_µμ°Ω]|\[[^\[\]\s]{1,20}\]|\{[^{}]{0,40}\})"
        r"(?:[A-Za-z0-9%_²³µμ°Ω]|\[[^\[\]\s]{1,20}\]|\{[^{}]{0,40}\})*",
    )
)

# What a word processor or another language writes instead; some look like what is meant, hence the names.
_ELSEWHERE = {
    "\u2264": "<=", "\u2265": ">=", "\u2260": "!=", "\u00d7": "*", "\u00f7": "/", "\u00b7": "*",
    "\u2212": "-", "\u2013": "-", "\u2018": "'", "\u2019": "'", "\u201c": "'", "\u201d": "'",
    "&": "and", "|": "or", "!": "not or !=",
}  # fmt: skip


def parse(text: str) -> Expression:
    """Return the syntax of a text; ExpressionError with the column where it stops to be an expression."""
    if len(text) > LONGEST:
        raise ExpressionError(f"an expression has at most {LONGEST:,} characters, this one has {len(text):,}")
    return _parsed(text)


@lru_cache(maxsize=2048)
def _parsed(text: str) -> Expression:
    from lark.exceptions import UnexpectedInput, VisitError

    _check_parentheses(text)
    try:
        found: Any = _parser().parse(text)
    except UnexpectedInput as error:
        raise _explained(text, error) from None
    except VisitError as error:
        if isinstance(error.orig_exc, ExpressionError):
            raise error.orig_exc from None
        raise
    _check_depth(found)
    expression: Expression = found
    return expression


@cache
def _parser() -> Lark:
    from lark import Lark

    from twin.expressions.builder import Builder

    return Lark(GRAMMAR, parser="lalr", lexer="contextual", transformer=Builder(), maybe_placeholders=False)


def _check_parentheses(text: str) -> None:
    """The depth of parentheses leaves no node behind, and costs the parser's stack all the same."""
    depth = 0
    for position, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth > _DEEPEST_PARENTHESES:
            raise ExpressionError("parentheses nest too deeply", position + 1)


def _check_depth(root: Node) -> None:
    """Bound the depth, so that everything after the parser may call itself."""
    level: list[Node] = [root]
    for _ in range(DEEPEST):
        level = [child for node in level for child in children(node)]
        if not level:
            return
    words = f"operators and functions nest more than {DEEPEST} deep: divide it into several derived points"
    raise ExpressionError(words, level[0].at)


def _explained(text: str, error: UnexpectedInput) -> ExpressionError:
    from lark.exceptions import UnexpectedToken

    position = getattr(error, "pos_in_stream", None) or 0
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        return ExpressionError(_unfinished(text), len(text.rstrip()) + 1)
    found = text[position : position + 20].split(maxsplit=1)[0] if text[position:].strip() else ""
    words = _misplaced(text, position, found)
    if words.endswith("expected here") and _is_chain(text, position):
        words = "comparisons do not follow one another: join them with and"
    return ExpressionError(words, position + 1)


def _unfinished(text: str) -> str:
    if not text.strip():
        return "an expression is missing"
    if text.count("(") > text.count(")"):
        return "a closing parenthesis is missing"
    return "it ends where something is still expected"


def _misplaced(text: str, position: int, found: str) -> str:
    char, before = text[position : position + 1], text[:position].rstrip()
    opened = text.count("(", 0, position) - text.count(")", 0, position)
    if char in _ELSEWHERE:
        return f"{char!r} is not part of the language (did you mean {_ELSEWHERE[char]}?)"
    if char and char in "'\"":
        return "a quotation mark is not closed, or nothing stands between the two"
    if char == ")" and opened < 1:
        return "this parenthesis was never opened"
    for sign, ends, words in _COMPARISONS:
        if char in sign and before.endswith(ends):
            return words
    return f"{found!r} is not expected here"


_COMPARISONS = (
    ("=", ("=", "!=", "<=", ">="), "equality is written with one ="),
    (">", ("<",), "unequal is written !="),
)


def _is_chain(text: str, position: int) -> bool:
    """Whether a comparison follows another one that is complete."""
    before = re.split(r"\b(?:and|or|not)\b|[(,)]", text[:position])[-1]
    return text[position : position + 1] in {"<", ">", "=", "!"} and bool(re.search(r"[<>=]", before))
