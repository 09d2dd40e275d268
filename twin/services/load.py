"""`services.yaml` to a `ServiceBook`, with every fault at once; one that is faulty does not hide the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from twin.model.source import Place, suggest
from twin.model.validation import validate
from twin.notify_spec import ChannelSpec
from twin.services.bind import Binder
from twin.services.book import ServiceBook
from twin.services.spec import CapacitySpec, MaintenanceSpec, ServicesSpec, SupplySpec

if TYPE_CHECKING:
    from twin.model.ground import Ground
    from twin.model.source import Faults, Source
    from twin.services.book import Tank

_OF_ALARMS = ("priorities", "rules", "on")

Item = TypeVar("Item", ChannelSpec, SupplySpec, CapacitySpec, MaintenanceSpec)


def load(source: Source, ground: Ground, faults: Faults) -> ServiceBook:
    """Return what a district asks of others and of its people; what is wrong with it is among the faults."""
    validate(ServicesSpec, _shell(source.data), Place(source, ()), faults)
    suppliers = _unique(source, "suppliers", ChannelSpec, faults)
    for place, supplier in suppliers:
        _check_supplier(supplier, place, faults)
    binder = Binder(ground, faults)
    tanks = [
        tank
        for place, rule in _unique(source, "supply", SupplySpec, faults)
        for tank in _tanks(binder, rule, place, [supplier.id for _, supplier in suppliers], source)
    ]
    crowds = [binder.crowd(*pair) for pair in _unique(source, "capacity", CapacitySpec, faults)]
    services = [binder.services(*pair) for pair in _unique(source, "maintenance", MaintenanceSpec, faults)]
    return ServiceBook(
        ground.id,
        suppliers=tuple(supplier for _, supplier in suppliers),
        tanks=tuple(tanks),
        crowds=tuple(crowd for crowd in crowds if crowd is not None),
        services=tuple(service for found in services for service in found),
        points=tuple(binder.points.made),
    )


def _tanks(
    binder: Binder, rule: SupplySpec, place: Place, suppliers: list[str], source: Source
) -> list[Tank]:
    known = {raw.get("id") for _, raw in source.listed("suppliers") if isinstance(raw, dict)}
    for key, name in (("supplier", rule.supplier), ("escalate_to", rule.escalate_to)):
        if name is not None and name not in known:
            words = f"there is no supplier {name!r} in `suppliers`{suggest(name, suppliers)}"
            binder.faults.add(place.at(key), words)
    return binder.tanks(rule, place)


def _shell(data: object) -> object:
    """The file without its items, which are checked one by one so that a bad one does not hide the others."""
    if not isinstance(data, dict):
        return data
    return {key: [] if isinstance(value, list) else value for key, value in data.items()}


def _unique(source: Source, key: str, model: type[Item], faults: Faults) -> list[tuple[Place, Item]]:
    """Return the sound items of a list with their places; an id that is taken is a fault."""
    found: dict[str, tuple[Place, Item]] = {}
    for where, raw in source.listed(key):
        place = Place(source, where)
        spec = validate(model, raw, place, faults)
        if spec is None:
            continue
        first = found.setdefault(spec.id, (place, spec))
        if first[1] is not spec:
            faults.add(place.at("id"), f"id {spec.id!r} is taken, it stands first in line {first[0].line}")
    return list(found.values())


def _check_supplier(supplier: ChannelSpec, place: Place, faults: Faults) -> None:
    for key in _OF_ALARMS:
        if key in supplier.model_fields_set:
            faults.add(place.at(key), "belongs to those who are told of alarms, not to a supplier")
