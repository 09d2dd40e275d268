"""Profiles: where they are found, and their points compiled once for all devices that share them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from twin.model.inheritance import overlay
from twin.model.points import PointCompiler
from twin.model.source import Place, suggest
from twin.model.spec import ProfileSpec, is_id
from twin.model.validation import validate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pydantic import BaseModel

    from twin.model.district import Point
    from twin.model.protocol import ProtocolSchema
    from twin.model.reading import Reading
    from twin.model.source import Faults, Source
    from twin.model.spec import OverridesSpec

PROFILES_FOLDER = "profiles"
_LONGEST_CHAIN = 16


@dataclass(slots=True)
class Profile:
    """A profile with its place. `sound` tells whether its options and points stand; only then they are asked for."""

    spec: ProfileSpec
    place: Place
    schema: ProtocolSchema
    faults: Faults
    sound: bool = False
    _options: BaseModel | None = None
    _varied: dict[str, BaseModel] = field(default_factory=dict)
    _points: dict[tuple[float, float], dict[str, Point]] = field(default_factory=dict)

    def check(self) -> None:
        """Check options and points once here, so that four hundred lamps do not repeat one fault."""
        before = len(self.faults)
        self._options = validate(
            self.schema.options_model, self.spec.options, self.place.at("options"), self.faults
        )
        self._compiled(self.spec.poll, self.spec.heartbeat)
        self.sound = len(self.faults) == before

    def options(self, over: OverridesSpec, place: Place) -> BaseModel | None:
        """Return a device's options; the same object for all devices that override none."""
        if not over.options:
            return self._options
        key = repr(sorted(over.options.items()))
        if (found := self._varied.get(key)) is not None:
            return found
        merged = {**self.spec.options, **over.options}
        options = validate(self.schema.options_model, merged, place.at("options"), self.faults)
        if options is not None:
            self._varied[key] = options
        return options

    def points(self, over: OverridesSpec, place: Place) -> dict[str, Point]:
        """Return a device's points, with their names for paths, in the order of the profile."""
        points = self._compiled(over.poll or self.spec.poll, over.heartbeat or self.spec.heartbeat)
        if not over.points:
            return points
        compiler = self._compiler(over.poll or self.spec.poll, over.heartbeat or self.spec.heartbeat)
        changed = dict(points)
        for name, raw in over.points.items():
            where = place.at("points", name)
            if name not in points:
                words = f"profile {self.spec.profile!r} has no point {name!r}{suggest(name, points)}"
                self.faults.add(where, words)
            elif (point := compiler.point(name, {**self.spec.points[name], **raw}, where)) is not None:
                changed[name] = point
        return changed

    def _compiler(self, poll_s: float, heartbeat_s: float) -> PointCompiler:
        return PointCompiler(self.schema, poll_s, heartbeat_s, self.faults)

    def _compiled(self, poll_s: float, heartbeat_s: float) -> dict[str, Point]:
        found = self._points.get((poll_s, heartbeat_s))
        if found is None:
            compiler = self._compiler(poll_s, heartbeat_s)
            pairs = [
                (name, compiler.point(name, raw, self.place.at("points", name)))
                for name, raw in self.spec.points.items()
            ]
            found = {name: point for name, point in pairs if point is not None}
            self._points[poll_s, heartbeat_s] = found
        return found


