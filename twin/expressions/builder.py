"""Makes nodes of the syntax tree while the parser runs. Imports lark: only `grammar` imports this, when it parses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lark import Transformer, v_args

from twin.expressions.errors import ExpressionError
from twin.expressions.syntax import (
    Binary,
    Both,
    Call,
    Condition,
    Moving,
    Name,
    Neither,
    Number,
    Selected,
    Unary,
    Word,
)

if TYPE_CHECKING:
    from lark import Token

    from twin.expressions.syntax import Expression, Filter

_NUMBER = re.compile(r"([0-9.]+(?:[eE][+-]?[0-9]+)?)[ \t]*(.*)", re.DOTALL)


@v_args(inline=True)
class Builder(Transformer[Any, Any]):
    """A method for each rule of the grammar."""

    def number(self, token: Token) -> Number:
        """Take number and unit apart."""
        match = _NUMBER.fullmatch(token)
        if match is None:
            raise ExpressionError(f"{str(token)!r} is not a number", _at(token))
        return Number(_at(token), match[1], match[2])

    def word(self, token: Token) -> Word:
        """Take off the quotation marks."""
        return Word(_at(token), _plain(token))

    def name(self, token: Token) -> Name:
        """Take off quotation marks."""
        return Name(_at(token), _plain(token))

    def unary(self, operator: Token, operand: Expression) -> Unary:
        """`-` and `not`."""
        return Unary(_at(operator), str(operator), operand)

    def binary(self, left: Expression, operator: Token, right: Expression) -> Binary:
        """Every operator with two sides."""
        return Binary(_at(operator), str(operator), left, right)

    def call(self, name: Token, *arguments: Expression) -> Call:
        """A function of arguments."""
        return Call(_at(name), str(name), arguments)

    def moving(self, name: Token, body: Expression, span: Number) -> Moving:
        """A function over a time."""
        return Moving(_at(name), str(name), body, span)

    def selected(self, name: Token, body: Expression, where: Filter) -> Selected:
        """A function over a selection."""
        return Selected(_at(name), str(name), body, where)

    def equals(self, key: Token, operator: Token, value: Token) -> Condition:
        """`kind = WaterTank`."""
        return Condition(_at(key), str(key), str(operator), _plain(value))

    def within(self, key: Token, value: Token) -> Condition:
        """`site within tower-a`."""
        return Condition(_at(key), str(key), "within", _plain(value))

    def related(self, key: Token, link: Token, value: Token) -> Condition:
        """`fed by feeder-1`."""
        return Condition(_at(key), f"{key} {link}", "=", _plain(value))

    def joined(self, left: Filter, operator: Token, right: Filter) -> Both:
        """`and` and `or` between filters."""
        return Both(_at(operator), str(operator), left, right)

    def neither(self, operator: Token, operand: Filter) -> Neither:
        """`not` before a filter."""
        return Neither(_at(operator), operand)


def _at(token: Token) -> int:
    return (token.start_pos or 0) + 1


def _plain(token: Token) -> str:
    return str(token).strip("'\"")
