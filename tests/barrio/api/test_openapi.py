"""The OpenAPI file: valid, whole, published, and true of what comes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from barrio.api.spec.document import ANYWHERE
from barrio.api.spec.operations import OPERATIONS, TAGS
from barrio.commands import openapi
from tests.barrio.access.town import town
from tests.barrio.processes import barrio

PUBLISHED = Path(__file__).parents[3] / "docs" / "openapi.json"
WITHOUT_EXAMPLE = {"download_export": "a file of any format"}
ASKED = {
    "/api/v1/alarms/backtest": "?rule=hot&from=-1h",
    "/api/v1/history": "?under=little",
    "/api/v1/intervals": "?under=little",
    "/api/v1/intervals/totals": "?under=little",
    "/api/v1/intervals/versions": "?point=little/probe/energy",
}
NAMED = {
    "/api/v1/points/{path}/latest": ["/api/v1/points/little/probe/temperature/latest"],
    "/api/v1/why/{path}": ["/api/v1/why/little/probe/temperature"],
    "/api/v1/alarms/{number}": ["/api/v1/alarms/1"],
    "/api/v1/districts/{district}": ["/api/v1/districts/little"],
    "/api/v1/sites/{district}/{site}": ["/api/v1/sites/little/house"],
    "/api/v1/devices/{district}/{device}": ["/api/v1/devices/little/probe"],
    "/api/v1/profiles/{profile}": ["/api/v1/profiles/thing"],
    "/api/v1/quantities/{quantity}": ["/api/v1/quantities/air_temperature"],
    "/api/v1/points/{path}": ["/api/v1/points/little/probe/temperature", "/api/v1/points/little/probe/seen"],
    "/api/v1/datasets/{dataset}": ["/api/v1/datasets/little/weather"],
    "/sta/v1.1/{path}": ["/sta/v1.1/Things", "/sta/v1.1/Things(1)/name/$value"],
}


@pytest.fixture(scope="module")
def document():
    return json.loads(openapi.text())


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def fits(document, schema, value):
    """Return what of a value does not fit a schema of the file."""
    found = OAS31Validator({**schema, "components": document["components"]}).iter_errors(value)
    return [f"{'/'.join(map(str, one.absolute_path))}: {one.message[:200]}" for one in found]


def test_it_is_openapi_3_1(document):
    """A validator of others takes it; it says what it is, under which licence, and how to show a token."""
    validate(document)

    assert document["openapi"].startswith("3.1.")
    assert document["info"]["license"]["identifier"] == "Apache-2.0"
    assert {"bearer", "basic", "cookie"} == set(document["components"]["securitySchemes"])
    assert document["security"][0] == {}


def test_the_published_file_is_what_barrio_prints(document):
    """`barrio openapi --out docs/openapi.json` writes it anew."""
    assert json.loads(PUBLISHED.read_text(encoding="utf-8")) == document


def test_every_operation_is_told(document):
    """Each has an id of its own, a summary, a description, a described tag; the table names no other."""
    found = dict(operations(document))
    ids = [one["operationId"] for one in found.values()]

    assert set(found) == set(OPERATIONS)
    assert len(set(ids)) == len(ids)
    assert all(one.replace("_", "a").isalnum() and one == one.lower() for one in ids)
    assert {one["tags"][0] for one in found.values()} == set(TAGS)
    assert [key for key, one in found.items() if not one["description"].rstrip().endswith(".")] == []


def test_every_operation_says_what_a_middleware_may_answer(document):
    """The gate, the door and the rate answer before any route; none of FastAPI's own problems is named."""
    for key, one in operations(document):
        assert {str(status.value) for status in ANYWHERE} <= set(one["responses"]), key
    assert "HTTPValidationError" not in json.dumps(document)


def test_every_parameter_is_bounded_in_words(document):
    """Each parameter has a schema; each text of a query has a longest length, a format or some words."""
    texts = [
        f"{key} {one['name']}"
        for key, operation in operations(document)
        for one in operation.get("parameters", [])
        if not one["schema"]
    ]

    assert texts == []


def test_every_example_fits_its_schema(document):
    """Examples have all members, and none that a schema does not name where it names them."""
    wrong, without = [], []
    for key, operation in operations(document):
        for status, answer in operation["responses"].items():
            contents = answer.get("content", {})
            if status.startswith("2") and contents and not any("example" in one for one in contents.values()):
                without.append(operation["operationId"])
            for content in contents.values():
                if "example" in content:
                    wrong += [f"{key} {one}" for one in fits(document, content["schema"], content["example"])]

    assert wrong == []
    assert set(without) == set(WITHOUT_EXAMPLE)


async def test_real_answers_fit_what_is_declared(tmp_path, document):
    """Everything that can be read of two districts with alarms, orders and datasets has the declared shape."""
    wrong, read = [], set()
    async with town(tmp_path) as found:
        await found.ask(
            "operator", "POST", "/api/v1/commands", {"point": "little/probe/level", "value": 30, "who": "a"}
        )
        for path, methods in document["paths"].items():
            if "get" not in methods or path == "/api/v1/stream":
                continue
            urls = NAMED.get(path, [] if "{" in path else [path + ASKED.get(path, "")])
            for url in urls:
                for caller in ("operator", "reader", "scoped", "public"):
                    answer = await found.ask(caller, "GET", url)
                    declared = methods["get"]["responses"].get(str(answer.status_code))
                    assert declared is not None, (url, caller, answer.status_code)
                    if answer.status_code != 200:
                        continue
                    read.add(path)
                    media = answer.headers["content-type"].partition(";")[0]
                    assert media in declared["content"], (url, media)
                    if media.endswith("json"):
                        schema = declared["content"][media]["schema"]
                        wrong += [f"{url} {caller} {one}" for one in fits(document, schema, answer.json())]

    assert wrong == []
    assert len(read) > 45


async def test_a_running_platform_gives_its_file(stage):
    """With an ETag; a district without alarms describes none."""
    first = await stage.http.get("/openapi.json")
    again = await stage.http.get("/openapi.json", headers={"If-None-Match": first.headers["etag"]})

    assert again.status_code == 304
    assert "/api/v1/points" in first.json()["paths"]
    assert "/api/v1/alarms" not in first.json()["paths"]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/v1/commands", "GET, POST"),
        ("/api/v1/exports/abc", "DELETE, GET"),
        ("/api/v1/points", "GET, HEAD"),
        ("/api/v1/history", "GET"),
    ],
)
async def test_a_method_that_a_path_does_not_take_is_told_all_that_it_does(tmp_path, path, allowed):
    """Also where each method has a route of its own."""
    async with town(tmp_path) as found:
        answer = await found.ask("operator", "PATCH", path)

    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


def test_it_costs_nothing_before_it_is_asked_for():
    """An application is made without it."""
    code = (
        "import sys, barrio.commands.openapi as command\n"
        "from barrio.api.app import create_app\n"
        "create_app(command.nobody(), whole=True)\n"
        "print([name for name in sys.modules if name.startswith('barrio.api.spec')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.strip() == "[]"


def test_it_is_written_where_it_can_be(tmp_path):
    """A folder that is not there is said without a traceback."""
    done = barrio("openapi", "--out", "there/openapi.json", cwd=tmp_path)

    assert done.returncode != 0
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
