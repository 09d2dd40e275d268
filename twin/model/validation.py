"""Plain data to a pydantic model, its faults in the words of the person who wrote the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from twin.model.source import Place, shown, suggest
from twin.model.spec import Named, SecretHere

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_core import ErrorDetails

    from twin.model.source import Faults, Where

ModelT = TypeVar("ModelT", bound=BaseModel)

_NAMES_ONE = "${secret:"
_NOT_LOOKED_UP = (
    "no secret is looked up here: ${secret:NAME} stands only where the protocol's options ask for one"
)

_MEMBER = re.compile(r"<[\w.]+: ([^>]*)>")
"""A member of an enumeration as a literal shows it."""
_LIST = "must be a list (lines that begin with a dash)"
_MAPPING = "must be a mapping (lines of key: value)"
_EXPECTED = {
    "list_type": _LIST,
    "tuple_type": _LIST,
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "string_type": "must be text (put it in quotes)",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "invalid_key": "a key must be a word",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
}


def validate(model: type[ModelT], data: object, place: Place, faults: Faults) -> ModelT | None:
    """Return `data` as the model, or None with every fault of it added at its own line."""
    try:
        found = model.model_validate(data)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            faults.add(place.at(*_visible(detail, place)), _words(detail, model))
        return None
    for where in _misplaced_secrets(found):
        faults.add(place.at(*(where[-1:] if place.source.is_table else where)), _NOT_LOOKED_UP)
    return found


def _misplaced_secrets(found: object, where: Where = ()) -> Iterator[Where]:
    """Yield the places of texts that name a secret where none is looked up: they would be kept as they stand.

    Mappings are left out: those of a profile are checked when the protocol gives them their model.
    """
    if isinstance(found, str):
        if _NAMES_ONE in found and not isinstance(found, Named):
            yield where
    elif isinstance(found, BaseModel):
        for name, info in type(found).model_fields.items():
            yield from _misplaced_secrets(getattr(found, name), (*where, info.alias or name))
    elif isinstance(found, tuple):
        for index, item in enumerate(found):
            yield from _misplaced_secrets(item, (*where, index))


def _visible(detail: ErrorDetails, place: Place) -> Where:
    """The part of pydantic's location that the file has (it adds names of union members), keeping a missing key."""
    location = detail["loc"]
    if place.source.is_table:
        return location[-1:]
    result: Where = ()
    for key in location:
        here = (*place.where, *result)
        if (*here, key) in place.source.lines or detail["type"] == "missing":
            result = (*result, key)
        elif (*here, str(key).lower()) in place.source.lines:
            result = (*result, str(key).lower())
    return result


def _words(detail: ErrorDetails, model: type[BaseModel]) -> str:
    kind, found = detail["type"], detail["input"]
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return f"unknown key{suggest(str(detail['loc'][-1]), _names(model, detail['loc'][:-1]))}"
    if kind == "value_error":
        error = detail["ctx"]["error"]
        keys = found if isinstance(found, dict) else {}
        # A secret is not shown, and where keys do not go together the words name them.
        complete = isinstance(error, SecretHere) or not detail["loc"] or bool(keys)
        return str(error) if complete else f"{error}, found {shown(found)}"
    if kind in {"literal_error", "enum"}:
        expected = _MEMBER.sub(r"\1", detail["ctx"]["expected"].replace("'", ""))
        near = suggest(str(found), expected.replace(" or ", ", ").split(", "))
        return f"must be {expected}, found {shown(found)}{near}"
    message = _EXPECTED.get(kind) or detail["msg"].replace("Input should", "must", 1)
    return f"{message}, found {shown(found)}"


def _names(model: type[BaseModel], location: Where) -> list[str]:
    """Names of the keys of the model inside `model` that a location leads to."""
    for key in location:
        info = next((i for n, i in model.model_fields.items() if key in {n, i.alias}), None)
        inner = _models_in(info.annotation) if info else [model]
        if not inner:
            return []
        model = inner[0]
    return [info.alias or name for name, info in model.model_fields.items()]


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [inner for part in getattr(annotation, "__args__", ()) for inner in _models_in(part)]
