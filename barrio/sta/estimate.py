"""What an answer will cost, worked out before any of it is done, from how many entities relations lead to.

What is known is counted exactly: pages without a filter, and how often a filter's parts are worked out. Of a page with
a filter nothing is known until it has been filtered: what hangs on it is estimated then. An order chooses which
entities are on a page, and how many those lead to is taken as the mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from barrio.errors import AskError
from barrio.sta.entities import KINDS
from barrio.sta.limits import MOST_ENTITIES, MOST_PAGE, MOST_STEPS, USUAL_PAGE
from barrio.sta.syntax import Binary, Call, Literal, Node, Path, Unary

if TYPE_CHECKING:
    from barrio.sta.entities import Kind
    from barrio.sta.graph import Graph, Weights
    from barrio.sta.options import Options

_ENDLESS = 1e15
"""More is not told apart: products of large numbers stay numbers."""


def size_of(options: Options) -> int:
    """Return the size of a page."""
    return min(USUAL_PAGE if options.top is None else options.top, MOST_PAGE)


def refuse_entities(number: float, option: str = "$expand") -> None:
    """Refuse an answer of too many entities."""
    if number > MOST_ENTITIES:
        words = (
            f"the answer would hold more than {MOST_ENTITIES:,} entities, by estimate {_shown(number)}: "
            "ask for fewer ($top, also in $expand), or expand less and follow links"
        )
        raise AskError(option, words)


def refuse_steps(number: float, option: str) -> None:
    """Refuse a filter or an order that takes too much."""
    if number > MOST_STEPS:
        words = (
            f"would take more than {MOST_STEPS:,} steps, by estimate {_shown(number)}: "
            "ask of fewer entities, more simply, or over fewer relations to many"
        )
        raise AskError(option, words)


def _shown(number: float) -> str:
    return f"{number:,.0f}" if number < _ENDLESS else f"{_ENDLESS:,.0f} or more"


# --- filters ------------------------------------------------------------------------------------------------


def steps_of(graph: Graph, kind: Kind, node: Node) -> Weights:
    """Return how many steps a filter takes for each entity of a type; names in it have been checked."""
    return np.broadcast_to(_visit(graph, kind, node).steps, graph.size(kind.name))


def steps_of_order(graph: Graph, kind: Kind, options: Options) -> Weights:
    """Return how many steps an order takes for each entity of a type."""
    number = sum(len(one.path.segments) for one in options.orderby)
    return np.full(graph.size(kind.name), float(number))


@dataclass(frozen=True, slots=True)
class _Part:
    """Of a part of a filter, for each entity: how many values it has, and how many steps those take."""

    values: Weights
    steps: Weights


_ONE = _Part(np.ones(1), np.ones(1))


def _visit(graph: Graph, kind: Kind, node: Node) -> _Part:
    if isinstance(node, Literal):
        return _ONE
    if isinstance(node, Path):
        return _of_path(graph, kind, node)
    if isinstance(node, Unary):
        part = _visit(graph, kind, node.operand)
        return _Part(_ONE.values if node.operator == "not" else part.values, _sum(part.steps, part.values))
    if isinstance(node, Call):
        parts = [_visit(graph, kind, one) for one in node.arguments]
        values = _ONE.values
        for one in parts:
            values = np.maximum(values, one.values)
        return _Part(values, _sum(values, *(one.steps for one in parts)))
    return _of_binary(node, _visit(graph, kind, node.left), _visit(graph, kind, node.right))


def _of_path(graph: Graph, kind: Kind, path: Path) -> _Part:
    """Go forth for the names of the types, and back for how many entities there are behind each."""
    kinds = [kind]
    for name in path.segments:
        relation = kinds[-1].relations.get(name)
        if relation is None:
            break
        kinds.append(KINDS[relation.target])
    steps = values = np.ones(graph.size(kinds[-1].name))
    for one, name in zip(reversed(kinds[:-1]), reversed(path.segments[: len(kinds) - 1]), strict=True):
        values = np.minimum(graph.gather(one.name, name, values), _ENDLESS)
        steps = _sum(graph.gather(one.name, name, steps), _ONE.steps)
    return _Part(values, steps)


def _of_binary(node: Binary, left: _Part, right: _Part) -> _Part:
    if node.operator in {"and", "or"}:
        return _Part(_ONE.values, _sum(left.steps, right.steps, left.values, right.values))
    pairs = np.minimum(left.values * right.values, _ENDLESS)
    steps = _sum(left.steps, right.steps, pairs)
    arithmetic = node.operator in {"add", "sub", "mul", "div", "mod"}
    return _Part(pairs if arithmetic else _ONE.values, steps)


def _sum(*parts: Weights) -> Weights:
    found = _ONE.steps * 0
    for one in parts:
        found = found + one
    return np.minimum(found, _ENDLESS)


# --- expansions ---------------------------------------------------------------------------------------------


class Estimate:
    """What a request would hold and work out; refuses as soon as that is too much."""

    def __init__(self, graph: Graph, entities: int, steps: float) -> None:
        self._graph = graph
        self._entities = float(entities)
        self._steps = steps

    def expansion(self, kind: Kind, weights: Weights, options: Options) -> None:
        """Add what is expanded of entities that stand in the answer as often as their weights say."""
        for name, inner in options.expand.items():
            relation = kind.relations[name]
            target = KINDS[relation.target]
            reached = self._graph.follow(kind.name, name, weights)
            if relation.many:
                self._page(kind, name, reached, inner)
                if inner.filter is not None:
                    continue
                reached = self._on_page(kind, name, weights, inner)
            self._entities += float(reached.sum())
            refuse_entities(self._entities)
            self.expansion(target, reached, inner)

    def _page(self, kind: Kind, name: str, reached: Weights, options: Options) -> None:
        """Add the filter and the order of the pages of a relation, each worked out once for an entity."""
        target = KINDS[kind.relations[name].target]
        if target.name == "Observations":
            return
        looked_at = reached > 0
        if options.filter is not None:
            self._steps += float(steps_of(self._graph, target, options.filter)[looked_at].sum())
            refuse_steps(self._steps, "$filter")
        if options.orderby:
            self._steps += float(steps_of_order(self._graph, target, options)[looked_at].sum())
            refuse_steps(self._steps, "$orderby")

    def _on_page(self, kind: Kind, name: str, weights: Weights, options: Options) -> Weights:
        """Return how often what a relation leads to stands on the pages."""
        graph, size = self._graph, size_of(options)
        reached = graph.follow(kind.name, name, weights)
        if kind.relations[name].target == "Observations":
            number = graph.gather(kind.name, name, np.ones(len(reached)))
            share = np.where(number > 0, size / np.maximum(number, 1), 0.0)
            return graph.follow(kind.name, name, weights * share)
        if not options.orderby:
            ranks = graph.ranks(kind.name, name)
            return reached * ((ranks >= options.skip) & (ranks < options.skip + size))
        number = graph.gather(kind.name, name, np.ones(len(reached)))
        shown = np.clip(number - options.skip, 0, size)
        share = np.where(number > 0, shown / np.maximum(number, 1), 0.0)
        return graph.follow(kind.name, name, weights * share)
