"""JSON schemas (draft 2020-12) in short: `record(id=WHOLE, words=TEXT)` is an object that has both.

A record may have more members than it names: what is added later breaks no reader.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "minimum": 0}
TRUTH: Schema = {"type": "boolean"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
ANYTHING: Schema = {}


def record(optional: dict[str, Schema] | None = None, /, **members: Schema) -> Schema:
    """Return an object that has all members; `optional` are those that it may have. `from_` is the member `from`."""
    named = {name.rstrip("_"): schema for name, schema in members.items()}
    return {"type": "object", "required": list(named), "properties": {**named, **(optional or {})}}


def many(item: Schema) -> Schema:
    """Return a list."""
    return {"type": "array", "items": item}


def each(value: Schema) -> Schema:
    """Return an object whose members have names of their own."""
    return {"type": "object", "additionalProperties": value}


def maybe(schema: Schema) -> Schema:
    """Return what may be null."""
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    return {**schema, "type": [schema["type"], "null"]}


def one_of(*words: str) -> Schema:
    """Return a text that is one of some words."""
    return {"type": "string", "enum": list(words)}


def component(name: str) -> Schema:
    """Return what refers to a schema of the file."""
    return {"$ref": f"#/components/schemas/{name}"}


def listed(name: str, item: Schema, **more: Schema) -> Schema:
    """Return a page of a list that is cut by limit and offset."""
    return record(total=COUNT, limit=COUNT, offset=COUNT, **more, **{name: many(item)})
