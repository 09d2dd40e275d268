"""One thing has one name wherever it is asked for: in queries and in bodies, as the OpenAPI file says."""

import json

import pytest

from barrio.api.selected import Selected
from barrio.api.spec.parameters import OF_ONE, WORDS
from barrio.commands import openapi

CHOSEN = set(Selected.model_fields)
SELECTING = (
    "/api/v1/history",
    "/api/v1/latest",
    "/api/v1/intervals",
    "/api/v1/intervals/totals",
    "/api/v1/stream",
)
BODIES = ("/api/v1/hooks", "/api/v1/exports")


@pytest.fixture(scope="module")
def document():
    return json.loads(openapi.text())


def parameters(document, path):
    found = document["paths"][path]["get"]["parameters"]
    return {one["name"]: one for one in found if one["in"] == "query"}


def body(document, path):
    """The members of the body of a POST, or of all that it may be."""
    found = document["paths"][path]["post"].get("requestBody")
    schema = found["content"]["application/json"]["schema"] if found else {}
    kinds = schema.get("oneOf") or schema.get("anyOf") or [schema]
    named = [
        document["components"]["schemas"][one["$ref"].rpartition("/")[2]] for one in kinds if "$ref" in one
    ]
    return {name: one for kind in named for name, one in kind.get("properties", {}).items()}


@pytest.mark.parametrize("path", SELECTING)
def test_points_are_chosen_by_the_same_parameters(document, path):
    """All of them, with the same schema and the same words."""
    first, found = parameters(document, SELECTING[0]), parameters(document, path)

    assert {name: found.get(name) for name in CHOSEN} == {name: first[name] for name in CHOSEN}


@pytest.mark.parametrize("path", BODIES)
def test_bodies_choose_points_by_the_same_members(document, path):
    """As queries do."""
    assert set(body(document, path)) >= CHOSEN


def test_points_are_called_point_in_every_question(document):
    """One or many: nothing is asked with `points`."""
    wrong = [
        path
        for path, methods in document["paths"].items()
        for method in methods
        if "points" in (body(document, path) if method == "post" else ())
        or any(one["name"] == "points" for one in methods[method].get("parameters", []))
    ]

    assert wrong == []


def test_a_span_is_from_and_to_everywhere(document):
    """No operation that can be asked from a time cannot be asked up to one."""
    named = {
        path: set(parameters(document, path))
        for path, methods in document["paths"].items()
        if "parameters" in methods.get("get", {})
    }

    assert {path for path, names in named.items() if ("from" in names) != ("to" in names)} == set()
    assert {
        path for path, names in named.items() if names & {"start", "stop", "end", "since", "until"}
    } == set()


def test_every_parameter_of_a_query_is_described(document):
    """In words; none is described that there is not."""
    found = [
        (f"{method.upper()} {path}", one)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        for one in operation.get("parameters", [])
        if one["in"] == "query"
    ]

    assert [(key, one["name"]) for key, one in found if not one.get("description")] == []
    assert set(OF_ONE) - {(key, one["name"]) for key, one in found} == set()
    assert set(WORDS) - {one["name"] for _, one in found} == set()
