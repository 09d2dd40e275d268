"""Text to syntax, with lark (LALR): the grammar, its limits, and words for what does not follow it.

Names may contain `-` and `/`, so minus and division stand between spaces. A unit follows its number, with or without a
space: `20 %`, `3.5kW`, `-5 %/h`; it reaches as far as it can, and the words of the language are never part of it.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from twin.expressions.errors import ExpressionError
from twin.expressions.syntax import (
    Binary,
    Both,
    Call,
    Condition,
    Moving,
    Name,
    Neither,
    Node,
    Number,
    Selected,
    Unary,
    Word,
    children,
)

if TYPE_CHECKING:
    from lark import Lark, Token
    from lark.exceptions import UnexpectedInput

    from twin.expressions.syntax import Expression

LONGEST = 4000
"""Characters of the longest text that is read."""
DEEPEST = 80
"""How deep operators, functions and parentheses may nest."""
_DEEPEST_PARENTHESES = 200

GRAMMAR = r"""
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
NUMBER: /(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+(?![A-Za-z0-9_]))?(?:[ \t]*(?!(?:and|or|not|over|where)\b)UNIT)?/
REFERENCE: /[A-Za-z_][A-Za-z0-9_-]*\/[A-Za-z0-9_-]*[A-Za-z0-9_]/
NAME: /[A-Za-z_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?/
QUOTED: /"[^"\n]{1,200}"/
STRING: /'[^'\n]{1,200}'/
%ignore /[ \t\r\n]+/
""".replace("UNIT", r"\/?CODE(?:[.\/]CODE)*").replace(
    "CODE",
    r"(?:[A-Za-z%_µμ°Ω]|\[[^\[\]\s]{1,20}\]|\{[^{}]{0,40}\})"
    r"(?:[A-Za-z0-9%_²³µμ°Ω]|\[[^\[\]\s]{1,20}\]|\{[^{}]{0,40}\})*",
)

_NUMBER = re.compile(r"([0-9.]+(?:[eE][+-]?[0-9]+(?![A-Za-z0-9_]))?)[ \t]*(.*)", re.DOTALL)
_TYPOGRAPHIC = {
    "≤": "<=", "≥": ">=", "≠": "!=", "×": "*", "÷": "/", "−": "-", "·": "*", "–": "-",
    "&": "and", "|": "or", "!": "not or !=", "‘": "'", "’": "'", "“": "'", "”": "'",
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

    return Lark(GRAMMAR, parser="lalr", lexer="contextual", transformer=_builder(), maybe_placeholders=False)


def _builder() -> Any:
    """Return what makes nodes while the parser runs; lark is imported only when something is parsed."""
    from lark import Transformer, v_args

    @v_args(inline=True)
    class Builder(Transformer[Any, Any]):
        def number(self, token: Token) -> Number:
            match = _NUMBER.fullmatch(token)
            if match is None:
                raise ExpressionError(f"{str(token)!r} is not a number", _at(token))
            return Number(_at(token), match[1], match[2])

        def word(self, token: Token) -> Word:
            return Word(_at(token), str(token)[1:-1])

        def name(self, token: Token) -> Name:
            return Name(_at(token), str(token).strip('"'))

        def unary(self, operator: Token, operand: Expression) -> Unary:
            return Unary(_at(operator), str(operator), operand)

        def binary(self, left: Expression, operator: Token, right: Expression) -> Binary:
            return Binary(_at(operator), str(operator), left, right)

        def call(self, name: Token, *arguments: Expression) -> Call:
            return Call(_at(name), str(name), arguments)

        def moving(self, name: Token, body: Expression, span: Number) -> Moving:
            return Moving(_at(name), str(name), body, span)

        def selected(self, name: Token, body: Expression, where: Any) -> Selected:
            return Selected(_at(name), str(name), body, where)

        def equals(self, key: Token, operator: Token, value: Token) -> Condition:
            return Condition(_at(key), str(key), str(operator), _plain(value))

        def within(self, key: Token, value: Token) -> Condition:
            return Condition(_at(key), str(key), "within", _plain(value))

        def related(self, key: Token, link: Token, value: Token) -> Condition:
            return Condition(_at(key), f"{key} {link}", "=", _plain(value))

        def joined(self, left: Any, operator: Token, right: Any) -> Both:
            return Both(_at(operator), str(operator), left, right)

        def neither(self, operator: Token, operand: Any) -> Neither:
            return Neither(_at(operator), operand)

    return Builder()


def _at(token: Token) -> int:
    return (token.start_pos or 0) + 1


def _plain(token: Token) -> str:
    return str(token).strip("'\"")


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
    found = text[position : position + 20].split()[0] if text[position:].strip() else ""
    return ExpressionError(_misplaced(text, position, found), position + 1)


def _unfinished(text: str) -> str:
    if not text.strip():
        return "an expression is missing"
    if text.count("(") > text.count(")"):
        return "a closing parenthesis is missing"
    return "it ends where something is still expected"


def _misplaced(text: str, position: int, found: str) -> str:
    char, before = text[position : position + 1], text[:position].rstrip()
    if char in _TYPOGRAPHIC:
        return f"{char!r} is not part of the language (did you mean {_TYPOGRAPHIC[char]}?)"
    if char == "=" and before.endswith("="):
        return "equality is written with one ="
    if char == ">" and before.endswith("<"):
        return "unequal is written !="
    if char in "'\"":
        return "a quotation mark is not closed, or nothing stands between the two"
    if char == ")" and text.count(")", 0, position + 1) > text.count("(", 0, position):
        return "this parenthesis was never opened"
    if char in "<>=!" and re.search(r"[<>=]", before):
        return "comparisons do not follow one another: join them with and"
    return f"{found!r} is not expected here"
