"""The names that a filter may have, of what one caller sees: another one is refused, with the nearest of them.

A list is empty where its filters fit nothing together. A name that nothing has for this caller is a mistake of who
asks, in the catalogue as in history: what is hidden is looked for among the same names as what there is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from barrio.catalogue.ask import Wanted
from barrio.filters import nothing_with
from twin.datasets.seen import known_to
from twin.model.source import suggest, suggest_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from barrio.catalogue.view import View
    from twin.access.sight import Sight
    from twin.model.district import District

_FILTERS = ("district", "under", "kind", "quantity", "site", "device", "profile", "dataset")
SITE = "site"


class Names:
    """The names of one view, each kind of them gathered when it is first asked for; only datasets are at once."""

    def __init__(self, view: View, sight: Sight, districts: Iterable[District]) -> None:
        self._view = view
        # Those of datasets need the sight, which is not kept: it is the weak key of its view.
        datasets = [one.dataset for one in known_to(sight, districts)]
        self._made: dict[str, AbstractSet[str]] = {"dataset": _both(one.key for one in datasets)}

    def hold(self, wanted: Wanted, word: str) -> Wanted:
        """Return what is wanted of `word`s (point, site …); UnknownName when one of its names is none."""
        said = {name: value for name in _FILTERS if (value := getattr(wanted, name)) is not None}
        of_sites = word == SITE
        if all(self._is_known(name, value, of_sites=of_sites) for name, value in said.items()):
            return wanted
        near = {name: self._near(name, value, of_sites=of_sites) for name, value in said.items()}
        raise nothing_with(word, said, near)

    def hold_end(self, of: str | None) -> None:
        """Return when a device or site is known that may be at the end of a relation, or none is meant."""
        view = self._view
        known = _both(view.devices) | _both(view.sites)
        if of is not None and of not in known:
            raise nothing_with("relation", {"of": of}, {"of": suggest(of, known)})

    def _is_known(self, name: str, value: str, *, of_sites: bool) -> bool:
        if name == "under":
            under = value.strip("/")
            return under in self._view.by_path or under in self.of("owner") or under in self._view.districts
        return value in self.of("kind of site" if of_sites and name == "kind" else name) or (
            name == "site" and value in self.of("around")
        )

    def _near(self, name: str, value: str, *, of_sites: bool) -> str:
        if self._is_known(name, value, of_sites=of_sites):
            return ""
        if name == "under":
            return suggest_path(value, self._view.by_path)
        return suggest(value, self.of("kind of site" if of_sites and name == "kind" else name))

    def of(self, name: str) -> AbstractSet[str]:
        """Return the names of a kind."""
        found = self._made.get(name)
        if found is None:
            found = self._made[name] = frozenset(_GATHERED[name](self._view))
        return found


def _both(keys: Iterable[str]) -> set[str]:
    """Return names with their district and without."""
    return {name for key in keys for name in (key, key.partition("/")[2])}


def _owners(view: View) -> set[str]:
    return {f"{one.owner.district}/{one.owner.id}" for one in view.facts}


def _around(view: View) -> set[str]:
    """Return the sites in which something is seen, and those around them."""
    return _both(f"{one.owner.district}/{site}" for one in view.facts for site in one.around)


_GATHERED: Mapping[str, Callable[[View], Iterable[str]]] = {
    "district": lambda view: view.districts,
    "site": lambda view: _both(view.sites),
    "around": _around,
    "kind of site": lambda view: {row["kind"] for row in view.sites.values()},
    "owner": _owners,
    "device": lambda view: _both(_owners(view)),
    "kind": lambda view: {one.owner.kind for one in view.facts},
    "profile": lambda view: view.profiles(),
    "quantity": lambda view: {one.item.point.quantity.name for one in view.facts},
}
