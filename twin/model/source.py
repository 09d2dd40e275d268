"""YAML and CSV files with the line of everything in them, so that a fault can name its place.

Only plain data is read: no tags that make objects, no aliases, no key twice, and a bound on size and depth.
"""

from __future__ import annotations

import csv
import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from twin.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pydantic_core import ErrorDetails

MAX_BYTES = 8_000_000
MAX_DEPTH = 32

Key = str | int
Where = tuple[Key, ...]
ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(slots=True)
class Faults:
    """Collects everything that is wrong, in the order in which it was found."""

    found: list[Fault] = field(default_factory=list)

    def add(self, source: Source, where: Where, message: str) -> None:
        """Add a fault at a place in a source."""
        self.found.append(Fault(source.path, source.line(where), dotted(where) or "(file)", message))


@dataclass(frozen=True, slots=True)
class Source:
    """Plain data of one file, and the line at which each path in it begins."""

    path: Path
    data: Any
    lines: Mapping[Where, int]

    def line(self, where: Where) -> int:
        """Line of a path, or of the nearest one above it that the file has."""
        for length in range(len(where), -1, -1):
            found = self.lines.get(where[:length])
            if found is not None:
                return found
        return 1


def dotted(where: Where) -> str:
    """Return `devices[2].profile` for `("devices", 2, "profile")`."""
    text = ""
    for key in where:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text


def suggest(found: str, known: Iterable[str]) -> str:
    """Return ` (did you mean X?)` with the nearest known name, or nothing."""
    near = difflib.get_close_matches(found, list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def read_yaml(path: Path, faults: Faults) -> Source | None:
    """Return the file's content, or None with the reason among the faults."""
    text = _read_text(path, faults)
    if text is None:
        return None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        reader = _Reader()
        data = reader.plain(node, ()) if node is not None else {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = error.problem or error.context or "not YAML"
        faults.found.append(Fault(path, mark.line + 1 if mark else 1, "(file)", f"not valid YAML: {words}"))
        return None
    except yaml.YAMLError as error:
        faults.found.append(Fault(path, 1, "(file)", f"not valid YAML: {str(error).splitlines()[0]}"))
        return None
    return Source(path, data, reader.lines)


def read_csv(path: Path, faults: Faults) -> Source | None:
    """Return a table as a list of rows (mappings of text), empty cells left out; None with the reason if unreadable."""
    text = _read_text(path, faults)
    if text is None:
        return None
    rows: list[dict[str, str]] = []
    lines: dict[Where, int] = {}
    reader = csv.DictReader(text.splitlines(), restkey="(more)")
    for row in reader:
        lines[(len(rows),)] = reader.line_num
        if "(more)" in row:
            faults.found.append(
                Fault(path, reader.line_num, f"[{len(rows)}]", "more cells than the header names")
            )
        rows.append(
            {key.strip(): cell.strip() for key, cell in row.items() if isinstance(cell, str) and cell.strip()}
        )
    return Source(path, rows, lines)


def validate(
    model: type[ModelT], data: object, source: Source, where: Where, faults: Faults
) -> ModelT | None:
    """Return `data` as the model, or None with every fault of it added."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            faults.add(source, (*where, *_visible(detail, source, where)), _words(detail, model))
        return None


def _read_text(path: Path, faults: Faults) -> str | None:
    try:
        raw = path.read_bytes()
    except OSError as error:
        words = (error.strerror or "unreadable").lower()
        faults.found.append(Fault(path, 1, "(file)", f"cannot be read: {words}"))
        return None
    if len(raw) > MAX_BYTES:
        faults.found.append(Fault(path, 1, "(file)", f"is larger than {MAX_BYTES:,} bytes"))
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        faults.found.append(Fault(path, line, "(file)", "is not UTF-8 text"))
        return None


class _Reader:
    """Turns a YAML node into plain data and keeps the lines."""

    def __init__(self) -> None:
        self.lines: dict[Where, int] = {}
        self._constructor = yaml.SafeLoader("")
        self._seen: set[int] = set()

    def plain(self, node: yaml.Node, where: Where) -> object:
        self.lines.setdefault(where, node.start_mark.line + 1)
        if len(where) > MAX_DEPTH:
            raise yaml.MarkedYAMLError(
                problem=f"nested deeper than {MAX_DEPTH}", problem_mark=node.start_mark
            )
        if isinstance(node, yaml.ScalarNode):
            return self._constructor.construct_object(node)
        if id(node) in self._seen:
            raise yaml.MarkedYAMLError(
                problem="aliases (*name) are not read here", problem_mark=node.start_mark
            )
        self._seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            return [self.plain(child, (*where, index)) for index, child in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, where)
        raise yaml.MarkedYAMLError(problem="unknown kind of YAML node", problem_mark=node.start_mark)

    def _mapping(self, node: yaml.MappingNode, where: Where) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be a word", problem_mark=key_node.start_mark)
            key = self._constructor.construct_object(key_node)
            if key in result:
                raise yaml.MarkedYAMLError(
                    problem=f"key {key!r} stands here twice", problem_mark=key_node.start_mark
                )
            place = (*where, key if isinstance(key, str) else str(key))
            self.lines[place] = key_node.start_mark.line + 1
            result[key] = self.plain(value_node, place)
        return result


def _visible(detail: ErrorDetails, source: Source, where: Where) -> Where:
    """The part of pydantic's location that the file has (it adds names of union members), keeping a missing key."""
    result: Where = ()
    for key in detail["loc"]:
        if (*where, *result, key) in source.lines or detail["type"] in {"missing", "extra_forbidden"}:
            result = (*result, key)
    return result or tuple(detail["loc"][:1])


def _words(detail: ErrorDetails, model: type[BaseModel]) -> str:
    kind, found = detail["type"], detail["input"]
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return f"unknown key{suggest(str(detail['loc'][-1]), _names(model))}"
    if kind == "value_error":
        return f"{detail['ctx']['error']}, found {_short(found)}"
    if kind == "literal_error":
        expected = detail["ctx"]["expected"].replace("'", "")
        near = suggest(str(found), expected.replace(" or ", ", ").split(", "))
        return f"must be {expected}, found {_short(found)}{near}"
    message = detail["msg"].removeprefix("Input ").lower()
    return f"{message}, found {_short(found)}"


def _names(model: type[BaseModel], depth: int = 3) -> set[str]:
    """Names of the keys of a model and of the models inside it: enough for a suggestion."""
    names = {info.alias or name for name, info in model.model_fields.items()}
    for info in model.model_fields.values() if depth else ():
        for inner in _models_in(info.annotation):
            names |= _names(inner, depth - 1)
    return names


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [inner for part in getattr(annotation, "__args__", ()) for inner in _models_in(part)]


def _short(value: object, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
