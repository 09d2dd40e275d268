"""Sites and relations: whether every name in them leads somewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.model.relations import Ends, check_relations
from twin.model.source import Faults, Place, suggest
from twin.model.spec import RelationSpec, SiteSpec
from twin.model.validation import ModelT, validate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twin.model.rows import Rows
    from twin.model.source import Source


def check_places(source: Source, devices: Rows, faults: Faults) -> None:
    """Add what is wrong with the sites and relations of `district.yaml` and with the sites of devices.

    Items that are faulty in themselves are left alone here, and a name is not called unknown where it may stand in
    a part that could not be read.
    """
    sites = _sound(SiteSpec, source, "sites")
    ids = _ids(source)
    _check_sites(sites, ids, faults)
    if source.data.get("sites") is None or isinstance(source.data["sites"], list):
        _check_devices(devices, ids, faults)
    known = Ends(
        sites=frozenset(ids),
        devices=frozenset(devices.ids),
        within={site.id: site.within for _, site in sites if site.within is not None},
        stands={row.spec.id: row.spec.site for row in devices.rows},
        complete=devices.complete,
    )
    check_relations(_sound(RelationSpec, source, "relations"), known, faults)


def _sound(model: type[ModelT], source: Source, key: str) -> list[tuple[Place, ModelT]]:
    unheard = Faults()
    items = [(Place(source, where), raw) for where, raw in source.listed(key)]
    return [(place, spec) for place, raw in items if (spec := validate(model, raw, place, unheard))]


def _ids(source: Source) -> list[str]:
    """Ids of all sites, of faulty ones too."""
    items = [raw.get("id") for _, raw in source.listed("sites") if isinstance(raw, dict)]
    return [found for found in items if isinstance(found, str)]


def _check_sites(sites: list[tuple[Place, SiteSpec]], ids: list[str], faults: Faults) -> None:
    first: dict[str, SiteSpec] = {}
    for place, site in sites:
        if first.setdefault(site.id, site) is not site:
            faults.add(place.at("id"), f"site id {site.id!r} is taken")
    within = {site.id: site.within for site in first.values()}
    for place, site in sites:
        if site.within is not None and site.within not in ids:
            words = f"there is no site {site.within!r}{suggest(site.within, ids)}"
            faults.add(place.at("within"), words)
        elif _encloses_itself(site.id, within):
            faults.add(place.at("within"), f"site {site.id!r} lies within itself")


def _encloses_itself(site: str, within: Mapping[str, str | None]) -> bool:
    seen: set[str] = set()
    current = within.get(site)
    while current is not None and current != site and current not in seen:
        seen.add(current)
        current = within.get(current)
    return current == site


def _check_devices(devices: Rows, ids: list[str], faults: Faults) -> None:
    known = set(ids)
    for row in devices.rows:
        if row.spec.site not in known:
            words = f"there is no site {row.spec.site!r} in district.yaml{suggest(row.spec.site, ids)}"
            faults.add(row.at("site"), words)
