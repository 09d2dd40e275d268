"""`provisioning.yaml` to a `ProvisioningSpec`, or to every fault in it at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twin.model.provision_spec import ProvisioningSpec
from twin.model.source import Place, shown, suggest
from twin.model.validation import validate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twin.model.source import Faults, Source, Where

_KEYED = (("grafana", "teams", "name"), ("grafana", "receivers", "id"), ("", "utilities", "id"))


def load(source: Source, faults: Faults) -> ProvisioningSpec | None:
    """Return what the file says, None when it is faulty; what is wrong with it is among the faults."""
    spec = validate(ProvisioningSpec, source.data, Place(source, ()), faults)
    # What was written is compared, not what was understood: a faulty item hides nothing that is wrong with others.
    for parent, key, name in _KEYED:
        _check_taken(source, parent, key, name, faults)
    _check_receiver(source, faults)
    _check_twice(source, faults)
    return spec


def _check_taken(source: Source, parent: str, key: str, name: str, faults: Faults) -> None:
    first: dict[str, Place] = {}
    for where, found in _named(source, parent, key, name):
        place = Place(source, where)
        # Grafana takes names of teams that differ only in capitals for one.
        other = first.setdefault(found.casefold(), place)
        if other is not place:
            faults.add(place, f"{name} {shown(found)} is taken, it stands first in line {other.line}")


def _check_receiver(source: Source, faults: Faults) -> None:
    alerts = _part(_part(source.data, "grafana"), "alerts")
    receiver = alerts.get("receiver")
    known = [found for _, found in _named(source, "grafana", "receivers", "id")]
    if isinstance(receiver, str) and receiver not in known:
        place = Place(source, ("grafana", "alerts", "receiver"))
        faults.add(place, f"there is no receiver {shown(receiver)}{suggest(receiver, known)}")


def _check_twice(source: Source, faults: Faults) -> None:
    for where, utility in source.listed("utilities"):
        found = _part_of(utility, "resolutions")
        listed = found if isinstance(found, list) else []
        for position, one in enumerate(listed):
            if one in listed[:position]:
                faults.add(
                    Place(source, (*where, "resolutions", position)), f"{shown(one)} stands there twice"
                )


def _named(source: Source, parent: str, key: str, name: str) -> Iterator[tuple[Where, str]]:
    """Yield place and text of what each item of a list is known by."""
    listed = _part(source.data, parent) if parent else source.data
    items = listed.get(key) if isinstance(listed, dict) else None
    above: Where = (parent, key) if parent else (key,)
    for position, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(found := _part_of(item, name), str):
            yield (*above, position, name), found


def _part(data: Any, key: str) -> dict[str, Any]:
    found = _part_of(data, key)
    return found if isinstance(found, dict) else {}


def _part_of(data: Any, key: str) -> Any:
    return data.get(key) if isinstance(data, dict) else None
