"""Examples of answers: those that routes declare, and for the others what the demo district really answered.

`tools/record_examples.py` writes `examples.json`, by operation id. What has neither shows an answer of the same shape.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fastapi.routing import APIRoute, iter_route_contexts

from barrio.api.spec.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI


def examples_of(app: FastAPI) -> Mapping[str, Any]:
    """Return examples by operation id; FastAPI itself leaves out of them whatever is null."""
    text = files("barrio.api.spec").joinpath("examples.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    for context in iter_route_contexts(app.routes):
        if isinstance(context.original_route, APIRoute) and context.include_in_schema:
            method = next(iter(context.methods or {"GET"}))
            name = OPERATIONS[f"{method} {context.path_format}"].id
            for answer in context.responses.values():
                for content in answer.get("content", {}).values():
                    if content.get("example"):
                        found[name] = content["example"]
    shapes = {one.answer: found[one.id] for one in OPERATIONS.values() if one.id in found}
    return {
        one.id: found.get(one.id, shapes.get(one.answer))
        for one in OPERATIONS.values()
        if one.id in found or ("/" not in one.answer and one.answer in shapes)
    }
