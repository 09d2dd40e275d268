"""`barrio graph` as somebody types it, and the same question over HTTP."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import typer
from fastapi import FastAPI
from typer.testing import CliRunner

from barrio import cli_graph
from barrio.api import graph, problems
from barrio.errors import AskError, UnknownName
from tests.barrio import callers
from tests.barrio.graph.town import district
from twin.errors import StartError

RUN = CliRunner()

pytestmark = pytest.mark.usefixtures("logs_as_before")


@pytest.fixture
def app():
    """The command by itself: its errors are what `barrio` says in a line."""
    found = typer.Typer()
    found.callback()(lambda: None)
    cli_graph.add(found)
    return found


def asked(app, *words):
    found = RUN.invoke(app, ["graph", *words], catch_exceptions=False)
    assert found.exit_code == 0
    return found.stdout


def test_what_a_cabinet_controls(app):
    """The lamps of a cabinet of the district that comes along, as a tree."""
    assert asked(app, "ciudad-maderas", "--of", "cabinet-1", "--down").splitlines() == [
        "cabinet-1  (LightingCabinet · avenida-oriente)",
        "└─ controls oriente-norte  (StreetSegment · avenida-oriente)",
        "   └─ holds 10 Streetlight  (lamp-01 … lamp-10)",
    ]


def test_all_that_a_transformer_feeds(app):
    """Through feeders and cabinets, one by one."""
    words = ["--of", "transformer-1", "--down", "--through", "feeds,controls", "--all"]
    found = asked(app, "ciudad-maderas", *words)

    assert {f"lamp-{number:02}" for number in range(1, 29)} <= set(found.split())
    assert "inverter-1" not in found


def test_everything_upstream_of_a_room(app):
    """From the room through its air handling unit and its building up to the transformer."""
    body = json.loads(asked(app, "ciudad-maderas", "--of", "hospital-room-1", "--up", "--format", "json"))
    [found] = body["graphs"]

    assert {"hospital-ahu-1", "hospital-chiller-1", "meter-hospital", "feeder-2", "transformer-1"} <= set(
        found["above"]
    )
    assert found["below"] == []


@pytest.mark.parametrize(
    ("name", "begin"),
    [("x.svg", "<svg "), ("x.dot", "digraph "), ("x.gv", "digraph "), ("x.json", "{"), ("x", "ciudad")],
)
def test_a_file_is_of_the_format_that_its_name_says(app, tmp_path, name, begin):
    """What is written to a file is nothing on the terminal."""
    assert asked(app, "ciudad-maderas", "--out", str(tmp_path / name)) == ""
    assert (tmp_path / name).read_text("utf-8").startswith(begin)


def test_without_a_name_those_that_ran_last(app, tmp_path):
    """The data folder remembers them."""
    (tmp_path / "districts.json").write_text('{"ciudad-maderas": "twin/districts/ciudad-maderas"}')

    assert asked(app, "--data", str(tmp_path)).startswith("ciudad-maderas: Ciudad Maderas\n")


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (["--of", "cabinet-11"], UnknownName, r"did you mean cabinet-1\?"),
        (["--up"], AskError, "--up: goes from a device or site: name it with --of"),
        (["--down"], AskError, "--down: goes from"),
        (["--through", "fedes"], AskError, "through: 'fedes' is none of feeds, controls"),
        (
            ["--format", "swg"],
            AskError,
            r"--format: 'swg' is none of text, dot, svg, json \(did you mean svg\?\)",
        ),
        (
            ["--out", "/nowhere/x.svg"],
            StartError,
            "/nowhere/x.svg cannot be written: no such file or directory",
        ),
    ],
)
def test_what_is_asked_wrongly_is_said_in_a_line(app, words, error, said):
    """Each with what was probably meant."""
    with pytest.raises(error, match=said):
        asked(app, "ciudad-maderas", *words)


def test_a_data_folder_that_remembers_nothing(app, tmp_path):
    """There is no district to draw, and the words say what to name."""
    with pytest.raises(StartError, match="remembers no district: name one"):
        asked(app, "--data", str(tmp_path))


async def over_http(query) -> httpx.Response:
    async def in_thread(_, function, *args):
        return function(*args)

    platform: Any = SimpleNamespace(catalogue=SimpleNamespace(districts=[district()]), in_thread=in_thread)
    app = FastAPI()
    app.state.sights = callers.inside()
    problems.install(app)
    graph.add(app, platform)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        return await http.get("/api/v1/graph", params=query)


async def test_the_same_over_http():
    """The body is that of `--format json`."""
    [found] = (await over_http({"of": "cabinet", "direction": "down", "through": "controls"})).json()[
        "graphs"
    ]

    assert [node["id"] for node in found["nodes"]][:2] == ["cabinet", "street"]
    assert {"type": "controls", "from": "cabinet", "to": "street"} in found["edges"]
    assert (await over_http({})).json()["graphs"][0]["district"] == "little"


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"of": "cabinett"}, 404, "did you mean cabinet?"),
        ({"direction": "sideways"}, 400, "none of both, up, down"),
        ({"through": "fedes"}, 400, "did you mean feeds?"),
    ],
)
async def test_faults_over_http(query, status, words):
    """As problems, with the parameter that is wrong."""
    found = await over_http(query)

    assert found.status_code == status
    assert words in found.json()["detail"]
