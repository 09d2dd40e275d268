"""A filter or an order as a function of an entity: names are looked up once, and wrong ones refused before it runs.

A path that leads over a relation to many gives all that it finds there, and a comparison holds when it holds for one
of them. What has no value, or one of another type, is equal to nothing, neither greater nor less.
"""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

from barrio.errors import AskError
from barrio.sta.entities import DYNAMIC, ID_NAMES, KINDS, LINK_NAMES, Kind
from barrio.sta.functions import FUNCTIONS
from barrio.sta.geometry import Geometry, of_geojson
from barrio.sta.properties import PROPERTIES, identity
from barrio.sta.syntax import Binary, Call, Literal, Node, Path, Unary
from barrio.sta.values import Instant, Lasting, Span, as_datetime, instant, parse_instant
from twin.model.source import suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from barrio.sta.context import Context
    from barrio.sta.records import Record


class Many(list[Any]):
    """Values of several entities."""


_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_SUMS: Mapping[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "mod": math.fmod,
}
_DAY = 86_400 * 10**9
_TIMES = frozenset({"phenomenonTime", "resultTime", "time"})


class Compiler:
    """Makes functions of entities of one type."""

    def __init__(self, context: Context, kind: Kind, option: str) -> None:
        self._context = context
        self._kind = kind
        self._option = option

    def compile(self, node: Node) -> Callable[[Record], Any]:
        """Return a node as a function; AskError for names that there are not."""
        if isinstance(node, Literal):
            return _constant(node.value)
        if isinstance(node, Path):
            return self.path(node)
        if isinstance(node, Call):
            return self._call(node)
        if isinstance(node, Unary):
            return self._unary(node)
        return self._binary(node)

    def test(self, node: Node) -> Callable[[Record], bool]:
        """Return a filter as a function that tells whether it holds."""
        found = self.compile(node)
        return lambda record: _holds(found(record))

    def path(self, path: Path, *, single: bool = False) -> Callable[[Record], Any]:
        """Return a path as a function; `single` refuses relations to many, by which nothing can be ordered."""
        kind, relations = self._kind, []
        segments = list(path.segments)
        while segments and segments[0] in kind.relations:
            name = segments.pop(0)
            relation = kind.relations[name]
            if relation.target == "Observations":
                raise AskError(self._option, f"{path} leads to Observations: ask for those, and filter them")
            if single and relation.many:
                raise AskError(self._option, f"{path} leads to more than one of {name}")
            relations.append((name, relation.many))
            kind = KINDS[relation.target]
        last = self._property(kind, segments, path)
        return self._over(relations, last) if relations else last

    def _property(self, kind: Kind, segments: list[str], path: Path) -> Callable[[Record], Any]:
        if not segments:
            raise AskError(self._option, f"{path} is a relation: name a property behind it")
        name, *rest = segments
        if name in ID_NAMES and not rest:
            return identity
        if name in LINK_NAMES and not rest:
            return self._context.link
        if name not in kind.properties:
            known = ["id", *kind.properties, *kind.relations]
            words = f"{kind.name} have no property {name[:60]!r}{suggest(name, known)}"
            raise AskError(self._option, words)
        if rest and name not in DYNAMIC:
            raise AskError(
                self._option, f"{name} of {kind.name} has nothing below it, found {str(path)[:60]!r}"
            )
        context, getter = self._context, PROPERTIES[kind.name][name]
        if rest:
            return lambda record: _below(getter(context, record), rest)
        return lambda record: getter(context, record)

    def _over(
        self, relations: list[tuple[str, bool]], last: Callable[[Record], Any]
    ) -> Callable[[Record], Any]:
        related = self._context.view.related
        many = any(one for _, one in relations)

        def values(record: Record) -> Any:
            reached = [record]
            for name, _ in relations:
                reached = [one for each in reached for one in related(each, name)]
            return Many(last(one) for one in reached) if many else last(reached[0])

        return values

    def _call(self, node: Call) -> Callable[[Record], Any]:
        if node.name == "now":
            return _constant(instant(self._context.now))
        function = FUNCTIONS[node.name]
        arguments = [self.compile(one) for one in node.arguments]

        def value(record: Record) -> Any:
            found = [one(record) for one in arguments]
            many = next((at for at, one in enumerate(found) if isinstance(one, Many)), None)
            if many is None:
                return _called(function, found)
            return Many(_called(function, [*found[:many], one, *found[many + 1 :]]) for one in found[many])

        return value

    def _unary(self, node: Unary) -> Callable[[Record], Any]:
        operand = self.compile(node.operand)
        if node.operator == "not":
            return lambda record: not _holds(operand(record))
        return lambda record: _each(operand(record), lambda value: _sum("mul", value, -1))

    def _binary(self, node: Binary) -> Callable[[Record], Any]:
        left, right = (
            self.compile(self._meant(node.left, node.right)),
            self.compile(self._meant(node.right, node.left)),
        )
        name = node.operator
        if name == "and":
            return lambda record: _holds(left(record)) and _holds(right(record))
        if name == "or":
            return lambda record: _holds(left(record)) or _holds(right(record))
        if name in _ORDERS:
            return lambda record: _any(name, left(record), right(record))
        return lambda record: _pairs(left(record), right(record), lambda a, b: _sum(name, a, b))

    def _meant(self, node: Node, beside: Node) -> Node:
        """Return a literal as what it is compared with: a text beside a time is a time, an id may be quoted."""
        if isinstance(node, Literal) and isinstance(beside, Call):
            return Literal(_as_date(node.value)) if beside.name == "date" else node
        if not isinstance(node, Literal) or not isinstance(beside, Path):
            return node
        last = beside.segments[-1]
        if last in ID_NAMES:
            return Literal(self._as_id(node.value, beside))
        if last in _TIMES and isinstance(node.value, str):
            try:
                return Literal(parse_instant(node.value))
            except ValueError as error:
                raise AskError(self._option, str(error)) from None
        return node

    def _as_id(self, value: Any, path: Path) -> Any:
        kind = self._kind
        for one in path.segments[:-1]:
            if one in kind.relations:
                kind = KINDS[kind.relations[one].target]
        if kind.name == "Observations":
            return str(value) if isinstance(value, int) else value
        return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 19 else value


