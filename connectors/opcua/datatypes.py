"""What a server's data types mean for a profile: numbers, flags, enumerations with their names, structures by field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds

from connectors.opcua.browse import local
from connectors.opcua.draft import Kind, Type, states_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from connectors.opcua.browse import Browser

    Read = Callable[[Sequence[ua.NodeId], AttributeIds], Awaitable[list[Any]]]

_MOST_TYPES = 500
_MOST_FIELDS = 200
_DEEPEST = 12
_ENUMERATION = 29
# Numbers of namespace 0: the built-in types (OPC 10000-6, 5.1.2), the abstract Number, Integer and UInteger, and those
# with a name of their own: Counter, IntegerId, Duration, Index, VersionTime (OPC 10000-3, 8; OPC 10000-4, 7).
_NUMBERS = frozenset({*range(2, 12), 26, 27, 28, 288, 289, 290, 17588, 20998})
_FLAG = 1

OTHER = Type(Kind.OTHER)


class Types:
    """Data types of one server; `learn` asks it, `of` answers."""

    def __init__(self, browser: Browser, read: Read) -> None:
        self._browser = browser
        self._read = read
        self._known: dict[ua.NodeId, Type] = {}

    def of(self, kind: object) -> Type:
        """Return what a data type means; `OTHER` for one that cannot be a point."""
        if not isinstance(kind, ua.NodeId):
            return OTHER
        if kind.NamespaceIndex == 0 and isinstance(kind.Identifier, int):
            if kind.Identifier == _FLAG:
                return Type(Kind.FLAG)
            if kind.Identifier in _NUMBERS:
                return Type(Kind.NUMBER)
        return self._known.get(kind, OTHER)

    async def learn(self, kinds: Iterable[object]) -> None:
        """Ask what these types are made of, and the types of their fields."""
        outer = await self._definitions(kinds)
        fields = (one for known in outer.values() for one in getattr(known, "Fields", None) or ())
        inner = await self._definitions(getattr(one, "DataType", None) for one in fields)
        for kind, definition in {**inner, **outer}.items():
            self._known[kind] = self._made(definition)
        await self._learn_undefined([kind for kind in (*inner, *outer) if self._known[kind] is OTHER])
        for kind, definition in outer.items():
            if isinstance(definition, ua.StructureDefinition):
                self._known[kind] = self._made(definition)

    async def _definitions(self, kinds: Iterable[object]) -> dict[ua.NodeId, Any]:
        """Return DataTypeDefinition (OPC 10000-3, 8.47) of each type that is not known yet."""
        wanted = {kind: None for kind in kinds if isinstance(kind, ua.NodeId) and self.of(kind) is OTHER}
        asked = [kind for kind in wanted if kind not in self._known][: _MOST_TYPES - len(self._known)]
        return dict(zip(asked, await self._read(asked, AttributeIds.DataTypeDefinition), strict=True))

    def _made(self, definition: Any) -> Type:
        if isinstance(definition, ua.EnumDefinition):
            names = ((one.Value, one.Name or text_of(one.DisplayName)) for one in definition.Fields or ())
            return Type(Kind.STATES, states=states_of(names))
        if isinstance(definition, ua.StructureDefinition):
            scalar = [one for one in definition.Fields or () if one.ValueRank == -1 and one.Name]
            fields = {str(one.Name): self.of(one.DataType) for one in scalar[:_MOST_FIELDS]}
            return Type(Kind.STRUCTURE, "structure", fields=fields)
        return OTHER

    async def _learn_undefined(self, kinds: Sequence[ua.NodeId]) -> None:
        """Find out by their supertypes what types are that have no definition, as in servers before version 1.04."""
        ends = {kind: kind for kind in kinds}
        for _ in range(_DEEPEST):
            asked = [kind for kind, end in ends.items() if end.NamespaceIndex != 0]
            found = await self._browser.references(
                [ends[kind] for kind in asked], ObjectIds.HasSubtype, forward=False
            )
            above = {
                kind: target
                for kind, references in zip(asked, found, strict=True)
                for one in references[:1]
                if (target := local(one.NodeId)) is not None
            }
            if not above:
                break
            ends |= above
        enums = [
            kind for kind, end in ends.items() if end.NamespaceIndex == 0 and end.Identifier == _ENUMERATION
        ]
        self._known |= {kind: self.of(end) for kind, end in ends.items() if end is not kind}
        self._known |= dict(zip(enums, await self._enumerations(enums), strict=True))

    async def _enumerations(self, kinds: Sequence[ua.NodeId]) -> list[Type]:
        """Return enumerations by the properties of their types (OPC 10000-3, 5.8.3)."""
        found = await self._browser.references(kinds, ObjectIds.HasProperty)
        nodes = [
            (at, str(getattr(one.BrowseName, "Name", "")), target)
            for at, references in enumerate(found)
            for one in references
            if (target := local(one.NodeId)) is not None
        ]
        values = await self._read([node for _, _, node in nodes], AttributeIds.Value)
        properties: list[dict[str, Any]] = [{} for _ in kinds]
        for (at, name, _), value in zip(nodes, values, strict=True):
            properties[at][name] = value
        return [Type(Kind.STATES, states=names_in(one)) for one in properties]


def names_in(properties: Mapping[str, Any]) -> dict[int, str]:
    """Return the names of codes that EnumValues or EnumStrings give, none when neither is there."""
    found = properties.get("EnumValues") or properties.get("EnumStrings")
    return states_of(_named(found))


def _named(value: object) -> Iterable[tuple[int, str]]:
    for at, one in enumerate(value if isinstance(value, list) else ()):
        if isinstance(one, ua.EnumValueType):
            yield one.Value, text_of(one.DisplayName)
        elif isinstance(one, ua.LocalizedText):
            yield at, text_of(one)


def text_of(text: object) -> str:
    """Return the text of a localized text, empty where there is none."""
    return str(getattr(text, "Text", None) or "")
