"""`datasets.yaml` to a `DatasetBook`, with every fault at once; a dataset that is faulty does not hide the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from twin.access.scope import Tier
from twin.datasets import groups, meters
from twin.datasets.dataset import Dataset, DatasetBook, Figures, Group, Owner
from twin.datasets.members import Choice
from twin.datasets.spec import DatasetSpec, DatasetsSpec, OwnerSpec
from twin.model.source import Place, suggest
from twin.model.validation import validate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from twin.datasets.spec import FiguresSpec
    from twin.derived.point import Derived
    from twin.model.district import Point
    from twin.model.ground import Ground
    from twin.model.source import Faults, Source

_NEVER_OPEN = (
    "a meter is open only as figures: "
    "give the dataset `figures`, or say in `no_dwelling` why it shows no dwelling"
)


def load(source: Source, ground: Ground, derived: Sequence[Derived], faults: Faults) -> DatasetBook | None:
    """Return the datasets of a district; what is wrong with them is among the faults."""
    shell = source.data
    if isinstance(shell, dict):
        shell = {key: [] if isinstance(value, list) else value for key, value in shell.items()}
    validate(DatasetsSpec, {} if shell is None else shell, Place(source, ()), faults)
    owners = _owners(source, faults)
    items = [
        (spec, place)
        for where, raw in source.listed("datasets")
        if (spec := validate(DatasetSpec, raw, place := Place(source, where), faults)) is not None
    ]
    _check_taken(source, "datasets", faults)
    return _Loading(ground, meters.sources(derived), owners, source, faults).book(items)


def _owners(source: Source, faults: Faults) -> dict[str, Owner]:
    found: dict[str, Owner] = {}
    for where, raw in source.listed("owners"):
        spec = validate(OwnerSpec, raw, Place(source, where), faults)
        if spec is not None:
            found.setdefault(spec.id, Owner(spec.id, spec.name, spec.url or ""))
    _check_taken(source, "owners", faults)
    return found


def _check_taken(source: Source, key: str, faults: Faults) -> None:
    first: dict[str, Place] = {}
    for name, where in _ids(source, key):
        place = Place(source, (*where, "id"))
        other = first.setdefault(name, place)
        if other is not place:
            faults.add(place, f"id {name!r} is taken, it stands first in line {other.line}")


def _ids(source: Source, key: str) -> Iterable[tuple[str, tuple[str | int, ...]]]:
    listed = [(raw.get("id"), where) for where, raw in source.listed(key) if isinstance(raw, dict)]
    return [(name, where) for name, where in listed if isinstance(name, str)]


@dataclass(slots=True)
class _Loading:
    ground: Ground
    sources: Mapping[str, frozenset[str]]
    owners: Mapping[str, Owner]
    source: Source
    faults: Faults
    given: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Path to the dataset, and its line, that a point itself is given with."""

    def book(self, items: Sequence[tuple[DatasetSpec, Place]]) -> DatasetBook:
        points = {point.path: point for _, point in self.ground.points()}
        found = [(self._dataset(spec, place, points), place) for spec, place in items]
        book = DatasetBook(tuple(one for one, _ in found), dict(self.owners))
        places = {one.id: place for one, place in found}
        self._check_figures(book, places)
        self._check_shown(book, places, points)
        return book

    def _dataset(self, spec: DatasetSpec, place: Place, points: Mapping[str, Point]) -> Dataset:
        known = {name for name, _ in _ids(self.source, "owners")}
        if spec.owner not in known:
            near = suggest(spec.owner, known)
            self.faults.add(place.at("owner"), f"there is no owner {spec.owner!r} in `owners`{near}")
        paths = Choice(self.ground, self.faults).paths(spec, place)
        if spec.figures is None:
            self._check_given(spec, place, paths)
            self._check_open(spec, place, [points[path] for path in paths])
        return Dataset(
            id=spec.id,
            district=self.ground.id,
            title=spec.title,
            description=spec.description,
            owner=spec.owner,
            contact=spec.contact,
            licence=spec.licence,
            tier=spec.tier,
            finest=spec.finest,
            members=tuple(paths),
            keywords=tuple(spec.keywords),
            figures=self._figures(spec.figures, place, [points[path] for path in paths])
            if spec.figures is not None
            else None,
            listed=spec.listed,
            no_dwelling=spec.no_dwelling or "",
        )

    def _check_given(self, spec: DatasetSpec, place: Place, paths: Iterable[str]) -> None:
        twice: dict[tuple[str, int], list[str]] = {}
        for path in paths:
            other = self.given.setdefault(path, (spec.id, place.line))
            if other != (spec.id, place.line):
                twice.setdefault(other, []).append(path)
        for (name, line), some in twice.items():
            more = f" (and {len(some) - 1} more)" if len(some) > 1 else ""
            words = f"{some[0]}{more} is in dataset {name!r} already (line {line})"
            self.faults.add(place.at("points"), f"{words}: a point is given by one dataset")

    def _check_open(self, spec: DatasetSpec, place: Place, points: Sequence[Point]) -> None:
        if spec.tier is not Tier.OPEN or spec.no_dwelling is not None:
            return
        shown = [one for one in points if self._shows(one)]
        if shown:
            more = f" and {len(shown) - 1} more" if len(shown) > 1 else ""
            words = f"{shown[0].path} ({shown[0].quantity.name}){more}: {_NEVER_OPEN}"
            self.faults.add(place.at("points"), words)

    def _shows(self, point: Point) -> bool:
        """Whether a point shows what is used, itself or by way of what it is computed from."""
        if meters.is_metered(point.quantity):
            return True
        known = (self._metered(path) for path in self.sources.get(point.path, ()))
        return any(known)

    def _metered(self, path: str) -> bool:
        _, owner, name = path.split("/", 2)
        found = self.ground.point(owner, name)
        return found is not None and meters.is_metered(found.quantity)

    # --- figures --------------------------------------------------------------------------------------------

    def _figures(self, spec: FiguresSpec, place: Place, points: Sequence[Point]) -> Figures:
        place = place.at("figures")
        wrong = [one for one in points if not meters.is_register(one.quantity)]
        if wrong:
            first = f"{wrong[0].path} is {wrong[0].quantity.name}"
            words = f"figures are sums of what meters count (energy, water, gas), and {first}"
            self.faults.add(place, words)
        kinds = {site.kind for site in self.ground.sites.values()}
        for level in spec.by:
            if level not in {groups.DISTRICT, groups.SITE} and level not in kinds:
                near = suggest(level, [groups.DISTRICT, groups.SITE, *kinds])
                words = f"must be district, site, or the kind of a site, found {level!r}{near}"
                self.ground.unknown(self.faults, place.at("by"), words)
        found = self._groups(spec, [one for one in points if meters.is_register(one.quantity)])
        large = tuple(one for one in found if len(one.meters) >= spec.at_least)
        if found and not large and self.ground.complete:
            most = max(found, key=lambda one: len(one.meters))
            words = f"no group has {spec.at_least} meters: the largest, "
            words += f"{most.id} ({most.quantity}), has {len(most.meters)}"
            self.faults.add(place, words)
        return Figures(spec.at_least, spec.every, spec.after, large)

    def _groups(self, spec: FiguresSpec, points: Sequence[Point]) -> list[Group]:
        """Return the groups of all levels, each quantity for itself; those that come twice once."""
        found: dict[tuple[str, str], list[str]] = {}
        for level in dict.fromkeys(spec.by):
            for point in points:
                owner = point.path.split("/")[1]
                device = self.ground.devices.get(owner)
                site = device.site if device is not None else owner
                name = groups.place_of(site, level, self.ground.sites, self.ground.graph)
                members = found.setdefault((name, point.quantity.name), []) if name is not None else []
                if point.path not in members:
                    members.append(point.path)
        return [
            Group(name, self._title(name), quantity, tuple(members))
            for (name, quantity), members in found.items()
        ]

    def _title(self, name: str) -> str:
        site = self.ground.sites.get(name)
        return site.name or name if site is not None else name

    def _check_figures(self, book: DatasetBook, places: Mapping[str, Place]) -> None:
        for one, words in groups.faults_of(groups.published_of(book.datasets)):
            self.faults.add(places[one.dataset.id].at("figures"), words)

    def _check_shown(
        self, book: DatasetBook, places: Mapping[str, Place], points: Mapping[str, Point]
    ) -> None:
        """What everybody sees of a meter itself could be subtracted from the figures that it is in."""
        summed = {
            device: one.id
            for one in book.datasets
            if one.figures is not None
            for group in one.figures.groups
            for device in group.meters
        }
        for one in book.datasets if summed else ():
            if one.tier is not Tier.OPEN or one.figures is not None:
                continue
            for path in one.members:
                ends = {path} if meters.is_metered(points[path].quantity) else set()
                ends |= {end for end in self.sources.get(path, ()) if self._metered(end)}
                hit = next((end for end in sorted(ends) if end.split("/")[1] in summed), None)
                if hit is not None:
                    how = "is" if hit == path else f"is computed from {hit},"
                    words = f"{path} {how} of a meter that {summed[hit.split('/')[1]]!r} has in its figures: "
                    self.faults.add(places[one.id].at("points"), f"{words}it could be subtracted from them")
                    break