def _as_date(value: Any) -> Any:
    """Return a midnight as `date` gives it: in a filter `2026-11-28` is that moment, until it stands beside a date."""
    midnight = isinstance(value, Instant) and value.ns % _DAY == 0
    return as_datetime(value).date().isoformat() if midnight else value


def _constant(value: Any) -> Callable[[Record], Any]:
    return lambda _: value


def _called(function: Callable[..., Any], arguments: list[Any]) -> Any:
    found = [of_geojson(one) if isinstance(one, dict) else one for one in arguments]
    return None if any(one is None for one in found) else function(*found)


def _below(value: Any, segments: list[str]) -> Any:
    for name in segments:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _holds(value: Any) -> bool:
    return any(one is True for one in value) if isinstance(value, Many) else value is True


def _any(name: str, left: Any, right: Any) -> bool:
    return _holds(_pairs(left, right, lambda a, b: compare(name, a, b)))


def _pairs(left: Any, right: Any, function: Callable[[Any, Any], Any]) -> Any:
    if isinstance(left, Many):
        return Many(found for one in left for found in _listed(_pairs(one, right, function)))
    return _each(right, lambda one: function(left, one))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, Many) else [value]


def _each(value: Any, function: Callable[[Any], Any]) -> Any:
    return Many(map(function, value)) if isinstance(value, Many) else function(value)


def compare(name: str, left: Any, right: Any) -> bool:
    """Whether a comparison holds between two values of any type."""
    if left is None or right is None:
        return name == ("eq" if left is right else "ne")
    one, other = _comparable(left), _comparable(right)
    if one[0] != other[0]:
        return name == "ne"
    if isinstance(left, Span) and isinstance(right, Span) and name in {"eq", "ne"}:
        return (left == right) is (name == "eq")
    if isinstance(left, bool) and name not in {"eq", "ne"}:
        return False
    return _ORDERS[name](one[1], other[1])


def _comparable(value: Any) -> tuple[str, Any]:
    """Return a value's type for comparisons, and what of it is compared."""
    for kind, name in _TYPES:
        if isinstance(value, kind):
            return name, getattr(value, "ns", value)
    return type(value).__name__, repr(value)


_TYPES: Sequence[tuple[type | tuple[type, ...], str]] = (
    (bool, "truth"),
    ((int, float), "number"),
    (str, "text"),
    ((Instant, Span), "time"),
    (Lasting, "lasting"),
)


def _sum(name: str, left: Any, right: Any) -> Any:
    """Return the result of arithmetic on numbers, or of a time and a length of time; None where there is none."""
    if isinstance(left, Instant | Span) and name in {"add", "sub"}:
        if isinstance(right, Lasting):
            return Instant(left.ns + (right.ns if name == "add" else -right.ns))
        return Lasting(left.ns - right.ns) if isinstance(right, Instant | Span) and name == "sub" else None
    if not (_is_number(left) and _is_number(right)):
        return None
    try:
        found = _SUMS[name](left, right)
    except (ZeroDivisionError, OverflowError, ValueError):
        return None
    return found if isinstance(found, int) or math.isfinite(found) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def ordered_by(value: Any) -> tuple[int, str, Any]:
    """Return what sorts values of any type, those that are absent first."""
    if value is None or isinstance(value, Geometry):
        return 0, "", 0
    kind, found = _comparable(value)
    return 1, kind, found