class Profiles:
    """The profiles of a district by name, each read when it is first asked for.

    They are looked for in the district's own `profiles/` first, then in `folders` in their order.
    """

    def __init__(
        self,
        folder: Path,
        folders: Sequence[Path],
        schemas: Mapping[str, ProtocolSchema],
        reading: Reading,
    ) -> None:
        self._folders = [folder / PROFILES_FOLDER, *folders]
        self._schemas = schemas
        self._reading = reading
        self._read: dict[str, Profile | None] = {}
        self._layered: dict[Path, Source | None] = {}

    def get(self, name: str, asked_at: Place) -> Profile | None:
        """Return a profile; None, with the reason among the faults, when there is none that can be used at all."""
        if name not in self._read:
            self._read[name] = self._load(name, asked_at)
        return self._read[name]

    def check_own(self) -> list[Profile]:
        """Check every profile in the district's own folder, used or not, and return those that can be used."""
        paths = [path for path in sorted(self._folders[0].glob("*.yaml")) if path.is_file()]
        for path in paths:
            if path.stem not in self._read:
                self._read[path.stem] = self._take(path, path.stem)
        return [profile for path in paths if (profile := self._read[path.stem]) is not None]

    def _load(self, name: str, asked_at: Place) -> Profile | None:
        path = self._find(name, asked_at, self._folders)
        return None if path is None else self._take(path, name)

    def _find(self, name: str, asked_at: Place, folders: Sequence[Path]) -> Path | None:
        paths = [folder / f"{name}.yaml" for folder in folders]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            known = {found.stem for folder in folders for found in folder.glob("*.yaml")}
            self._reading.faults.add(asked_at, f"there is no profile {name!r}{suggest(name, known)}")
        return path

    def _source(self, path: Path, below: tuple[Path, ...] = ()) -> Source | None:
        """Return what a file says, laid over what it extends; `below` are the variants that led to it."""
        if path not in self._layered:
            source = self._reading.yaml(path)
            self._layered[path] = None if source is None else self._extended(source, (*below, path))
        return self._layered[path]

    def _extended(self, source: Source, chain: tuple[Path, ...]) -> Source | None:
        name = source.data.get("extends") if isinstance(source.data, dict) else None
        if not isinstance(name, str) or not is_id(name):
            return source
        place = Place(source, ("extends",))
        path = self._find(name, place, self._folders_for(name, source.path))
        if path in chain:
            words = " -> ".join(found.stem for found in (*chain[chain.index(path) :], path))
            self._reading.faults.add(place, f"goes round in a circle: {words}")
            return None
        if len(chain) > _LONGEST_CHAIN:
            self._reading.faults.add(place, f"is the end of a chain of more than {_LONGEST_CHAIN} profiles")
            return None
        parent = None if path is None else self._source(path, chain)
        if parent is None or not isinstance(parent.data, dict):
            return None
        return overlay(source, parent, self._reading.faults)

    def _folders_for(self, name: str, path: Path) -> Sequence[Path]:
        """Folders to look for a parent in: a profile that extends its own name means the one that it hides."""
        if name != path.stem or path.parent not in self._folders:
            return self._folders
        return self._folders[self._folders.index(path.parent) + 1 :]

    def _take(self, path: Path, name: str) -> Profile | None:
        faults = self._reading.faults
        source = self._source(path)
        place = Place(source, ()) if source else None
        spec = validate(ProfileSpec, source.data, place, faults) if source and place else None
        if place is not None and spec is None:
            self._check_points(place)
        if spec is None or place is None:
            return None
        if spec.profile != name:
            words = f"the file is called {path.name}, the profile {spec.profile!r}"
            faults.add(place.at("profile"), words)
        schema = self._schemas.get(spec.protocol)
        if schema is None:
            words = f"no connector speaks {spec.protocol!r}{suggest(spec.protocol, self._schemas)}"
            faults.add(place.at("protocol"), f"{words}; installed are {', '.join(sorted(self._schemas))}")
            return None
        profile = Profile(spec, place, schema, faults)
        profile.check()
        return profile

    def _check_points(self, place: Place) -> None:
        """Check the points of a profile that is faulty elsewhere, so that its faults come out together."""
        data = place.source.data if isinstance(place.source.data, dict) else {}
        schema = self._schemas.get(data["protocol"]) if isinstance(data.get("protocol"), str) else None
        points = data.get("points")
        if schema is None or not isinstance(points, dict):
            return
        compiler = PointCompiler(schema, 1.0, 1.0, self._reading.faults)
        for name, raw in points.items():
            if isinstance(name, str) and isinstance(raw, dict) and all(isinstance(key, str) for key in raw):
                compiler.point(name, raw, place.at("points", name))
