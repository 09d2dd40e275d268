"""What a server has: its variables below Objects with types, units, ranges and writability, as a draft of a profile.

Bounded whatever the server says: in nodes, in depth, in time; a node is looked at once, so loops end. Namespace 0 is
the standard's own and left out, except for the properties that describe a variable.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds

from connectors.abilities import Draft
from connectors.opcua import services, unece
from connectors.opcua.browse import Browser, local, standard
from connectors.opcua.config import OpcUaOptions
from connectors.opcua.datatypes import Types, names_in, text_of
from connectors.opcua.draft import Kind, Type, Variable, draft, states_of
from connectors.opcua.nodes import NodeAddress
from connectors.opcua.session import SERVER_STATUS, session_of
from twin.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.home import Home
    from connectors.opcua.session import Session
    from twin.model.protocol import Endpoint

MOST_NODES = 20_000
DEEPEST = 20
LONGEST_S = 60.0
_MOST_PER_READ = 100
_MOST_ELEMENTS = 100_000
_LEAST_REFERENCES = 1_000

# The properties that describe a variable (OPC 10000-8, 5.3; OPC 10000-3, 5.8.3).
_UNITS, _RANGE, _TRUE, _FALSE = "EngineeringUnits", "EURange", "TrueState", "FalseState"
_PROPERTIES = frozenset({_UNITS, _RANGE, _TRUE, _FALSE, "EnumStrings", "EnumValues"})
_CURRENT_WRITE = 2  # of UserAccessLevel (OPC 10000-3, 8.57)


@dataclass(slots=True)
class _Found:
    """A variable, with the nodes of its describing properties by name."""

    id: ua.NodeId
    path: tuple[str, ...]
    properties: dict[str, ua.NodeId] = field(default_factory=dict)


async def discover(endpoint: Endpoint, options: Mapping[str, object], home: Home) -> Draft:
    """Return a draft of a profile for the server at `endpoint`; `TransientError` when it is away."""
    session = session_of(str(endpoint), OpcUaOptions.model_validate(dict(options)), home)
    with session.losses():
        try:
            await session.open()
            survey = Survey(session, MOST_NODES, LONGEST_S)
            variables = await survey.within(2 * LONGEST_S)
            product = _product(await session.read(SERVER_STATUS))
        finally:
            await session.close()
    return Draft(draft(str(endpoint), product, options, variables), tuple(survey.remarks))


def _product(status: Any) -> str:
    build = getattr(status, "BuildInfo", None)
    words = (str(getattr(build, name, None) or "")[:100] for name in ("ProductName", "SoftwareVersion"))
    return " ".join(word for word in words if word) or "unnamed product"


class Survey:
    """One walk over the address space of a server."""

    def __init__(self, session: Session, most: int, longest_s: float) -> None:
        self._session = session
        self._most = most
        self._browser = Browser(session, max(_LEAST_REFERENCES, 5 * most), longest_s)
        self._types = Types(self._browser, self._read)
        self._seen: set[ua.NodeId] = set()
        self._found: dict[ua.NodeId, _Found] = {}
        self._namespaces: dict[int, str] = {}
        self._chunk = _MOST_PER_READ
        self.remarks: list[str] = []

    async def within(self, longest_s: float) -> list[Variable]:
        """Return what `run` does; `TransientError` when the server answers so slowly that it takes longer."""
        try:
            async with asyncio.timeout(longest_s) as limit:
                return await self.run()
        except TimeoutError:
            if not limit.expired():
                raise
            raise TransientError(
                self._session.url, f"did not tell what it has within {longest_s:g} s"
            ) from None

    async def run(self) -> list[Variable]:
        """Return the variables, the nearest first; `remarks` say what was left out and why."""
        self._namespaces = {index: uri for uri, index in (await self._session.namespaces()).items()}
        self._chunk = (await services.limits(self._session, self._chunk)).read
        await self._walk()
        return await self._variables()

    async def _walk(self) -> None:
        """Browse level by level, so that what is near is found before a bound is met."""
        wave: dict[ua.NodeId, tuple[str, ...]] = {standard(ObjectIds.ObjectsFolder): ()}
        for _ in range(DEEPEST):
            found = await self._browser.references(list(wave), ObjectIds.HierarchicalReferences)
            below: dict[ua.NodeId, tuple[str, ...]] = {}
            for (node, path), references in zip(wave.items(), found, strict=True):
                below.update(self._below(node, path, references))
            wave = below
            if not wave or self._browser.stopped:
                break
        full = f"stopped after {self._most} nodes" if len(self._seen) >= self._most else ""
        deep = f"nodes deeper than {DEEPEST} levels were left out" if wave else ""
        self.remarks += [words for words in (full or self._browser.stopped or deep,) if words]

    def _below(
        self, node: ua.NodeId, path: tuple[str, ...], references: Sequence[Any]
    ) -> Iterator[tuple[ua.NodeId, tuple[str, ...]]]:
        """Note what a node leads to; yields what is to be browsed next."""
        for one in references:
            target, name = local(one.NodeId), str(getattr(one.BrowseName, "Name", None) or "")
            if target is None or not name:
                continue
            if one.ReferenceTypeId == standard(ObjectIds.HasProperty):
                if node in self._found and name in _PROPERTIES:
                    self._found[node].properties[name] = target
            elif self._is_new(target, one.NodeClass):
                self._seen.add(target)
                if one.NodeClass == ua.NodeClass.Variable:
                    self._found[target] = _Found(target, (*path, name))
                yield target, (*path, name)

    def _is_new(self, node: ua.NodeId, kind: Any) -> bool:
        return (
            kind in (ua.NodeClass.Object, ua.NodeClass.Variable)
            and node.NamespaceIndex != 0
            and node not in self._seen
            and len(self._seen) < self._most
        )

    async def _read(self, nodes: Sequence[ua.NodeId], attribute: AttributeIds) -> list[Any]:
        found = await services.read(self._session, nodes, attribute, self._chunk)
        return [services.value_of(one) for one in found]

    async def _variables(self) -> list[Variable]:
        found = [one for one in self._found.values() if one.id.NamespaceIndex in self._namespaces]
        nodes = [one.id for one in found]
        kinds, ranks, lengths, access, words = [
            await self._read(nodes, attribute)
            for attribute in (
                AttributeIds.DataType,
                AttributeIds.ValueRank,
                AttributeIds.ArrayDimensions,
                AttributeIds.UserAccessLevel,
                AttributeIds.Description,
            )
        ]
        await self._types.learn(kinds)
        properties = await self._properties(found)
        return [
            Variable(
                path=one.path,
                node=NodeAddress(one.id.Identifier, self._namespaces[one.id.NamespaceIndex]),
                type=_with_names(self._types.of(kinds[at]), properties[at]),
                length=_length(ranks[at], lengths[at]),
                writable=isinstance(access[at], int) and bool(access[at] & _CURRENT_WRITE),
                description=text_of(words[at]),
                **_measure(properties[at]),
            )
            for at, one in enumerate(found)
        ]

    async def _properties(self, found: Sequence[_Found]) -> list[dict[str, Any]]:
        """Return the values of the describing properties of each variable, by name."""
        nodes = [node for one in found for node in one.properties.values()]
        values = iter(await self._read(nodes, AttributeIds.Value))
        return [{name: next(values) for name in one.properties} for one in found]


def _with_names(kind: Type, properties: Mapping[str, Any]) -> Type:
    """Return a variable's type with the names that it gives to its codes itself."""
    if kind.kind is Kind.NUMBER and (names := names_in(properties)):
        return Type(Kind.STATES, states=names)
    both = [text_of(properties.get(name)) for name in (_FALSE, _TRUE)]
    if kind.kind is Kind.FLAG and all(both):
        return Type(Kind.FLAG, states=states_of(enumerate(both)))
    return kind


def _measure(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return unit and range as a variable's properties say."""
    found: dict[str, Any] = {}
    unit, span = properties.get(_UNITS), properties.get(_RANGE)
    if isinstance(unit, ua.EUInformation):
        found["unit"] = unece.ucum(str(unit.NamespaceUri), unit.UnitId)
        found["unit_name"] = text_of(unit.DisplayName)
    if isinstance(span, ua.Range):
        found["low"], found["high"] = float(span.Low), float(span.High)
    return found


def _length(rank: object, dimensions: object) -> int | None:
    """Return how many elements an array has, 0 when the server does not say, None for a single value."""
    if not isinstance(rank, int) or rank < 0:
        return None
    sizes = [one for one in dimensions if isinstance(one, int)] if isinstance(dimensions, list) else []
    return min(math.prod(sizes), _MOST_ELEMENTS) if sizes else 0
