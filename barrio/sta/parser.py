"""The grammar of `$filter` and `$orderby`: operators and literals of 18-088, 9.3.3.5, by recursive descent."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from barrio.errors import AskError
from barrio.sta.functions import FUNCTIONS
from barrio.sta.geometry import parse_wkt
from barrio.sta.limits import DEEPEST
from barrio.sta.syntax import Binary, Call, Literal, Node, Path, Unary
from barrio.sta.tokens import Token, tokens
from barrio.sta.values import Instant, Lasting, Span, parse_instant
from twin.model.source import suggest

if TYPE_CHECKING:
    from collections.abc import Collection

_LEVELS: tuple[Collection[str], ...] = (
    ("or",),
    ("and",),
    ("eq", "ne", "gt", "ge", "lt", "le"),
    ("add", "sub"),
    ("mul", "div", "mod"),
)
_CONSTANTS = {"null": None, "true": True, "false": False}
_LONGEST_INTEGER = 40
_DURATION = re.compile(
    r"(-?)P(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,9}(?:\.\d{1,9})?)S)?)?"
)


def parse_filter(text: str, option: str = "$filter") -> Node:
    """Return the tree of a filter; AskError names the option and the place otherwise."""
    parser = _Parser(tokens(text, option), option)
    found = parser.level(0)
    parser.end()
    return found


class _Parser:
    def __init__(self, found: list[Token], option: str) -> None:
        self._tokens = found
        self._option = option
        self._at = 0
        self._depth = 0

    def level(self, number: int) -> Node:
        """Parse operators that bind as `_LEVELS[number]` or more; all are left to right."""
        if number == len(_LEVELS):
            return self._unary()
        found = self.level(number + 1)
        while (operator := self._word(_LEVELS[number])) is not None:
            found = Binary(operator, found, self.level(number + 1))
        return found

    def end(self) -> None:
        """Refuse what is left."""
        if (token := self._peek()) is not None:
            raise self._wrong(token, "an operator (eq, and, add …) or the end")

    def _unary(self) -> Node:
        token = self._peek()
        if token is not None and token.text in {"not", "-"}:
            self._at += 1
            # `not` takes in a whole comparison, a minus only what follows it.
            found = self._deeper(2 if token.text == "not" else len(_LEVELS))
            if token.text == "-" and isinstance(found, Literal) and isinstance(found.value, int | float):
                return Literal(-found.value)
            return Unary(token.text, found)
        return self._primary()

    def _primary(self) -> Node:
        token = self._next("a value")
        if token.text == "(":
            found = self._deeper(0)
            self._expect(")")
            return found
        if token.kind == "number":
            return Literal(self._number(token))
        if token.kind == "string":
            return Literal(_unquoted(token.text))
        if token.kind == "time":
            return Literal(self._time(token))
        if token.kind == "word":
            return self._named(token)
        raise self._wrong(token, "a value")

    def _named(self, token: Token) -> Node:
        following = self._peek()
        if token.text in _CONSTANTS:
            return Literal(_CONSTANTS[token.text])
        if (
            following is not None
            and following.kind == "string"
            and following.at == token.at + len(token.text)
        ):
            self._at += 1
            return self._typed(token, _unquoted(following.text))
        if following is not None and following.text == "(":
            return self._call(token)
        segments = [token.text]
        while self._take("/"):
            segments.append(self._next("a property").text)
        return Path(tuple(segments))

    def _typed(self, token: Token, text: str) -> Literal:
        if token.text in {"geography", "geometry"}:
            try:
                return Literal(parse_wkt(text))
            except ValueError as error:
                raise AskError(self._option, str(error)) from None
        if token.text == "duration" and (found := _DURATION.fullmatch(text)):
            sign, *parts = found.groups()
            seconds = sum(
                float(part or 0) * size for part, size in zip(parts, (86_400, 3600, 60, 1), strict=True)
            )
            return Literal(Lasting(round(seconds * 1e9) * (-1 if sign else 1)))
        raise self._wrong(token, "geography'POINT (…)' or duration'PT1H'")

    def _call(self, token: Token) -> Call:
        least, most = self._arity(token)
        self._expect("(")
        arguments: list[Node] = []
        if not self._take(")"):
            arguments.append(self._deeper(0))
            while self._take(","):
                arguments.append(self._deeper(0))
            self._expect(")")
        if not least <= len(arguments) <= most:
            number = f"{least}" if least == most else f"{least} to {most}"
            raise AskError(self._option, f"{token.text} takes {number} arguments, found {len(arguments)}")
        return Call(token.text, tuple(arguments))

    def _arity(self, token: Token) -> tuple[int, int]:
        found = FUNCTIONS.get(token.text)
        if found is None:
            near = suggest(token.text, list(FUNCTIONS))
            raise AskError(self._option, f"there is no function {token.text[:40]!r}{near}")
        return found.least, found.most

    def _deeper(self, number: int) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise AskError(self._option, f"is nested more than {DEEPEST} deep")
        found = self.level(number)
        self._depth -= 1
        return found

    def _number(self, token: Token) -> float:
        found = float(token.text)
        if not math.isfinite(found):
            raise AskError(self._option, f"{token.text[:40]} is too large a number")
        return int(token.text) if token.text.isdigit() and len(token.text) <= _LONGEST_INTEGER else found

    def _time(self, token: Token) -> Instant | Span:
        start = self._instant(token)
        following = self._tokens[self._at + 1 : self._at + 2]
        if following and following[0].kind == "time" and self._take("/"):
            stop = self._instant(self._next("a time"))
            if stop.ns < start.ns:
                raise AskError(self._option, f"the interval {token.text}/… ends before it begins")
            return Span(start.ns, stop.ns)
        return start

    def _instant(self, token: Token) -> Instant:
        try:
            return parse_instant(token.text)
        except ValueError as error:
            raise AskError(self._option, str(error)) from None

    def _peek(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self, meant: str) -> Token:
        token = self._peek()
        if token is None:
            raise AskError(self._option, f"ends where {meant} is expected")
        self._at += 1
        return token

    def _word(self, words: Collection[str]) -> str | None:
        token = self._peek()
        if token is None or token.kind != "word" or token.text not in words:
            return None
        self._at += 1
        return token.text

    def _take(self, sign: str) -> bool:
        token = self._peek()
        found = token is not None and token.kind == "sign" and token.text == sign
        self._at += found
        return found

    def _expect(self, sign: str) -> None:
        token = self._next(repr(sign))
        if token.text != sign:
            raise self._wrong(token, repr(sign))

    def _wrong(self, token: Token, meant: str) -> AskError:
        words = f"expected {meant} at character {token.at + 1}, found {token.text[:40]!r}"
        return AskError(self._option, words)


def _unquoted(text: str) -> str:
    return text[1:-1].replace("''", "'")
