"""Writing nodes and calling methods: one request each, never sent twice, read back where there is something to read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.uaerrors._base import UaError, UaStatusCodeError

from connectors.abilities import Done, Outcome
from connectors.opcua import services
from connectors.opcua.addresses import address_of, method_of
from connectors.opcua.codec import Unfit, pick, status_words
from connectors.opcua.config import WRITTEN
from connectors.opcua.lookup import Lost
from connectors.opcua.variants import CannotSet, built_in_of, input_of, variant_of
from twin.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from connectors.abilities import Setting
    from connectors.opcua.addresses import Address
    from connectors.opcua.config import OpcUaPoint
    from connectors.opcua.session import Session
    from twin.model.bound import BoundDevice
    from twin.model.spec import StateKey

# The service did not come back in time on the server's own side: it may or may not have been carried out.
_UNKNOWN = frozenset({0x800A_0000, 0x8085_0000})


@dataclass(slots=True)
class _Write:
    """One setting on its way: the node's value to write, or why not."""

    setting: Setting
    node: ua.NodeId | None = None
    value: ua.WriteValue | None = None
    refused: str = ""


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a node holds; `elements` says whether the server serves elements of an array by themselves."""

    type: ua.VariantType
    array: bool
    elements: bool = False


@dataclass(slots=True)
class Commands:
    """Settings for the devices of one session; `find` looks addresses up, `open` decodes structures."""

    session: Session
    devices: Sequence[BoundDevice]
    find: Callable[[Sequence[Address]], Awaitable[list[ua.NodeId | Lost]]]
    open: Callable[[object], object]
    _kinds: dict[int, _Kind] = field(default_factory=dict)
    _inputs: dict[int, list[ua.VariantType]] = field(default_factory=dict)

    async def write(self, settings: Sequence[Setting]) -> list[Outcome]:
        """Return what became of each setting, in order; `TransientError` when nothing could be sent."""
        writes = [_Write(setting) for setting in settings]
        await self._prepare([one for one in writes if not _address(one).method])
        outcomes = await self._written([one for one in writes if one.value is not None])
        return [outcomes.get(id(one)) or await self._other(one) for one in writes]

    async def _other(self, one: _Write) -> Outcome:
        if one.refused:
            return Outcome(one.setting, Done.REFUSED, words=one.refused)
        return await self._called(one.setting)

    async def _prepare(self, writes: Sequence[_Write]) -> None:
        """Find nodes and types of what is written; what does not fit is refused here."""
        found = await self.find(
            [address_of(self._device(one.setting).device, one.setting.point.point) for one in writes]
        )
        for one, node in zip(writes, found, strict=True):
            if isinstance(node, Lost):
                one.refused = node.words
            else:
                one.node = node
        await self._learn([one for one in writes if one.node and one.setting.point.id not in self._kinds])
        for one in writes:
            if one.node is not None:
                try:
                    one.value = self._value(one, one.node)
                except CannotSet as error:
                    one.refused = str(error)

    def _device(self, setting: Setting) -> BoundDevice:
        return next(one for one in self.devices if any(point.id == setting.point.id for point in one.points))

    async def _learn(self, writes: Sequence[_Write]) -> None:
        """Read once what the nodes hold: from their value, else from their data type."""
        nodes = [one.node for one in writes if one.node is not None]
        wanted = [
            (node, attribute) for node in nodes for attribute in (AttributeIds.Value, AttributeIds.DataType)
        ]
        found = await services.read_several(self.session, wanted, len(wanted))
        for one, value, kind in zip(writes, found[::2], found[1::2], strict=True):
            variant = value.Value
            if variant is not None and variant.Value is not None:
                array = isinstance(variant.Value, list)
                elements = array and await self._serves_elements(one, len(variant.Value))
                self._kinds[one.setting.point.id] = _Kind(variant.VariantType, array, elements)
            elif (named := built_in_of(services.value_of(kind))) is not None:
                self._kinds[one.setting.point.id] = _Kind(named, array=False)

    async def _serves_elements(self, one: _Write, length: int) -> bool:
        """Whether the server heeds an index range: one that does not would replace the array by the element."""
        index = _address(one).index
        if index is None or one.node is None or not index < length:
            return False
        found = services.value_of(await services.read_element(self.session, one.node, index))
        return isinstance(found, list) and len(found) == 1

    def _value(self, one: _Write, node: ua.NodeId) -> ua.WriteValue:
        address, kind = _address(one), self._kinds.get(one.setting.point.id)
        if address.field:
            raise CannotSet("a field of a structure cannot be written by itself")
        if kind is None:
            raise CannotSet("the server does not say of which type the node is")
        if kind.array != (address.index is not None):
            raise CannotSet(
                "the node is an array: say which element" if kind.array else "the node is no array"
            )
        if kind.array and not kind.elements:
            raise CannotSet(f"the server does not serve element {address.index} by itself")
        variant = variant_of(one.setting.raw, kind.type)
        if kind.array:
            variant = ua.Variant([variant.Value], kind.type)
        # Many servers refuse a write that also sets status or times (OPC 10000-4, 5.11.4.2).
        data = ua.DataValue(variant, StatusCode=None)
        index = None if address.index is None else str(address.index)
        return ua.WriteValue(node, AttributeIds.Value, index, data)

    async def _written(self, writes: Sequence[_Write]) -> dict[int, Outcome]:
        if not writes:
            return {}
        try:
            codes = await services.write(self.session, [one.value for one in writes if one.value is not None])
        except UaStatusCodeError as error:
            codes = [error.code] * len(writes)
        except (OSError, TimeoutError, UaError, TransientError) as error:
            words = self._doubt(error)
            return {id(one): Outcome(one.setting, Done.UNKNOWN, words=words) for one in writes}
        good = [one for one, code in zip(writes, codes, strict=True) if not code >> 30]
        back = await self._read_back(good)
        return {
            id(one): _outcome(one.setting, code, back.get(id(one)))
            for one, code in zip(writes, codes, strict=True)
        }

    async def _read_back(self, writes: Sequence[_Write]) -> dict[int, float | StateKey | None]:
        nodes = [one.node for one in writes if one.node is not None]
        try:
            found = await services.read(self.session, nodes, AttributeIds.Value, max(len(nodes), 1))
        except (OSError, TimeoutError, UaError, TransientError):
            return {}
        return {
            id(one): self._raw(one, services.value_of(data)) for one, data in zip(writes, found, strict=True)
        }

    def _raw(self, one: _Write, found: object) -> float | StateKey | None:
        try:
            raw = pick(_address(one), self.open(found))
        except Unfit:
            return None
        raw = getattr(raw, "Text", raw)
        return raw if isinstance(raw, (bool, int, float, str)) else None

    async def _called(self, setting: Setting) -> Outcome:
        """Call the method of a point with its arguments."""
        owner, method = await self.find(method_of(self._device(setting).device, setting.point.point))
        for one in (owner, method):
            if isinstance(one, Lost):
                return Outcome(setting, Done.REFUSED, words=one.words)
        owner, method = cast("ua.NodeId", owner), cast("ua.NodeId", method)
        try:
            arguments = _arguments(setting, await self._inputs_of(setting.point.id, method))
        except CannotSet as error:
            return Outcome(setting, Done.REFUSED, words=str(error))
        try:
            result = await services.call(self.session, owner, method, arguments)
        except UaStatusCodeError as error:
            return _outcome(setting, error.code, None)
        except (OSError, TimeoutError, UaError, TransientError) as error:
            return Outcome(setting, Done.UNKNOWN, words=self._doubt(error))
        return _outcome(setting, result.StatusCode.value, None)

    async def _inputs_of(self, point: int, method: ua.NodeId) -> list[ua.VariantType]:
        """Return the types of a method's input arguments, read once (OPC 10000-3, 5.7)."""
        if point not in self._inputs:
            step = ua.RelativePathElement(
                ReferenceTypeId=ua.NodeId(ua.Int32(ObjectIds.HasProperty)),
                IsInverse=False,  # type: ignore[arg-type]
                IncludeSubtypes=True,  # type: ignore[arg-type]
                TargetName=ua.QualifiedName("InputArguments", ua.Int16(0)),
            )
            (found,) = await services.translate(
                self.session, [ua.BrowsePath(method, ua.RelativePath([step]))], 1
            )
            listed: object = []
            if found.StatusCode.is_good() and found.Targets:
                target = found.Targets[0].TargetId
                node = ua.NodeId(target.Identifier, target.NamespaceIndex)
                (data,) = await services.read(self.session, [node], AttributeIds.Value, 1)
                listed = services.value_of(data)
            self._inputs[point] = [input_of(one) for one in listed] if isinstance(listed, list) else []
        return self._inputs[point]

    def _doubt(self, error: BaseException) -> str:
        away = self.session.away(error)
        return f"{away.words if away else error}: it may have been carried out or not"


def _address(one: _Write) -> OpcUaPoint:
    return cast("OpcUaPoint", one.setting.point.point.address)


def _arguments(setting: Setting, inputs: Sequence[ua.VariantType]) -> list[ua.Variant]:
    given = cast("OpcUaPoint", setting.point.point.address).arguments
    if not inputs and given == (WRITTEN,):
        return []
    if len(given) != len(inputs):
        raise CannotSet(f"the method takes {len(inputs)} arguments, the profile gives {len(given)}")
    values: Iterable[float | StateKey] = (setting.raw if one == WRITTEN else one for one in given)
    return [variant_of(value, kind) for value, kind in zip(values, inputs, strict=True)]


def _outcome(setting: Setting, code: int, back: float | StateKey | None) -> Outcome:
    if code & 0xFFFF_0000 in _UNKNOWN:
        return Outcome(
            setting, Done.UNKNOWN, words=f"{status_words(code)}: it may have been carried out or not"
        )
    if code >> 30:
        return Outcome(setting, Done.REFUSED, words=status_words(code))
    return Outcome(setting, Done.WRITTEN, back)
